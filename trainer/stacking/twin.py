"""From the modules of several networks to the parts of their twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn import functional

from trainer import blocks
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
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def twin_of(networks: Sequence[Module], rows: Rows, draws: Sequence[Generator]) -> Chain:
    """The twin of networks that differ in their numbers only, whose weights are ``rows``.

    ``draws`` are the generators that their layers draw from. What stands before the first weights
    has no way back.
    """
    build = Builder(rows, draws)
    root = Chain([build.part(networks)])
    while len(root.parts) == 1 and isinstance(root.parts[0], Chain):
        root = root.parts[0]
    learning = [i for i, part in enumerate(root.parts) if learns(part)]
    first = learning[0] if learning else len(root.parts)
    root.back = list(reversed(root.parts[first:]))
    if learning and isinstance(entry := root.parts[first], Linear):
        entry.first = True
    return root


def learns(part: Part) -> bool:
    """Whether a part has weights."""
    match part:
        case Linear() | BatchNorm() | ExampleNorm():
            return True
        case Chain():
            return any(map(learns, part.parts))
        case Skip():
            return learns(part.branch)
        case Elementwise() | Each():
            return bool(part.weights)
    return False


class Builder:
    """Finds the part for a module, by its exact type: a subclass may compute anything."""

    def __init__(self, rows: Rows, draws: Sequence[Generator]) -> None:
        self.rows, self.draws = rows, draws

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
        found = self.known(one, modules)
        return found or self.each(modules)

    def chain(self, modules: Sequence[Module]) -> Chain:
        parts = [
            self.part(row) for row in zip(*(module.children() for module in modules), strict=True)
        ]
        for before, part, after in zip([None, *parts], parts, [*parts[1:], None], strict=False):
            if isinstance(part, ReLU):
                part.in_place = isinstance(before, Linear | BatchNorm)
                part.back_in_place = isinstance(after, Linear)
            elif isinstance(part, Linear):
                part.hidden = isinstance(after, ReLU)
        return Chain(parts)

    def known(self, one: Module, modules: Sequence[Module]) -> Part | None:
        """The part of a module without parts, None if there is none."""
        kind = type(one)
        if type(one) is nn.Flatten and (one.start_dim, one.end_dim) == (1, -1):
            return Flatten()
        if kind is nn.Identity:
            return Same()
        if kind is nn.ReLU:
            return ReLU()
        if kind in ALONE and not getattr(one, "inplace", False):
            return Elementwise(one)
        if kind is nn.Dropout and not one.inplace:
            return Dropout(modules, self.draws)
        if kind is nn.Linear:
            return Linear(self.weight(one.weight), self.weight(one.bias))  # type: ignore[arg-type]
        if kind is nn.BatchNorm1d and computes(one):
            weight, bias = self.weight(one.weight), self.weight(one.bias)
            assert weight is not None and bias is not None
            return BatchNorm(modules, weight, bias)  # type: ignore[arg-type]
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
        weights = [self.rows.weight(one) for one in modules[0].parameters()]
        return Each(modules, weights, self.draws)


def slope_below(x: Tensor, slope_M1: Tensor) -> Tensor:
    """PReLU of (M, N, F) values, with one slope for each network."""
    return functional.prelu(x.transpose(0, 1), slope_M1.flatten()).transpose(0, 1)


def root_mean_square(x_MNF: Tensor, weight_MF: Tensor, eps: float) -> Tensor:
    square = x_MNF.square().mean(dim=-1, keepdim=True)
    return x_MNF * (square + eps).rsqrt() * weight_MF.unsqueeze(1)
