"""A convolution with all that a spec wants of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks import base


class Largest(nn.Module):
    """The largest of each ``pieces`` neighboring features: (N, C * pieces, ...) to (N, C, ...)."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        sizes = (len(x), -1, self.pieces, *x.shape[2:])
        return x.reshape(sizes).amax(2)


def convolution(
    spec: base.NetworkSpec, channels: int, features: int, stride: int = 1, kernel: int | None = None
) -> Iterator[nn.Module]:
    """A convolution and its normalization, which has the bias if there is one.

    The map keeps its sides at a stride of 1, and has half of them, rounded up, at a stride of 2.
    """
    kernel, bias = kernel or spec.kernel, spec.normalization is None
    if spec.convolution:
        yield spec.convolution(channels, features * spec.pieces, kernel, stride, bias)
    else:
        yield nn.Conv2d(
            channels, features * spec.pieces, kernel, stride=stride, padding=kernel // 2, bias=bias
        )
    if spec.pieces > 1:
        yield Largest(spec.pieces)
    if spec.normalization:
        yield spec.normalization(features, True)


def activation(spec: base.NetworkSpec) -> Iterator[nn.Module]:
    """The activation behind a convolution, and the dropout of its maps."""
    yield spec.activation()
    if spec.map_dropout:
        yield spec.map_dropout()
