"""Soft threshold as a layer that counts what it sets to zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class CountingSoftshrink(nn.Softshrink):
    """``nn.Softshrink``; in training it counts its values, and the zeros among them.

    The counts stay on the device, and out of the state: they are no part of the network.
    """

    def __init__(self, lambd: float) -> None:
        super().__init__(lambd)
        self.zeros: Tensor | int = 0
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = super().forward(x)
        if self.training:
            self.zeros = self.zeros + torch.count_nonzero(y.detach() == 0)
            self.seen += y.numel()
        return y
