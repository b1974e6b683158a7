"""From the modules of several networks to the parts of their twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn import functional

from trainer import blocks
from trainer.stacking.maps import Block, Channelwise, Convolution
from trainer.stacking.parts import (
    Chain,
    Dropout,
    Each,
    Elementwise,
    Flatten,
    Linear,
    Part,
    ReLU,
    Same,
    Skip,
)
from trainer.stacking.rows import Unequal
from trainer.stacking.statistics import BatchNorm, ExampleNorm, computes
from tricks.layers.convolution import Largest
from tricks.layers.gate import Gate
from tricks.layers.rms_norm import RMSNorm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Generator, Tensor
    from torch.nn import Module

    from trainer.stacking.rows import Rows, Weight

# They look at each number alone, hold nothing and draw nothing.
ALONE = (
    nn.ReLU6, nn.GELU, nn.SiLU, nn.ELU, nn.CELU, nn.SELU, nn.LeakyReLU, nn.Hardswish,
    nn.Hardsigmoid, nn.Hardtanh, nn.Sigmoid, nn.Tanh, nn.Mish, nn.Softplus, nn.Softsign,
    nn.LogSigmoid, nn.Softshrink, nn.Hardshrink, nn.Tanhshrink, nn.Threshold,
)  # fmt: skip
CHANNELWISE = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def twin_of(networks: Sequence[Module], rows: Rows, draws: Sequence[Generator]) -> Chain:
    """The twin of networks that differ in their numbers only, whose weights are ``rows``.

    ``draws`` are the generators that their layers draw from. What stands before the first weights
    has no way back.

    Raises:
        Unequal: there is a layer of maps for which there is no part.
    """
    build = Builder(
        rows, draws, maps=any(isinstance(one, nn.Conv2d) for one in networks[0].modules())
    )
    root = Chain([build.part(networks)])
    while len(root.parts) == 1 and isinstance(root.parts[0], Chain):
        root = root.parts[0]
    learning = [i for i, part in enumerate(root.parts) if learns(part)]
    first = learning[0] if learning else len(root.parts)
    root.back = list(reversed(root.parts[first:]))
    if learning and isinstance(entry := root.parts[first], Linear | Convolution):
        entry.first = True
    return root


def learns(part: Part) -> bool:
    """Whether a part has weights."""
    match part:
        case Linear() | Convolution() | BatchNorm() | ExampleNorm():
            return True
        case Chain():
            return any(map(learns, part.parts))
        case Skip() | Block():
            return learns(part.branch)
        case Elementwise() | Each():
            return bool(part.weights)
    return False


def ordinary(one: nn.Conv2d) -> bool:
    """Whether a convolution can be one of the groups of another."""
    return one.groups == 1 and one.padding_mode == "zeros" and not isinstance(one.padding, str)


class Builder:
    """Finds the part for a module, by its exact type: a subclass may compute anything.

    ``maps``: whether maps come to the next module that are convolved. They are until they are
    flattened.
    """

    def __init__(self, rows: Rows, draws: Sequence[Generator], *, maps: bool) -> None:
        self.rows, self.draws, self.maps = rows, draws, maps

    def part(self, modules: Sequence[Module]) -> Part:
        """``modules`` are those of the same place, one of each network."""
        one = modules[0]
        if any(getattr(module, name) for module in modules for name in HOOKS):
            return self.each(modules)
        match one:
            case nn.Sequential() if type(one) is nn.Sequential:
                return self.chain(modules)
            case blocks.Skip() if type(one) is blocks.Skip and one.drop is None:
                return Skip(self.part([module.branch for module in modules]), one.scale)  # type: ignore[misc]
            case blocks.Block() if type(one) is blocks.Block and one.drop is None:
                if one.shortcut is None or one.shortcut.smaller is None:
                    return self.block(one, modules)
        found = self.of_maps(one, modules) if self.maps else self.known(one, modules)
        return found or self.simple(one) or self.each(modules)

    def chain(self, modules: Sequence[Module]) -> Chain:
        parts = [
            self.part(row) for row in zip(*(module.children() for module in modules), strict=True)
        ]
        for before, part, after in zip([None, *parts], parts, [*parts[1:], None], strict=False):
            if isinstance(part, ReLU):
                part.in_place = isinstance(before, Linear | BatchNorm | Convolution | Channelwise)
                part.back_in_place = isinstance(after, Linear | Convolution)
            elif isinstance(part, Linear):
                part.hidden = isinstance(after, ReLU)
        return Chain(parts)

    def block(self, one: blocks.Block, modules: Sequence[Module]) -> Block:
        shortcut = None if one.shortcut is None else (one.shortcut.stride, one.shortcut.new)
        branch, activation = (
            self.part([getattr(module, name) for module in modules])
            for name in ("branch", "activation")
        )
        return Block(branch, activation, one.scale, shortcut)

    def simple(self, one: Module) -> Part | None:
        """The part of a module that does the same to maps and to rows."""
        kind = type(one)
        if type(one) is nn.Flatten and (one.start_dim, one.end_dim) == (1, -1):
            self.maps = False
            return Flatten()
        if kind is nn.Identity:
            return Same()
        if kind is nn.ReLU:
            return ReLU()
        # The slopes of the others lie in memory as those behind them: batch norm adds them up
        # in another order then, alone and here.
        known = (nn.LeakyReLU,) if self.maps else ALONE
        if kind in known and not getattr(one, "inplace", False):
            return Elementwise(one)
        return None

    def of_maps(self, one: Module, modules: Sequence[Module]) -> Part | None:
        """The part of a module that takes maps."""
        kind = type(one)
        if isinstance(one, nn.Conv2d) and kind is nn.Conv2d and ordinary(one):
            return Convolution(one, self.weight(one.weight), self.weight(one.bias))  # type: ignore[arg-type]
        if kind in CHANNELWISE:
            return Channelwise(one, len(modules))
        if kind is nn.BatchNorm2d and computes(one):
            return self.batch_norm(modules)
        return None

    def batch_norm(self, modules: Sequence[Module]) -> BatchNorm:
        weight, bias = (self.weight(getattr(modules[0], name)) for name in ("weight", "bias"))
        assert weight is not None and bias is not None
        return BatchNorm(modules, weight, bias)  # type: ignore[arg-type]

    def known(self, one: Module, modules: Sequence[Module]) -> Part | None:
        """The part of a module that takes rows of features."""
        kind = type(one)
        if kind is nn.Dropout and not one.inplace:
            return Dropout(modules, self.draws)
        if kind is nn.Linear:
            return Linear(self.weight(one.weight), self.weight(one.bias))  # type: ignore[arg-type]
        if kind is nn.BatchNorm1d and computes(one):
            return self.batch_norm(modules)
        if (kind is nn.LayerNorm and len(one.normalized_shape) == 1 and one.bias is not None) or (  # type: ignore[arg-type]
            kind is nn.GroupNorm and one.affine
        ):
            weight, bias = self.weight(one.weight), self.weight(one.bias)
            assert weight is not None and bias is not None
            return ExampleNorm(modules, weight, bias)  # type: ignore[arg-type]
        return self.formula(one)

    def weight(self, one: Any) -> Weight | None:
        return None if one is None else self.rows.weight(one)

    def formula(self, one: Any) -> Part | None:
        """A module that is a formula of its input and its weights."""
        kind = type(one)
        if kind is Largest:
            pieces = one.pieces
            return Elementwise(lambda x: x.unflatten(-1, (-1, pieces)).amax(-1))
        if kind is nn.PReLU and one.weight.numel() == 1:
            return self.weighted(slope_below, one.weight)
        if kind is Gate:
            return self.weighted(lambda x, alpha: alpha[:, None, None] * x, one.alpha)
        if kind is RMSNorm:
            eps = one.eps
            return self.weighted(lambda x, w: root_mean_square(x, w, eps), one.weight)
        return None

    def weighted(self, function: Callable[..., Tensor], *weights: Any) -> Elementwise:
        return Elementwise(function, [self.rows.weight(one) for one in weights])

    def each(self, modules: Sequence[Module]) -> Each:
        if self.maps:  # it gains nothing, and may round otherwise than alone
            raise Unequal(f"maps go through {type(modules[0]).__name__}, one network at a time")
        weights = [self.rows.weight(one) for one in modules[0].parameters()]
        return Each(modules, weights, self.draws)


def slope_below(x: Tensor, slope_M1: Tensor) -> Tensor:
    """PReLU of (M, N, F) values, with one slope for each network."""
    return functional.prelu(x.transpose(0, 1), slope_M1.flatten()).transpose(0, 1)


def root_mean_square(x_MNF: Tensor, weight_MF: Tensor, eps: float) -> Tensor:
    square = x_MNF.square().mean(dim=-1, keepdim=True)
    return x_MNF * (square + eps).rsqrt() * weight_MF.unsqueeze(1)
