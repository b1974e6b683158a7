"""First weights: what all initializations share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def fill(network: nn.Module, draw: Callable[[Tensor], object]) -> None:
    """Draw the weights of every linear layer and convolution; their biases start at zero."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            draw(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
