"""Root mean square normalization of features or maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class RMSNorm(nn.Module):
    """``weight * x / sqrt(mean(x²) + eps)`` over all but the batch: (N, C) or (N, C, H, W).

    On (N, C) it is ``torch.nn.RMSNorm``, which knows no maps. Zhang and Sennrich 2019, equation 4.
    """

    def __init__(self, features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        square = x.square().flatten(1).mean(dim=1)
        ones = (1,) * (x.dim() - 1)
        scaled: Tensor = x * (square + self.eps).rsqrt().reshape(-1, *ones)
        return scaled * self.weight.reshape(-1, *ones[1:])
