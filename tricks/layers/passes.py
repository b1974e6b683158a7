"""Passes through a network beyond the one that a step counts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor
    from torch.nn import Module


@contextmanager
def still(network: Module) -> Iterator[None]:
    """Batch norm keeps its running statistics: another pass is not another batch."""
    layers = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def counted_once(closure: Callable[[], Tensor], network: Module) -> Callable[[], Tensor]:
    """A closure that may be called often, of which only the first call is a batch to batch norm."""
    called = False

    def again() -> Tensor:
        nonlocal called
        if not called:
            called = True
            return closure()
        with still(network):
            return closure()

    return again
