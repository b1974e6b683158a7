"""From the last map of each stage to one vector of features: lists of maps in, (N, F) out."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import nn
from torchvision.ops import FeaturePyramidNetwork

if TYPE_CHECKING:
    from torch import Tensor

# The first weights count on a ReLU behind every convolution, which halves the variance. The two
# of the pyramid have none.
GAIN = 0.5


def pooled(maps: list[Tensor]) -> Tensor:
    """The means of all maps over their places, side by side: (N, sum of channels)."""
    return torch.cat([one.mean((2, 3)) for one in maps], 1)


class Pyramid(nn.Module):
    """A feature pyramid over all stages, each level pooled; Lin et al. 2016, figure 3."""

    def __init__(self, channels: list[int], level: int) -> None:
        super().__init__()
        self.top_down = FeaturePyramidNetwork(channels, level)
        self.features = len(channels) * level

    def levels(self, maps: list[Tensor]) -> list[Tensor]:
        named = OrderedDict((str(i), one) for i, one in enumerate(maps))
        return [GAIN * one for one in self.top_down(named).values()]

    def forward(self, maps: list[Tensor]) -> Tensor:
        return pooled(self.levels(maps))


class PathAggregation(Pyramid):
    """The pyramid and a way back up: ``N_{i+1} = conv(P_{i+1} + down(N_i))``; Liu et al. 2018.

    Every convolution of that way has a ReLU, as in section 3.1 of the paper.
    """

    def __init__(self, channels: list[int], level: int) -> None:
        super().__init__(channels, level)
        steps = range(len(channels) - 1)
        self.down = nn.ModuleList(nn.Conv2d(level, level, 3, 2, padding=1) for _ in steps)
        self.smooth = nn.ModuleList(nn.Conv2d(level, level, 3, padding=1) for _ in steps)

    def levels(self, maps: list[Tensor]) -> list[Tensor]:
        first, *others = super().levels(maps)
        new = [first]
        for level, down, smooth in zip(others, self.down, self.smooth, strict=True):
            both = math.sqrt(0.5) * (level + down(new[-1]).relu())
            new.append(smooth(both).relu())
        return new


class SpatialPyramid(nn.Module):
    """The last map and its maxima over windows of several sizes, each pooled: (N, 4C).

    Windows reach as far as the map: a larger one sees no more.
    """

    def __init__(self, channels: list[int], windows: tuple[int, ...]) -> None:
        super().__init__()
        self.windows = windows
        self.features = (1 + len(windows)) * channels[-1]

    def forward(self, maps: list[Tensor]) -> Tensor:
        x_NCHW = maps[-1]
        reach = 2 * max(x_NCHW.shape[2:]) - 1
        sizes = [min(one, reach) for one in self.windows]
        peaks = [nn.functional.max_pool2d(x_NCHW, one, 1, one // 2) for one in sizes]
        return pooled([x_NCHW, *peaks])
