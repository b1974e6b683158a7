"""The learning rate of every step: one function, drawn before launch and followed by the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.experiment import Setup
    from tricks.base import Trick

PARTS = 1000  # a budget in seconds is followed in thousandths of it


def own_rate(setup: Setup, tricks: Sequence[Trick], scale: float = 1.0) -> float:
    """The rate of an arm before any schedule: the setup's, or that of the arm's optimizer.

    ``scale`` is the arm's own factor on it.
    """
    rate = setup.lr
    for trick in tricks:
        rate = trick.rate(rate)
    for trick in tricks:
        rate = trick.scaled_rate(rate, setup.batch_size)
    return scale * rate


def schedule(setup: Setup, tricks: Sequence[Trick], scale: float = 1.0) -> Callable[[int], float]:
    """The learning rate at a step, counted from 0, in an arm with these tricks.

    With a budget in seconds the step is the thousandth of the budget that has gone by, 0 to 999.
    Factors of several tricks multiply, so warmup goes with any schedule. Imports no torch.
    """
    steps = setup.total_steps or PARTS
    for trick in tricks:
        steps = trick.horizon(steps)
    rate = own_rate(setup, tricks, scale)
    factors = [trick.factor for trick in tricks if trick.changes("factor")]

    def at(step: int) -> float:
        value = rate
        for factor in factors:
            value *= factor(min(step, steps - 1), steps)
        return value

    return at
