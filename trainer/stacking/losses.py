"""The loss of each network, and its slopes: to the last bit what torch gives one network alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = 8  # of the sums of torch's nll_loss


class CrossEntropy:
    """Plain cross-entropy of (M, N, C) logits.

    A softmax along the last place, ten numbers at a time, takes ten times as long on a CPU as along
    the second. So the classes are moved there, where that changes no bit.
    """

    def __init__(self, logits_MNC: Tensor) -> None:
        self.shape = logits_MNC.shape
        draw = torch.Generator().manual_seed(0)
        z = torch.randn(self.shape, generator=draw).mul_(3)
        y = torch.randint(self.shape[2], self.shape[:2], generator=draw)
        self.turned = False
        plain = self.both(z, y)
        self.turned = True
        self.turned = all(map(torch.equal, plain, self.both(z, y)))

    def both(self, logits_MNC: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each example (M, N), or of each network (M,), and the slopes (M, N, C).

        ``y`` is (M, N) class indices: what comes is averaged by :func:`averaged`, when somebody
        reads it. Of (M, N, C) probabilities the averages come.
        """
        count = logits_MNC.shape[1]
        if y.is_floating_point():
            log_p = torch.log_softmax(logits_MNC, dim=-1)
            loss = (log_p * y).flatten(1).sum(1).div_(-count)
            slope = y * (-1 / count)
            return loss, backward(slope, log_p, -1)
        y = y.unsqueeze(-1)
        if not self.turned:
            log_p = torch.log_softmax(logits_MNC, dim=-1)
            slope = torch.zeros_like(log_p).scatter_(-1, y, -1 / count)
            return log_p.gather(-1, y).squeeze(-1).neg_(), backward(slope, log_p, -1)
        y = y.transpose(1, 2)
        log_p = torch.log_softmax(logits_MNC.transpose(1, 2).contiguous(), dim=1)
        slope = torch.zeros_like(log_p).scatter_(1, y, -1 / count)
        slope = backward(slope, log_p, 1).transpose(1, 2).contiguous()
        return log_p.gather(1, y).squeeze(1).neg_(), slope


def backward(slope: Tensor, log_p: Tensor, dim: int) -> Tensor:
    """From the slopes of log probabilities to those of logits, as autograd does it."""
    return torch.ops.aten._log_softmax_backward_data(slope, log_p, dim, slope.dtype)  # type: ignore[no-any-return]


def averaged(losses: Tensor) -> Tensor:
    """The means (...) of losses (..., N), added in the order in which torch's nll_loss adds them.

    It adds the first alone, then blocks of 16, 256, ... so that rounding errors stay small.
    """
    count = losses.shape[-1]
    power = max(4, (count - 1).bit_length() // LEVELS)
    mask = (1 << power) - 1
    sums = [torch.zeros_like(losses[..., 0]) for _ in range(LEVELS)]
    for at, one in enumerate(losses.unbind(-1)):
        sums[0] = sums[0] + one
        for level in range(LEVELS - 1):
            if at & (mask << (level * power)):
                break
            sums[level + 1] = sums[level + 1] + sums[level]
            sums[level] = torch.zeros_like(sums[level])
    total = sums[0]
    for one in sums[1:]:
        total = total + one
    return total / count
