"""The loss of each network, and its slopes.

Classes are moved to the second place: along the last one, ten numbers at a time, a softmax takes
several times as long on a CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def log_softmax(logits_MNC: Tensor) -> Tensor:
    """The log of the probabilities, (M, C, N)."""
    return torch.log_softmax(logits_MNC.transpose(1, 2).contiguous(), dim=1)


def plain(logits_MNC: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy of each network (M,), and its slopes (M, N, C).

    ``y`` is (M, N) class indices, or (M, N, C) probabilities.
    """
    count = logits_MNC.shape[1]
    log_p = log_softmax(logits_MNC)
    if y.is_floating_point():
        y = y.transpose(1, 2)
        loss = (log_p * y).sum(dim=(1, 2)).div_(-count)
        slope = log_p.exp_().mul_(y.sum(dim=1, keepdim=True)).sub_(y)
    else:
        y = y.unsqueeze(1)
        loss = log_p.gather(1, y).sum(dim=(1, 2)).div_(-count)
        slope = log_p.exp_().scatter_add_(1, y, log_p.new_full((), -1.0).expand(y.shape))
    return loss, slope.div_(count).transpose(1, 2)


def cross_entropies(logits_MNC: Tensor, y: Tensor) -> Tensor:
    """The same losses, to go on from by autograd."""
    return each(log_softmax(logits_MNC), y).mean(dim=-1)


def each(log_p_MCN: Tensor, y: Tensor) -> Tensor:
    """The cross-entropy of each example, (M, N)."""
    if y.is_floating_point():
        return -(log_p_MCN * y.transpose(1, 2)).sum(dim=1)
    return -log_p_MCN.gather(1, y.unsqueeze(1)).squeeze(1)
