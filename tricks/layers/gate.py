"""A branch times a number that is learned, and how residual branches are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class Gate(nn.Module):
    """``alpha * x`` with a learned scalar that starts at ``start``."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(float(start)))

    def forward(self, x: Tensor) -> Tensor:
        return self.alpha * x


def residuals(network: nn.Module) -> Iterator[Any]:
    """The modules that add a ``branch``, times a ``scale``, to their input."""
    for module in network.modules():
        adds = hasattr(module, "scale") and getattr(module, "shortcut", True) is not None
        if adds and isinstance(getattr(module, "branch", None), nn.Module):
            yield module
