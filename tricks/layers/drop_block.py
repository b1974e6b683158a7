"""Dropping of square pieces of maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torchvision.ops import drop_block2d

if TYPE_CHECKING:
    from torch import Tensor


class DropBlock(nn.Module):
    """``torchvision.ops.DropBlock2d`` of (N, C, H, W), for maps smaller than a block too.

    torchvision cuts a block down to the map, and fails where that leaves an even side; here it is
    cut down to an odd one.
    """

    def __init__(self, p: float, block_size: int) -> None:
        super().__init__()
        self.p = p
        self.block_size = block_size

    def forward(self, x_NCHW: Tensor) -> Tensor:
        side = min(self.block_size, *x_NCHW.shape[2:])
        side -= 1 - side % 2
        dropped: Tensor = drop_block2d(x_NCHW, self.p, side, training=self.training)
        return dropped
