"""The server lets go of what hangs together in circles."""

from __future__ import annotations

import gc
import weakref

from pages.parts import upkeep


class Page:
    """One that knows itself."""

    def __init__(self) -> None:
        self.me = self


def test_a_sweep_frees_what_hangs_together():
    gc.disable()
    try:
        gone = weakref.ref(Page())
        assert gone() is not None
        upkeep.few_heaps()
        upkeep.sweep()
        assert gone() is None
    finally:
        gc.enable()
