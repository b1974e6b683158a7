"""What the finished runs of an experiment say: a number per arm, the differences, the sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pages.parts import words
from trainer import statistics
from trainer.datasets import DATASETS

if TYPE_CHECKING:
    from pages.parts.reader import Look
    from trainer.experiment import Experiment
    from trainer.statistics import Comparison


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """One arm over its finished runs: the metric's mean, half its 95 % t interval, seconds."""

    name: str
    n: int
    mean: float | None
    half: float | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Results:
    """All that is known; ``comparisons`` are against the baseline, one per other arm."""

    arms: list[ArmResult]
    comparisons: list[Comparison]
    sentence: str
    accuracy: bool  # the metric: shown in percent and points, else as a loss

    def value(self, value: float, n: int = 1) -> str:
        """A value of the metric as it is printed: ``83.1`` (percent) or ``0.412``."""
        return words.number(100 * value, decimals(n)) if self.accuracy else words.number(value, 3)

    def difference(self, value: float, n: int = 1) -> str:
        """A signed difference of the metric: ``+9.3`` (points) or ``−0.031``."""
        scaled, digits = (100 * value, decimals(n)) if self.accuracy else (value, 3)
        return words.number(scaled, digits, signed=True)

    @property
    def unit(self) -> str:
        """What a difference is counted in."""
        return "points" if self.accuracy else "of loss"


def decimals(n: int) -> int:
    """Decimals of a point: a second one means something only with many runs."""
    return 1 if n < 30 else 2


def final(look: Look) -> dict[str, dict[int, float]]:
    """The final metric of every finished run, by arm and seed."""
    metric = look.row.experiment.metric
    found: dict[str, dict[int, float]] = {arm.name: {} for arm in look.row.experiment.arms}
    for run in look.runs:
        if run.state == "done" and metric in run.metrics:
            found[run.arm_name][run.seed] = run.metrics[metric]
    return found


def results(look: Look) -> Results:
    """The results as they stand now."""
    experiment = look.row.experiment
    values = final(look)
    comparisons = statistics.compare(
        values,
        baseline=experiment.baseline.name,
        metric=experiment.metric,
        images=DATASETS[experiment.setup.dataset].test_size,
    )
    diverged: dict[str, int] = {}
    for run in look.runs:
        if run.state == "diverged":
            diverged[run.arm_name] = diverged.get(run.arm_name, 0) + 1
    sentence = statistics.sentence(
        experiment,
        comparisons,
        diverged,
        state=look.state,  # type: ignore[arg-type]
        complete=complete(values),
    )
    return Results(
        arms=[arm_result(look, arm.name, values[arm.name]) for arm in experiment.arms],
        comparisons=comparisons,
        sentence=sentence,
        accuracy=experiment.metric == "test_accuracy",
    )


def complete(values: dict[str, dict[int, float]]) -> int:
    """How many seeds are finished in every arm."""
    return len(set.intersection(*(set(runs) for runs in values.values())))


def arm_result(look: Look, name: str, values: dict[int, float]) -> ArmResult:
    known = statistics.arm_interval(values)
    half = None if known.high is None or known.mean is None else known.high - known.mean
    times = [
        run.seconds
        for run in look.runs
        if run.arm_name == name and run.state == "done" and run.seconds is not None
    ]
    return ArmResult(
        name=name,
        n=known.n,
        mean=known.mean,
        half=half,
        seconds=math.fsum(times) / len(times) if times else None,
    )


def spelled(results: Results, one: Comparison) -> str:
    """``mixup +9.3 points, 95 % interval +8.5 to +10.1, n = 8``: for people who cannot see it."""
    if one.mean is None:
        return f"{one.arm}: no seed is complete in both arms"
    text = f"{one.arm} {results.difference(one.mean, one.n)} {results.unit}"
    if one.low is not None and one.high is not None:
        low, high = (results.difference(end, one.n) for end in (one.low, one.high))
        text += f", 95 % interval {low} to {high}"
    return f"{text}, n = {one.n}"


def run_seconds(look: Look) -> float | None:
    """Wall seconds of a run, from its start to its end: the middle one of those that ended."""
    times = sorted(
        run.ended_at - run.started_at
        for run in look.runs
        if run.state == "done" and run.ended_at is not None and run.started_at is not None
    )
    return times[len(times) // 2] if times else None


def reason(one: Comparison, per_run: float | None, slots: int, experiment: Experiment) -> str:
    """The small line under a verdict: its p, or what would settle it and how long that takes."""
    if one.verdict in ("better", "worse") and one.p is not None:
        return words.p_sentence(one.p)
    if one.verdict == "no_difference":
        if experiment.metric == "test_accuracy":
            return f"within ± {words.number(100 * one.margin)} points"
        return f"within ± {words.short(one.margin, 2)}"
    if one.needed is None:
        return "more seeds would not resolve it" if one.n > 1 else ""
    more = one.needed - one.n
    if more <= 0:
        return words.p_sentence(one.p) if one.p is not None else ""
    text = f"{words.count(more, 'more seed')} would"
    if one.verdict != "not_resolved":
        text = f"{words.count(more, 'more seed')} for a verdict"
    if per_run is None:
        return text
    return f"{text}, {words.seconds(round_up(2 * more * per_run / max(1, slots)))}"


def round_up(seconds: float) -> float:
    """A cost no finer than it is known."""
    if seconds < 10:
        return math.ceil(seconds)
    return 5 * math.ceil(seconds / 5) if seconds < 120 else 60 * math.ceil(seconds / 60)
