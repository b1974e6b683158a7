"""The twin of several ordinary networks: it computes all of them at once, forward and backward.

A part stands for one module of each network. ``forward`` takes (M, N, ...) values of M networks and
``backward`` takes the slopes of what it gave to the slopes of what it took. There is no tape: a
part keeps what its own way back needs, and the gradients go straight into the networks' buffer.
What the twin has no part of its own for, each network's own module does, one after the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Generator, Tensor
    from torch.nn import Module

    from trainer.stacking.rows import Weight


class Part(ABC):
    """One module of every network.

    ``keep``: a step of training, to whose slopes there will be a way back. Without it the networks
    answer as they do in eval mode.
    """

    @abstractmethod
    def forward(self, x: Tensor, keep: bool) -> Tensor: ...

    @abstractmethod
    def backward(self, slope: Tensor) -> Tensor: ...


class Chain(Part):
    """One part after the other."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.back = list(reversed(parts))

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        for part in self.parts:
            x = part.forward(x, keep)
        return x

    def backward(self, slope: Tensor) -> Tensor:
        for part in self.back:
            slope = part.backward(slope)
        return slope


class Same(Part):
    """What gives what it takes."""

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        return x

    def backward(self, slope: Tensor) -> Tensor:
        return slope


class Flatten(Part):
    """(M, N, ...) to (M, N, F)."""

    shape: torch.Size

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        self.shape = x.shape
        return x.flatten(2)

    def backward(self, slope: Tensor) -> Tensor:
        return slope.view(self.shape)


class Linear(Part):
    """``x W' + b`` of each network: (M, N, F) to (M, N, F').

    ``first``: nothing before it has weights, so there is no way further back. ``hidden``: nobody
    keeps what it gives longer than a step, so every step may write it to the same place.
    """

    def __init__(self, weight: Weight, bias: Weight | None) -> None:
        self.weight, self.bias = weight, bias
        self.first = self.hidden = False
        self.turned = weight.value.transpose(1, 2)
        self.row = None if bias is None else bias.value.unsqueeze(1)  # (M, 1, F')
        self.x: Tensor
        self.out = self.into = weight.value.new_empty(0)

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        if not keep or not self.hidden:
            self.x = x
            return product(self.row, x, self.turned)
        if self.out.shape[:2] != x.shape[:2]:
            self.out = x.new_empty(*x.shape[:2], self.turned.shape[2])
        self.x = x
        return product(self.row, x, self.turned, out=self.out)

    def backward(self, slope: Tensor) -> Tensor:
        weight, bias = self.weight, self.bias
        if weight.filled:
            weight.slope.baddbmm_(slope.transpose(1, 2), self.x)
        else:
            torch.bmm(slope.transpose(1, 2), self.x, out=weight.slope)
            weight.filled = True
        if bias is not None:
            if bias.filled:
                bias.slope.add_(slope.sum(1))
            else:
                torch.sum(slope, 1, out=bias.slope)
                bias.filled = True
        if self.first:
            return slope
        if self.into.shape != self.x.shape:
            self.into = torch.empty_like(self.x, memory_format=torch.contiguous_format)
        return torch.bmm(slope, weight.value, out=self.into)


def product(row: Tensor | None, x: Tensor, turned: Tensor, out: Tensor | None = None) -> Tensor:
    if row is None:
        return torch.bmm(x, turned, out=out)
    return torch.baddbmm(row, x, turned, out=out)


class ReLU(Part):
    """``in_place``: nobody else needs what it takes, nor the slopes it is given."""

    y: Tensor

    def __init__(self) -> None:
        self.in_place = self.back_in_place = False

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        y = torch.relu_(x) if self.in_place else torch.relu(x)
        if keep:
            self.y = y
        return y

    def backward(self, slope: Tensor) -> Tensor:
        into = slope if self.back_in_place else torch.empty_like(slope)
        shut = torch.ops.aten.threshold_backward.grad_input
        return shut(slope, self.y, 0, grad_input=into)  # type: ignore[no-any-return]


class Elementwise(Part):
    """A function of each number, or of the (N, F) of each network; autograd knows its slope."""

    def __init__(self, function: Callable[..., Tensor], weights: Sequence[Weight] = ()) -> None:
        self.function = function
        self.weights = weights
        self.leaves = [one.value.detach().requires_grad_() for one in weights]
        self.x: Tensor
        self.y: Tensor

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        if not keep:
            y: Tensor = self.function(x, *(one.detach() for one in self.leaves))
            return y
        with torch.enable_grad():
            self.x = x.detach().requires_grad_()
            self.y = self.function(self.x, *self.leaves)
        return self.y.detach()

    def backward(self, slope: Tensor) -> Tensor:
        found = torch.autograd.grad(self.y, (self.x, *self.leaves), slope)
        for one, grad in zip(self.weights, found[1:], strict=True):
            one.put(grad)
        return found[0]


class Dropout(Part):
    """Each network drops what it would drop alone: it draws from its own generator."""

    def __init__(self, modules: Sequence[Module], draws: Sequence[Generator]) -> None:
        self.module = modules[0]
        self.draws = draws
        self.kept = 1.0 - float(self.module.p)  # type: ignore[arg-type]
        self.active = False
        self.noise = torch.empty(0)

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        self.active = keep and self.module.training and self.kept < 1
        if not self.active:
            return x
        if self.noise.shape != x.shape:
            self.noise = torch.empty_like(x)
        for part, rng in zip(self.noise, self.draws, strict=True):
            part.bernoulli_(self.kept, generator=rng)
        self.noise.div_(self.kept)
        return x * self.noise

    def backward(self, slope: Tensor) -> Tensor:
        return slope * self.noise if self.active else slope


class Skip(Part):
    """``x + scale * drop(branch(x))``."""

    def __init__(self, branch: Part, scale: float) -> None:
        self.branch, self.scale = branch, scale

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        out = self.branch.forward(x, keep)
        return x + (out if self.scale == 1.0 else self.scale * out)

    def backward(self, slope: Tensor) -> Tensor:
        into = slope if self.scale == 1.0 else self.scale * slope
        return slope + self.branch.backward(into)


class Each(Part):
    """Each network's own module on its own values, with the numbers it would draw alone."""

    def __init__(
        self, modules: Sequence[Module], weights: Sequence[Weight], draws: Sequence[Generator]
    ) -> None:
        self.modules, self.draws, self.weights = modules, draws, weights
        for one in weights:
            one.loose = True
        self.x: list[Tensor]
        self.y: list[Tensor]

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        xs = [one.detach() for one in x.unbind(0)]
        if keep:
            for one in xs:
                one.requires_grad_()
        ys = []
        with torch.set_grad_enabled(keep):
            for module, one, rng in zip(self.modules, xs, self.draws, strict=True):
                with mode(module, keep), drawing_from(rng) if keep else nullcontext():
                    ys.append(module(one))
        if keep:
            self.x, self.y = xs, ys
        return torch.stack([one.detach() for one in ys])

    def backward(self, slope: Tensor) -> Tensor:
        torch.autograd.backward(self.y, list(slope.unbind(0)))
        grads = [torch.zeros_like(one) if one.grad is None else one.grad for one in self.x]
        return torch.stack(grads)


@contextmanager
def mode(module: Module, keep: bool) -> Iterator[None]:
    """Without ``keep`` a module is in eval mode for a moment."""
    was = module.training
    if keep or not was:
        yield
        return
    module.eval()
    yield
    module.train()


@contextmanager
def drawing_from(rng: Generator) -> Iterator[None]:
    """Let what draws from torch's own generator draw from this one."""
    if rng.device.type == "cuda":
        torch.cuda.set_rng_state(rng.get_state(), rng.device)
        yield
        rng.set_state(torch.cuda.get_rng_state(rng.device))
        return
    torch.set_rng_state(rng.get_state())
    yield
    rng.set_state(torch.get_rng_state())
