"""Local response normalization for networks whose convolutions leave the bias to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class LocalResponseNorm(nn.LocalResponseNorm):
    """``torch.nn.LocalResponseNorm`` of (N, C, H, W) maps, behind a bias for each channel.

    A convolution in front of a normalization has no bias of its own, and this one learns none.
    """

    def __init__(self, features: int, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__(size, alpha=alpha, beta=beta, k=k)
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return super().forward(x_NCHW + self.bias.reshape(-1, 1, 1))
