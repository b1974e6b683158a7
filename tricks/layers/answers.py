"""What a network says to images, asked in eval mode and without leaving a trace in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor
    from torch.nn import Module

CHUNK = 1000  # images that are judged at once


@contextmanager
def evaluating(network: Module) -> Iterator[None]:
    """Eval mode for a while: batch norm learns nothing from what it sees, dropout is off."""
    was = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was)


def logits_of(network: Module, x: Tensor) -> Tensor:
    """(N, C) logits of (N, channels, height, width) images; no gradients."""
    with evaluating(network), torch.no_grad():
        return torch.cat([network(part) for part in torch.split(x, CHUNK)])


def losses_of(network: Module, x: Tensor, y: Tensor) -> Tensor:
    """The cross-entropy of each example, (N,), for class indices or (N, C) probabilities."""
    return cross_entropy(logits_of(network, x), y, reduction="none")


def steps_of(passes: int, examples: int, batch_size: int) -> int:
    """Steps of so many passes through so many examples; fewer than a batch are one batch."""
    return passes * max(1, examples // batch_size)
