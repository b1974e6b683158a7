"""What the networks are made of: skips, residual blocks, layers that stand several times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from tricks.layers.convolution import Largest, activation, convolution

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from tricks.base import NetworkSpec


class Skip(nn.Module):
    """``x + scale * branch(x)``; He et al. 2015, arXiv 1512.03385, equation 1.

    ``part`` is how deep in the network the branch stands, up to 1.
    """

    def __init__(self, branch: nn.Module, spec: NetworkSpec, part: float) -> None:
        super().__init__()
        self.branch = branch
        self.scale = spec.skip_scale
        self.drop = spec.drop_path(part) if spec.drop_path else None

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.branch(x)
        if self.drop:
            out = self.drop(out)
        return x + (out if self.scale == 1.0 else self.scale * out)


class Shortcut(nn.Module):
    """The skip of a block, (N, C, H, W) to (N, C', H', W'), without weights of its own.

    Where the shape changes it strides and fills new channels with zeros (option A of He et al.),
    so a net with skips has exactly the weights of the plain one.
    """

    def __init__(self, spec: NetworkSpec, channels: int, features: int, stride: int) -> None:
        super().__init__()
        self.stride, self.new = stride, features - channels
        self.smaller: nn.Module | None = None
        if stride != 1 and spec.shortcut == "pool":
            self.smaller = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)
        elif stride != 1 and spec.downsample:
            self.smaller = spec.downsample(channels)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        if self.smaller:
            x_NCHW = self.smaller(x_NCHW)
        elif self.stride != 1:
            x_NCHW = x_NCHW[:, :, :: self.stride, :: self.stride]
        if self.new:
            x_NCHW = nn.functional.pad(x_NCHW, (0, 0, 0, 0, 0, self.new))
        return x_NCHW


class Block(nn.Module):
    """Two convolutions, plain or with a skip around them, (N, C, H, W) to (N, C', H', W').

    A trick may put something else for the two convolutions. ``part`` is how deep in the network
    the block stands, up to 1.
    """

    def __init__(
        self, spec: NetworkSpec, channels: int, features: int, stride: int, part: float = 1.0
    ) -> None:
        super().__init__()
        self.branch = nn.Sequential(*branch(spec, channels, features, stride))
        if spec.attention:
            self.branch.append(spec.attention(features))
        self.activation = spec.activation()
        self.shortcut = Shortcut(spec, channels, features, stride) if spec.skip else None
        self.drop = spec.drop_path(part) if spec.skip and spec.drop_path else None
        self.scale = spec.skip_scale

    def forward(self, x_NCHW: Tensor) -> Tensor:
        out: Tensor = self.branch(x_NCHW)
        if self.drop:
            out = self.drop(out)
        if self.shortcut:
            if self.scale != 1.0:
                out = self.scale * out
            out = out + self.shortcut(x_NCHW)
        result: Tensor = self.activation(out)
        return result


def branch(spec: NetworkSpec, channels: int, features: int, stride: int) -> Iterator[nn.Module]:
    """What a block computes, without its skip and its last activation."""
    smaller = spec.downsample if stride != 1 else None
    if spec.block:
        if smaller:
            yield smaller(channels)
        yield spec.block(spec, channels, features, 1 if smaller else stride)
        return
    yield from convolution(spec, channels, features, 1 if smaller else stride)
    yield from activation(spec)
    if smaller:
        yield smaller(features)
    yield from convolution(spec, features, features)


class Stages(nn.Module):
    """Stages of blocks, the last map of each of which goes into one vector of features."""

    def __init__(
        self, stem: list[nn.Module], stages: list[list[nn.Module]], fusion: nn.Module
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(*stem)
        self.stages = nn.ModuleList(nn.Sequential(*stage) for stage in stages)
        self.fusion = fusion

    def forward(self, x_NCHW: Tensor) -> Tensor:
        maps = [self.stem(x_NCHW)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        features: Tensor = self.fusion(maps[1:])
        return features


def linear(spec: NetworkSpec, channels: int, features: int) -> Iterator[nn.Module]:
    """A hidden linear layer; the normalization behind it has the bias, if there is one."""
    yield nn.Linear(channels, features * spec.pieces, bias=not spec.normalization)
    if spec.pieces > 1:
        yield Largest(spec.pieces)
    if spec.normalization:
        yield spec.normalization(features, False)


def tie(row: Sequence[nn.Module]) -> None:
    """Give all the linear layers and convolutions of the first; what else they have stays theirs.

    A normalization has to keep its own: what comes in differs from one to the next.
    """
    shared = nn.Linear | nn.Conv2d
    names = [name for name, one in row[0].named_modules() if isinstance(one, shared)]
    for other in row[1:]:
        for name in names:
            other.set_submodule(name, row[0].get_submodule(name))
