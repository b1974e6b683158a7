"""What the server does so that a long day leaves its memory and its open files as they were."""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from typing import Any

ARENA_MAX, HEAPS = -8, 2  # glibc's number for the most heaps, and how many
MMAP_THRESHOLD, LARGE = -3, 128 * 1024  # bytes that are a piece of memory of their own
EVERY = 60.0  # seconds between two sweeps, each some hundredths of a second long


def libc() -> Any:
    """The C library whose memory can be looked after in this way; None elsewhere."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") else None  # glibc


def few_heaps() -> None:
    """Every run of a page's script is a thread, and glibc would give many a heap of their own.

    They hardly ever work at the same time, and a heap keeps what it once needed. For the same
    reason large pieces stay outside of the heaps and go back when they are let go; left alone,
    glibc takes more and more of them in once one was let go.
    """
    if library := libc():
        library.mallopt(ARENA_MAX, HEAPS)
        library.mallopt(MMAP_THRESHOLD, LARGE)


def sweep() -> None:
    """Let go of what is left of closed pages, and give the memory back.

    Streamlit forgets a page two minutes after it was closed. What is left of it hangs together in
    circles, with three open files in it, and the sweep after every script run is off
    (.streamlit/config.toml).
    """
    gc.collect()
    if library := libc():
        library.malloc_trim(0)


def go_on_sweeping() -> None:
    """For a thread of its own, as long as the server lives."""
    while True:
        time.sleep(EVERY)
        sweep()
