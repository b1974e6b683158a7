"""Batch norms that look at less, or at more, than the batch of a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from torch import Tensor


class GhostBatchNorm(nn.Module):
    """Batch norm of chunks of the batch: (N, C) or (N, C, H, W), chunks of ``size`` or a few more.

    The running statistics are those of all chunks, one after the other. Hoffer et al. 2017,
    algorithm 1.
    """

    def __init__(self, norm: nn.Module, size: int) -> None:
        super().__init__()
        self.norm = norm
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        chunks = max(1, len(x) // self.size) if self.training else 1
        if chunks == 1:
            whole: Tensor = self.norm(x)
            return whole
        # Not torch.split: what it leaves over may be a single example, which has no deviation.
        return torch.cat([self.norm(part) for part in torch.tensor_split(x, chunks)])


class CrossMiniBatchNorm(_BatchNorm):
    """Batch norm over this mini-batch and those before it in a window of ``window``.

    The weights stand still within a window of accumulated gradients, so the statistics of its
    mini-batches may be averaged as they are. Gradients flow through the present one only.
    (N, C) or (N, C, H, W). Bochkovskiy et al. 2020, figure 4.
    """

    def __init__(self, features: int, window: int) -> None:
        super().__init__(features)
        self.window = window
        self.seen: list[tuple[Tensor, Tensor]] = []

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in (2, 4):
            raise ValueError(f"expected (N, C) or (N, C, H, W), not {input.dim()} dimensions")

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        self._check_input_dim(x)
        dims, ones = [0, *range(2, x.dim())], (1,) * (x.dim() - 2)
        mean, square = x.mean(dims), x.square().mean(dims)
        earlier = self.seen
        self.seen = [*earlier, (mean.detach(), square.detach())]
        if len(self.seen) >= self.window:
            self.seen = []
        count = len(earlier) + 1
        for one, other in earlier:
            mean, square = mean + one, square + other
        mean, square = mean / count, square / count
        variance = (square - mean.square()).clamp_min(0)
        self.remember(mean.detach(), variance.detach(), count * (x.numel() // x.shape[1]))
        slope = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - slope * mean
        return x * slope.reshape(-1, *ones) + shift.reshape(-1, *ones)

    def remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics, as torch's layer does; ``count`` values made them."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:  # the plain average of all, as update_bn asks for
            share = 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (count / max(1, count - 1)), share)
