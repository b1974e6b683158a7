"""Which learning rate suits each arm: the trials of an experiment that asks for them.

Before the comparison every arm is trained with its rate times each of ``tune.scales``, on seeds
that are not compared. What is looked for cannot be given: where an experiment asks for tuning,
``lr_scale`` of every arm is the outcome, so a launch begins from 1 whatever the arms carry.
Pure functions; ``trainer/launching.py`` writes what they say.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from trainer.experiment import Run, identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trainer.experiment import Experiment
    from trainer.rows import RunRow

FINAL = ("done", "diverged")  # a trial in one of these states was trained
OVER = (*FINAL, "failed")


class Planned(NamedTuple):
    """A run that tries one scale on one arm."""

    arm: int
    scale: float
    run: Run


class Outcome(NamedTuple):
    """What a trial came to: the metric of a run that is done, None of one that was lost."""

    scale: float
    value: float | None


def untuned(experiment: Experiment) -> Experiment:
    """The experiment as a launch takes it: where rates are looked for, every scale is 1."""
    return experiment if experiment.tune is None else scaled(experiment, {})


def scaled(experiment: Experiment, scales: Mapping[str, float]) -> Experiment:
    """The same with these scales, by the names of the arms; 1 for those not named."""
    arms = tuple(
        arm.model_copy(update={"lr_scale": scales.get(arm.name, 1.0)}) for arm in experiment.arms
    )
    return experiment.model_copy(update={"arms": arms})


def planned(experiment: Experiment) -> list[Planned]:
    """The trials that an experiment asks for, none without tuning.

    Seed by seed and scale by scale, so that all arms have had their first trial before the second.
    """
    if experiment.tune is None:
        return []
    setup = experiment.setup
    found = []
    for seed in experiment.tuning_seeds():
        for scale in experiment.tune.scales:
            for i, arm in enumerate(
                scaled(experiment, dict.fromkeys(names(experiment), scale)).arms
            ):
                run = Run(id=identity(setup, arm, seed), setup=setup, arm=arm, seed=seed)
                found.append(Planned(i, scale, run))
    return found


def names(experiment: Experiment) -> list[str]:
    return [arm.name for arm in experiment.arms]


def settles(trials: Iterable[RunRow]) -> bool:
    """Whether these trials are over and say something: then the compared runs follow.

    If every one failed nothing was measured, and there is nothing to choose by.
    """
    states = {run.state for run in trials}
    return states <= set(OVER) and bool(states & set(FINAL))


def best(outcomes: Sequence[Outcome], *, higher_is_better: bool) -> float:
    """The scale with the best mean. A lost run is worse than any number; a tie goes to the scale
    nearest 1. Where every run was lost nothing was learned, and it is 1."""
    sign = 1.0 if higher_is_better else -1.0
    values: dict[float, list[float]] = {}
    lost: dict[float, int] = {}
    for scale, value in outcomes:
        known = value is not None and math.isfinite(value)
        values.setdefault(scale, []).extend([sign * value] if known and value is not None else [])
        lost[scale] = lost.get(scale, 0) + (not known)
    if not any(values.values()):
        return 1.0

    def rank(scale: float) -> tuple[int, float, float, float]:
        mean = fmean(values[scale]) if values[scale] else -math.inf
        return -lost[scale], mean, -abs(math.log(scale)), -scale

    return max(values, key=rank)
