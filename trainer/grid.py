"""When a run is judged: often enough to draw, seldom enough to cost under a tenth of its time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.experiment import Setup

SHARE = 0.075  # of the training time, by the estimate below; measured it stays under 0.1
STEP_OVERHEAD = 5e-4  # seconds of a step that do no arithmetic, on a CPU core
JUDGE_OVERHEAD = 1.5e-4  # the same for an evaluation
SPEED = 2.5e10  # multiply-adds a second of a CPU core, in the small batches of a step
JUDGE_SPEED = 3e10  # the same in the larger batches of an evaluation
MOST = 100  # points of a curve: more cannot be seen


def interval(work: int, *, batch_size: int, judged: int) -> int:
    """Steps between evaluations: from the arithmetic alone, so that all arms get the same grid.

    ``work`` is one image's multiply-adds forward; a training step costs three times that.
    """
    step = STEP_OVERHEAD + 3 * work * batch_size / SPEED
    judge = JUDGE_OVERHEAD + work * judged / JUDGE_SPEED
    return math.ceil(judge / (SHARE * step))


def evaluation_steps(setup: Setup, work: int, judged: int) -> Callable[[int, float], bool]:
    """Whether a run is judged after a step; the second argument is its training seconds so far."""
    least = interval(work, batch_size=setup.batch_size, judged=judged)
    total = setup.total_steps
    if total is None:
        budget = setup.seconds
        assert budget is not None
        seen = 0

        def by_time(step: int, seconds: float) -> bool:
            nonlocal seen
            part = int(seconds / budget * MOST / 2)
            due = part > seen and step % least == 0
            seen = part if due else seen
            return due

        return by_time
    every = whole_epochs(max(least, math.ceil(total / MOST)), setup.steps_per_epoch)
    return lambda step, seconds: step % every == 0


def whole_epochs(every: int, epoch: int) -> int:
    """The next larger number of steps that falls on the ends of epochs, or divides them."""
    if every >= epoch:
        return math.ceil(every / epoch) * epoch
    return next(one for one in range(every, epoch + 1) if epoch % one == 0)
