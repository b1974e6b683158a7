"""Parts for maps: (M, N, C, H, W) values of M networks, kept as the channels of one map.

In memory they lie as (N, H, W, M, C), so that a grouped convolution takes them as they are. On a
processor it is used where it changes no bit of what each network computes alone, which is tried out
once for each shape: its way ahead, its way back to the maps, and its way back to the weights.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from trainer.stacking.parts import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor
    from torch.nn import Module

    from trainer.stacking.rows import Weight

LAST = torch.channels_last


def grouped(x: Tensor) -> Tensor:
    """(M, N, C, H, W) to (N, M C, H, W) in the layout of channels last; (M, N, F) to (N, M F)."""
    x = x.transpose(0, 1).flatten(1, 2)
    return x.contiguous(memory_format=LAST) if x.dim() == 4 else x.contiguous()


def apart(x: Tensor, models: int) -> Tensor:
    """The way back; a view."""
    return x.view(len(x), models, -1, *x.shape[2:]).transpose(0, 1)


def each_of(x: Tensor, models: int) -> Iterator[Tensor]:
    """The maps of each network as it has them alone, (N, C, H, W), from (N, M C, H, W)."""
    return map(as_alone, x.chunk(models, dim=1))


def as_alone(x: Tensor) -> Tensor:
    """Maps of one network in the memory layout in which it has them alone."""
    return x.contiguous(memory_format=LAST)


class Form(NamedTuple):
    """What a convolution is beside its weights."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    def ahead(self, x: Tensor, w: Tensor, b: Tensor | None, groups: int) -> Tensor:
        return torch.conv2d(x, w, b, self.stride, self.padding, self.dilation, groups)

    def back(
        self, slope: Tensor, x: Tensor, w: Tensor, groups: int, wanted: tuple[bool, bool, bool]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The slopes of the maps, the weights and the biases; those not ``wanted`` are None."""
        return torch.ops.aten.convolution_backward(  # type: ignore[no-any-return]
            slope, x, w, [len(w)], self.stride, self.padding, self.dilation, False, [0, 0], groups,
            wanted,
        )  # fmt: skip


class Ways(NamedTuple):
    """Which ways of a convolution are gone for all networks at once."""

    ahead: bool
    into: bool
    weights: bool


@lru_cache(maxsize=256)
def ways(form: Form, models: int, x: tuple[int, ...], w: tuple[int, ...], biased: bool) -> Ways:
    """Those that change no bit on a processor, found with numbers drawn for it.

    ``x`` (N, M C, H, W) and ``w`` (M C', C, K, K) are the shapes of the grouped convolution.
    """
    draw = torch.Generator().manual_seed(0)

    def drawn(shape: Sequence[int]) -> Tensor:
        numbers = torch.randn(*shape, generator=draw)
        return numbers.contiguous(memory_format=LAST) if numbers.dim() == 4 else numbers

    maps, weights, bias = drawn(x), drawn(w), drawn(w[:1]) if biased else None
    y = form.ahead(maps, weights, bias, models)
    slope = drawn(y.shape)
    wanted = (True, True, biased)
    into, of_weights, of_bias = form.back(slope, maps, weights, models, wanted)
    own = [weights.chunk(models), bias.chunk(models) if bias is not None else [None] * models]
    ys, intos, slopes = [], [], []
    for one, out, matrix, row in zip(
        each_of(maps, models), each_of(slope, models), *own, strict=True
    ):
        ys.append(form.ahead(one, matrix, row, 1))
        found = form.back(out, one, matrix, 1, wanted)
        intos.append(found[0])
        slopes.append(found[1:])
    same = torch.equal(of_weights, torch.cat([one for one, _ in slopes]))
    if biased:
        same &= torch.equal(of_bias, torch.cat([one for _, one in slopes]))
    return Ways(torch.equal(y, torch.cat(ys, 1)), torch.equal(into, torch.cat(intos, 1)), same)


class Convolution(Part):
    """``first``: nothing before it has weights, so there is no way further back."""

    def __init__(self, module: nn.Conv2d, weight: Weight, bias: Weight | None) -> None:
        assert not isinstance(module.padding, str)
        self.form = Form(module.stride, module.padding, module.dilation)
        self.weight, self.bias = weight, bias
        self.models = len(weight.value)
        self.first = False
        self.x: Tensor  # (N, M C, H, W)
        self.xs: Sequence[Tensor]  # (N, C, H, W) of each
        self.at_once: Ways

    def weights(self) -> tuple[Tensor, Tensor | None]:
        """The weights of the grouped convolution, (M C', C, K, K) and (M C',)."""
        w = self.weight.value.flatten(0, 1).contiguous(memory_format=LAST)
        return w, None if self.bias is None else self.bias.value.flatten()

    def ways(self, x: Tensor) -> Ways:
        if x.device.type != "cpu":
            return Ways(True, True, True)
        models, count, channels, height, width = x.shape
        _, features, *kernel = self.weight.value.shape
        return ways(
            self.form, models, (count, models * channels, height, width),
            (models * features, *kernel), self.bias is not None,
        )  # fmt: skip

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        at_once = self.ways(x)
        if keep:
            self.at_once, self.x, self.xs = at_once, torch.empty(0), ()
            if at_once.weights or (at_once.into and not self.first):
                self.x = grouped(x)
            if not at_once.weights or not (at_once.into or self.first):
                self.xs = [as_alone(one) for one in x.unbind(0)]
        if at_once.ahead:
            maps = self.x if keep and len(self.x) else grouped(x)
            return apart(self.form.ahead(maps, *self.weights(), self.models), self.models)
        xs = self.xs if keep and self.xs else map(as_alone, x.unbind(0))
        ys = [self.form.ahead(*one, 1) for one in zip(xs, *self.own(), strict=True)]
        return apart(torch.cat(ys, dim=1), self.models)

    def own(self) -> tuple[Sequence[Tensor], Sequence[Tensor | None]]:
        """The weights and biases of each network."""
        biases = [None] * self.models if self.bias is None else self.bias.value.unbind(0)
        return self.weight.value.unbind(0), biases

    def backward(self, slope: Tensor) -> Tensor:
        """Slopes of one kind for all at once, or network by network."""
        slope, biased, at_once = grouped(slope), self.bias is not None, self.at_once
        maps = not self.first and at_once.into
        into = of_weights = of_bias = torch.empty(0)
        if maps or at_once.weights:
            wanted = maps, at_once.weights, at_once.weights and biased
            w, _ = self.weights()
            into, of_weights, of_bias = self.form.back(slope, self.x, w, self.models, wanted)
        if self.xs:
            lacks = not self.first and not at_once.into, not at_once.weights
            wanted = (*lacks, lacks[1] and biased)
            rows = zip(each_of(slope, self.models), self.xs, self.own()[0], strict=True)
            found = [self.form.back(*row, 1, wanted) for row in rows]
            intos, ws, bs = zip(*found, strict=True)
            into = torch.cat(intos, dim=1) if lacks[0] else into
            if lacks[1]:
                of_weights, of_bias = torch.cat(ws), torch.cat(bs) if biased else of_bias
        self.weight.put(of_weights.view(self.models, -1, *of_weights.shape[1:]))
        if self.bias is not None:
            self.bias.put(of_bias.view(self.models, -1))
        return slope if self.first else apart(into, self.models)


class Channelwise(Part):
    """A module that looks at each channel alone: all channels are those of one map.

    Where that changes a bit, which is tried with the first values of each shape, each network has
    its own turn.
    """

    def __init__(self, module: Module, models: int) -> None:
        self.module, self.models = module, models
        self.at_once: dict[torch.Size, bool] = {}
        self.x: Tensor
        self.y: Tensor

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        x = grouped(x).detach()
        if x.shape not in self.at_once:
            with torch.no_grad():
                same = torch.equal(self.module(x), self.one_by_one(x))
            self.at_once[x.shape] = same
        answer: Callable[[Tensor], Tensor] = self.one_by_one
        if self.at_once[x.shape]:
            answer = self.module
        if not keep:
            return apart(answer(x), self.models)
        with torch.enable_grad():
            self.x = x.requires_grad_()
            self.y = answer(self.x)
        return apart(self.y.detach(), self.models)

    def one_by_one(self, x: Tensor) -> Tensor:
        return torch.cat([self.module(one) for one in each_of(x, self.models)], dim=1)

    def backward(self, slope: Tensor) -> Tensor:
        (into,) = torch.autograd.grad(self.y, self.x, grouped(slope))
        return apart(into, self.models)


class Block(Part):
    """``activation(scale * branch(x) + shortcut(x))``, the shortcut without weights, or none.

    It strides and adds ``new`` channels of zeros.
    """

    def __init__(
        self, branch: Part, activation: Part, scale: float, shortcut: tuple[int, int] | None
    ) -> None:
        self.branch, self.activation = branch, activation
        self.scale, self.shortcut = scale, shortcut
        self.shape: torch.Size

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        out = self.branch.forward(x, keep)
        if self.shortcut is not None:
            stride, new = self.shortcut
            if self.scale != 1.0:
                out = self.scale * out
            self.shape = x.shape
            x = x[..., ::stride, ::stride] if stride != 1 else x
            out = out + (nn.functional.pad(x, (0, 0, 0, 0, 0, new)) if new else x)
        return self.activation.forward(out, keep)

    def backward(self, slope: Tensor) -> Tensor:
        slope = self.activation.backward(slope)
        if self.shortcut is None:
            return self.branch.backward(slope)
        stride, _ = self.shortcut
        into = self.branch.backward(slope if self.scale == 1.0 else self.scale * slope)
        kept = slope[:, :, : self.shape[2]]
        if stride == 1:
            return into + kept
        around = torch.zeros_like(into)
        around[..., ::stride, ::stride] = kept
        return into + around
