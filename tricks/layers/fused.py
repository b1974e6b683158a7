"""Batch norm folded into the layer before it, for answering only."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from torch.nn.utils.parametrize import is_parametrized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.nn import Module


class Fold(NamedTuple):
    """Where in which row of layers a layer and its batch norm stand, and what both are in one."""

    row: nn.Sequential
    at: int
    fused: Module


def layers_of(network: Module) -> int:
    """Linear layers and convolutions: how many batch norms there could be to fold."""
    return sum(isinstance(one, nn.Linear | nn.Conv2d) for one in network.modules())


def folds(network: Module) -> list[Fold]:
    """Every batch norm of a network in eval mode that stands right behind a plain layer."""
    found = []
    for row in network.modules():
        if not isinstance(row, nn.Sequential):
            continue
        for at, (layer, norm) in enumerate(pairwise(row)):
            if is_parametrized(layer) or not getattr(norm, "track_running_stats", False):
                continue
            if type(layer) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
                found.append(Fold(row, at, fuse_conv_bn_eval(layer, norm)))
            elif type(layer) is nn.Linear and type(norm) is nn.BatchNorm1d:
                found.append(Fold(row, at, fuse_linear_bn_eval(layer, norm)))
    return found


@contextmanager
def folded(places: list[Fold]) -> Iterator[None]:
    """The network answers with its batch norms folded, and has them back afterwards."""
    before = [(one.row[one.at], one.row[one.at + 1]) for one in places]
    for row, at, fused in places:
        row[at], row[at + 1] = fused, nn.Identity()
    try:
        yield
    finally:
        for (row, at, _), (layer, norm) in zip(places, before, strict=True):
            row[at], row[at + 1] = layer, norm
