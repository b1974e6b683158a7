"""A low-pass filter before pixels are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class BlurPool(nn.Module):
    """Every second pixel of the map, blurred with [1, 2, 1] / 4 both ways; Zhang 2019, section 3.

    (N, C, H, W) to (N, C, H/2, W/2), rounded up; the border is mirrored as in the paper.
    """

    kernel: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0]) / 4
        kernel = taps.outer(taps).expand(features, 1, 3, 3).contiguous()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        mirrored = nn.functional.pad(x_NCHW, (1, 1, 1, 1), mode="reflect")
        return nn.functional.conv2d(mirrored, self.kernel, stride=2, groups=x_NCHW.shape[1])
