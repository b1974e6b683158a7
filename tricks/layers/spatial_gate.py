"""A weight for each place of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class SpatialGate(nn.Module):
    """``x * sigmoid(conv([mean, max] over channels))``; Woo et al. 2018, equation 3."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        seen = [x_NCHW.mean(1, keepdim=True), x_NCHW.amax(1, keepdim=True)]
        gate_N1HW: Tensor = self.conv(torch.cat(seen, 1)).sigmoid()
        return x_NCHW * gate_N1HW
