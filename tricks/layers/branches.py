"""What a block may compute instead of two convolutions: (N, C, H, W) to (N, C', H', W').

The block that holds a branch adds the skip and the last activation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from tricks.layers.convolution import activation, convolution

if TYPE_CHECKING:
    from torch import Tensor

    from tricks import base


def halved(stride: int) -> nn.Module:
    """A mean pool with that stride that leaves no pixel out."""
    return (
        nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)
        if stride > 1
        else nn.Identity()
    )


class DenseBranch(nn.Module):
    """Layers that read all maps before them; a 1x1 convolution makes C' channels of all.

    Huang et al. 2016, equation 2: ``x_l = H([x_0, ..., x_{l-1}])``, each with ``growth`` channels.
    """

    def __init__(
        self, spec: base.NetworkSpec, channels: int, features: int, stride: int, *,
        growth: int, layers: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.smaller = halved(stride)
        self.layers = nn.ModuleList(
            nn.Sequential(*convolution(spec, channels + i * growth, growth), *activation(spec))
            for i in range(layers)
        )
        self.transition = nn.Sequential(
            *convolution(spec, channels + layers * growth, features, kernel=1)
        )

    def forward(self, x_NCHW: Tensor) -> Tensor:
        stack = self.smaller(x_NCHW)
        for layer in self.layers:
            stack = torch.cat([stack, layer(stack)], 1)
        out: Tensor = self.transition(stack)
        return out


class PartialBranch(nn.Module):
    """A share of the channels goes around the two convolutions; a 1x1 convolution joins both.

    Wang et al. 2019, figure 2b: ``y = W [x', F(x'')]``.
    """

    def __init__(
        self, spec: base.NetworkSpec, channels: int, features: int, stride: int, *, share: float
    ) -> None:
        super().__init__()
        around = min(channels - 1, round(share * channels))
        inner = max(1, features - round(share * features))
        self.smaller = halved(stride)
        self.sizes = [around, channels - around]
        self.inside = nn.Sequential(
            *convolution(spec, channels - around, inner),
            *activation(spec),
            *convolution(spec, inner, inner),
            *activation(spec),
        )
        self.transition = nn.Sequential(*convolution(spec, around + inner, features, kernel=1))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        around, inside = self.smaller(x_NCHW).split(self.sizes, 1)
        out: Tensor = self.transition(torch.cat([around, self.inside(inside)], 1))
        return out


class ExchangeBranch(nn.Module):
    """Half of the channels on the full map, half on one of half the sides; they swap what they saw.

    One exchange unit of Sun et al. 2019 between two resolutions, ``x_i' = sum_j f_ij(x_j)``: down
    by a convolution with stride 2, up by a 1x1 convolution and nearest neighbors.
    """

    def __init__(self, spec: base.NetworkSpec, channels: int, features: int, stride: int) -> None:
        super().__init__()
        low = features // 2
        high = features - low
        self.fine = nn.Sequential(*convolution(spec, channels, high, stride), *activation(spec))
        self.coarse = nn.Sequential(
            halved(2), *convolution(spec, channels, low, stride), *activation(spec)
        )
        self.fine_to_fine = nn.Sequential(*convolution(spec, high, high))
        self.fine_to_coarse = nn.Sequential(*convolution(spec, high, low, 2))
        self.coarse_to_coarse = nn.Sequential(*convolution(spec, low, low))
        self.coarse_to_fine = nn.Sequential(*convolution(spec, low, high, kernel=1))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        fine, coarse = self.fine(x_NCHW), self.coarse(x_NCHW)
        sides = fine.shape[2:]
        up = nn.functional.interpolate
        new_fine = self.fine_to_fine(fine) + up(self.coarse_to_fine(coarse), sides)
        new_coarse = self.coarse_to_coarse(coarse) + self.fine_to_coarse(fine)
        return torch.cat([new_fine, up(new_coarse, sides)], 1)
