"""What a run can be trained on. CUDA is asked in a short process of its own, never here.

A process that has asked CUDA cannot be forked safely, so neither pages nor the supervisor do;
``python -m trainer.devices`` prints the answer as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ALWAYS = ("auto", "cpu")
ROOT = Path(__file__).resolve().parents[1]


def present() -> tuple[str, ...]:
    """The devices of this machine. Imports torch and asks CUDA: for short processes only."""
    import torch

    found = list(ALWAYS)
    if torch.cuda.is_available():
        found += [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return tuple(found)


def probe(seconds: float = 120) -> tuple[str, ...]:
    """The same, asked in a process of its own.

    Raises:
        OSError: it gave no answer; the text has its last words.
    """
    command = [sys.executable, "-m", "trainer.devices"]
    try:
        answer = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"looking for devices took more than {seconds:g} s") from error
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise OSError(f"looking for devices failed: {last[0]}") from error
    return tuple(json.loads(answer.stdout))


def missing(wish: str, devices: Collection[str]) -> str | None:
    """Why a run that asks for ``wish`` cannot be trained here, or None."""
    if wish in devices or (wish == "cuda" and gpus(devices)):
        return None
    return f"There is no {wish} on this machine; it has {', '.join(devices)}"


def choose(wish: str, devices: Collection[str], busy: Mapping[str, int], each: int) -> str | None:
    """Where a run that asks for ``wish`` goes now; None: nothing is free.

    ``auto`` is the GPU with the fewest runs if there is one, else the CPU. ``each`` is how many
    runs share a GPU; how many there are in all is the caller's to limit.
    """
    candidates = suited(wish, devices)
    if not candidates:
        return "cpu"
    free = [one for one in candidates if busy.get(one, 0) < each]
    return min(free, key=lambda one: busy.get(one, 0)) if free else None


def places(wish: str, devices: Collection[str], busy: Mapping[str, int], each: int) -> int | None:
    """How many more processes that ask for ``wish`` have a place; None: as many as one likes."""
    candidates = suited(wish, devices)
    if not candidates:
        return None
    return sum(max(0, each - busy.get(one, 0)) for one in candidates)


def suited(wish: str, devices: Collection[str]) -> list[str]:
    """The devices with a limit that a run goes to; none: the CPU."""
    found = gpus(devices)
    if wish == "cpu" or (wish == "auto" and not found):
        return []
    return found if wish in ("auto", "cuda") else [wish]


def gpus(devices: Collection[str]) -> list[str]:
    return [one for one in devices if one.startswith("cuda")]


def cores() -> int:
    """How many runs may train at the same time: the cores this process may use.

    Counts the affinity of the process and the quota of its control group, because more busy
    threads than cores is the one thing that makes everything slow.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.is_file():
        limit, _, period = quota.read_text().strip().partition(" ")
        if limit != "max":
            count = min(count, int(limit) // int(period))
    return max(1, count)


if __name__ == "__main__":
    print(json.dumps(present()))
