"""What the finished runs of an experiment say: a number per arm, the differences, the sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import stdev
from typing import TYPE_CHECKING

from pages.parts import words
from trainer import results as trained
from trainer import statistics
from trainer.estimates import share
from trainer.measure import Measure
from trainer.portions import portion
from trainer.sentences import capital
from trainer.tuning import OVER

if TYPE_CHECKING:
    from pages.parts.reader import Look
    from trainer.statistics import Comparison


OPEN = ("not_resolved", "too_few_seeds", "anecdote")  # what more seeds may settle


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """One arm over its finished runs: the metric's mean, half its 95 % t interval, the standard
    deviation of the runs, seconds."""

    name: str
    n: int
    mean: float | None
    half: float | None
    sd: float | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Results(Measure):
    """All that is known; ``comparisons`` are against the baseline, one per other arm."""

    arms: list[ArmResult]
    comparisons: list[Comparison]
    sentence: str


def results(look: Look) -> Results:
    """The results as they stand now."""
    experiment = look.row.experiment
    values = trained.finals(look.row, look.runs)
    comparisons = trained.comparisons(look.row, look.runs)
    sentence = rates_first(look) or statistics.sentence(
        experiment,
        comparisons,
        trained.diverged(look.runs),
        state=look.state,  # type: ignore[arg-type]
        complete=complete(values),
    )
    return Results(
        arms=[arm_result(look, arm.name, values[arm.name]) for arm in experiment.arms],
        comparisons=comparisons,
        sentence=sentence,
        accuracy=experiment.metric == "test_accuracy",
    )


def rates_first(look: Look) -> str:
    """The sentence while the arms' learning rates are looked for; empty before and after that."""
    if not look.row.tuning:
        return ""
    ended = sum(one.run.state in OVER for one in look.trials)
    trials = words.count(len(look.trials), "trial run")
    if look.state in ("stopped", "paused"):
        so_far = f"{ended} of {trials} done"
        return f"{capital(look.state)} while each arm's learning rate was looked for: {so_far}."
    if look.state == "done":
        return "Every trial run failed, so no learning rate is known and nothing was compared."
    return f"Finding each arm's learning rate first: {ended} of {trials} done."


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
        sd=stdev(values.values()) if len(values) > 1 else None,
        seconds=math.fsum(times) / len(times) if times else None,
    )


def run_seconds(look: Look, arm: int | None = None) -> float | None:
    """Wall seconds of a run, from its start to its end: the middle one of those that ended.

    Of runs that trained together each has its share of the time.
    """
    times = sorted(
        (run.ended_at - run.started_at) / run.together
        for run in look.every
        if run.state == "done"
        and (arm is None or run.arm == arm)
        and run.ended_at is not None
        and run.started_at is not None
    )
    return times[len(times) // 2] if times else None


def more_seconds(look: Look, seeds: int, slots: int) -> float | None:
    """Wall seconds of so many more seeds of every arm, ``slots`` at a time; None if not known."""
    usual = run_seconds(look)
    if usual is None:
        return None
    arms = len(look.row.experiment.arms)
    together = portion(seeds, arms, seeds * (arms - 1), slots)
    own = [(run_seconds(look, arm) or usual) * changed(look, arm, together) for arm in range(arms)]
    return seeds * sum(own) / max(1, min(slots, seeds * arms))


def changed(look: Look, arm: int, together: int) -> float:
    """What becomes of a run's time when so many of the arm train together; 1 if it never did."""
    before = max((run.together for run in look.every if run.arm == arm), default=1)
    return share(together) / share(before) if before > 1 else 1.0


def reason(one: Comparison, look: Look, slots: int) -> str:
    """The small line under a verdict: its p, or what would settle it and how long that takes."""
    if one.verdict in ("better", "worse") and one.p is not None:
        return words.p_sentence(one.p)
    if one.verdict == "no_difference":
        if look.row.experiment.metric == "test_accuracy":
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
    seconds = more_seconds(look, more, slots)
    return text if seconds is None else f"{text}, {words.about(seconds).removeprefix('about ')}"
