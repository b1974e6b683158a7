"""Processes of this machine: which is which (a number is given again), their end, their rank."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import psutil

SAME = 0.1  # seconds


def birth(process: psutil.Process) -> float:
    """When a process began, in seconds; two that had the same number differ in it.

    On Linux counted from the start of the machine: there psutil's ``create_time`` moves with the
    clock, and whoever set the clock would seem to have killed everybody.
    """
    started = psutil.boot_time() if sys.platform == "linux" else 0.0  # before: psutil 6 keeps it
    return float(process.create_time()) - started


def is_alive(pid: int | None, born: float | None) -> bool:
    """Whether that very process still runs; a later one with the same number does not count."""
    return status(pid, born) not in (None, psutil.STATUS_ZOMBIE)


def is_halted(pid: int | None, born: float | None) -> bool:
    """Whether that very process was told to halt and does nothing until it is told to go on."""
    return status(pid, born) == psutil.STATUS_STOPPED


def status(pid: int | None, born: float | None) -> str | None:
    """What the system says of that very process; None: there is none."""
    if pid is None or born is None:
        return None
    try:
        process = psutil.Process(pid)
        return str(process.status()) if abs(birth(process) - born) < SAME else None
    except psutil.NoSuchProcess:
        return None


def end_process(pid: int | None, born: float | None) -> None:
    """Kill that very process, if it is still there."""
    if pid is not None and is_alive(pid, born):
        try:
            psutil.Process(pid).kill()
        except psutil.NoSuchProcess:
            return


@dataclass(frozen=True)
class Footprint:
    """Bytes that a process has for itself: what would be free again if it ended."""

    memory: int
    gpu_memory: int | None = None  # the most that its tensors had on a GPU; None: it is on none


def footprint(device: str) -> Footprint:
    """Of this process, in some milliseconds. What it shares with the fork server is not in it."""
    memory = int(psutil.Process().memory_full_info().uss)
    if not device.startswith("cuda"):
        return Footprint(memory)
    import torch

    return Footprint(memory, torch.cuda.max_memory_allocated(device))


def step_back(pid: int) -> None:
    """Let the page and all else on this machine go first; the runs inherit it."""
    low = 10
    if sys.platform == "win32":
        low = psutil.BELOW_NORMAL_PRIORITY_CLASS
    try:
        psutil.Process(pid).nice(low)
    except psutil.NoSuchProcess:  # it found the store taken and has left
        return
