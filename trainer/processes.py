"""Processes of this machine: whether one still lives, and its end."""

from __future__ import annotations

import psutil


def is_alive(pid: int | None, created: float | None) -> bool:
    """Whether that very process still runs; a later one with the same number does not count."""
    if pid is None or created is None:
        return False
    try:
        process = psutil.Process(pid)
        same = bool(abs(process.create_time() - created) < 2.0)
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end_process(pid: int | None, created: float | None) -> None:
    """Kill that very process, if it is still there."""
    if pid is not None and is_alive(pid, created):
        try:
            psutil.Process(pid).kill()
        except psutil.NoSuchProcess:
            return
