"""Whether a stack of these runs is quicker than one run after the other, here and now."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from trainer.engine import train
from trainer.stacking import train_together
from trainer.stacking.rows import Unequal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from trainer.experiment import Run

TRIED = 4  # runs: more of them gain more
STEPS = 16  # that are timed, of a run alone and of the stack
LIMIT = 0.1  # seconds for them; a network that is slower has no time to gain
FEWEST = 4  # steps that tell anything


class Enough(Exception):
    """The steps that were to be timed are done."""


class Watch:
    """In the place of a saver: the engine asks it after every step."""

    def __init__(self, device: str) -> None:
        self.times: list[float] = []
        # On a CPU what this thread itself works: other programs delay one and not the other.
        self.clock = time.thread_time if device == "cpu" else time.perf_counter

    def wanted(self) -> bool:
        self.times.append(self.clock())
        if len(self.times) > STEPS or self.times[-1] - self.times[0] > LIMIT:
            raise Enough
        return False

    def save(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """It never wants one."""

    def step(self, points: Iterable[object]) -> float | None:
        """Seconds of a typical step; None if there were too few."""
        try:
            for _ in points:
                pass
        except Enough:
            pass
        steps = [after - before for before, after in pairwise(self.times)]
        return statistics.median(steps) if len(steps) >= FEWEST else None


def worth(runs: Sequence[Run], *, home: Path, device: str) -> bool:
    """See :func:`trainer.stacking.worth`."""
    tried = runs[:TRIED]
    if len(tried) < 2:
        return False
    alone, stacked = Watch(device), Watch(device)
    savers = [stacked, *[None] * (len(tried) - 1)]
    try:
        together = stacked.step(train_together(tried, home=home, device=device, savers=savers))
    except Unequal:
        return False
    separate = alone.step(train(tried[0], home=home, device=device, saver=alone))
    return separate is not None and together is not None and together < len(tried) * separate
