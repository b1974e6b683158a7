"""Soft thresholds that a small network sets, for each image and from the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

MEMORY = 0.9  # how much of the remembered threshold stays at each step


def soft_threshold(x: Tensor, tau: Tensor) -> Tensor:
    """``sign(x) * max(|x| - tau, 0)`` for thresholds that broadcast over ``x``."""
    return x.sign() * (x.abs() - tau).clamp_min(0)


class Shrinkage(nn.Module):
    """The thresholds of Zhao et al. 2020, sections III-B and III-C, on (N, C, H, W) maps.

    ``alpha * mean|x|`` with ``alpha`` between 0 and 1: never negative, and never so large that
    nothing is left. One threshold for all channels of an image (CS), or one for each (CW).
    In training it remembers the mean threshold and counts the values it made zero; that is no
    part of the network's state.
    """

    def __init__(self, features: int, *, channel_wise: bool) -> None:
        super().__init__()
        self.channel_wise = channel_wise
        self.alpha = nn.Sequential(
            nn.Linear(features, features),
            nn.BatchNorm1d(features),
            nn.ReLU(),
            nn.Linear(features, features if channel_wise else 1),
            nn.Sigmoid(),
        )
        self.zeros: Tensor | int = 0
        self.seen = 0
        self.tau: Tensor | float = 0.0

    def forward(self, x_NCHW: Tensor) -> Tensor:
        size_NC = x_NCHW.abs().mean((2, 3))
        alpha = self.alpha(size_NC)  # (N, C) or (N, 1)
        tau = alpha * (size_NC if self.channel_wise else size_NC.mean(1, keepdim=True))
        y_NCHW = soft_threshold(x_NCHW, tau[:, :, None, None])
        if self.training:
            with torch.no_grad():
                mean = tau.mean()
                self.tau = MEMORY * self.tau + (1 - MEMORY) * mean if self.seen else mean
                self.zeros = self.zeros + torch.count_nonzero(y_NCHW == 0)
                self.seen += y_NCHW.numel()
        return y_NCHW


def thresholds(network: nn.Module) -> list[float]:
    """The mean threshold of each layer in the last steps of training."""
    return [float(one.tau) for one in network.modules() if isinstance(one, Shrinkage)]


def zeros(network: nn.Module) -> tuple[int, int]:
    """How many values of all steps the thresholds made zero, and how many there were."""
    layers = [one for one in network.modules() if isinstance(one, Shrinkage)]
    return sum(int(one.zeros) for one in layers), sum(one.seen for one in layers)
