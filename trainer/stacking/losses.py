"""The loss of each network, and its slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def plain(logits_MNC: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy of each network (M,), and its slopes (M, N, C).

    ``y`` is (M, N) class indices, or (M, N, C) probabilities.
    """
    count = logits_MNC.shape[1]
    log_p = torch.log_softmax(logits_MNC, dim=-1)
    if y.is_floating_point():
        loss = (log_p * y).sum(dim=(1, 2)).div_(-count)
        slope = log_p.exp_().mul_(y.sum(dim=-1, keepdim=True)).sub_(y)
    else:
        y = y.unsqueeze(-1)
        loss = log_p.gather(-1, y).sum(dim=(1, 2)).div_(-count)
        slope = log_p.exp_().scatter_add_(-1, y, torch.full_like(y, -1, dtype=log_p.dtype))
    return loss, slope.div_(count)


def cross_entropies(logits_MNC: Tensor, y: Tensor) -> Tensor:
    """The same losses, to go on from by autograd."""
    log_p = torch.log_softmax(logits_MNC, dim=-1)
    if y.is_floating_point():
        return -(log_p * y).sum(dim=-1).mean(dim=-1)
    return -log_p.gather(-1, y.unsqueeze(-1)).squeeze(-1).mean(dim=-1)
