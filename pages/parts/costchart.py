"""What a result cost: the final metric of every run against its seconds of training."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pages.parts.means import tidy
from pages.parts.panels import BAND_FROM
from pages.parts.words import between, count
from trainer.statistics import t_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pages.parts.panels import Grids
    from pages.parts.reader import Look
    from trainer.rows import RunRow

MOST_DOTS = 2000  # runs; with more only the means are drawn


class Pair(NamedTuple):
    """What a run cost and what it reached."""

    seconds: float
    value: float
    seed: int
    together: int = 1  # runs that shared the time of one process


Pairs = list[Pair]


def cost(arms: list[Pairs], *, accuracy: bool, grids: Grids) -> dict[str, Any]:
    """The chart: a faint marker for each run, the mean of an arm with both intervals.

    ``arms`` are the finished runs of each, as :func:`pairs` gives them.
    """
    most = max((one.seconds for own in arms for one in own), default=None)
    unit = "%{y:.1f} %" if accuracy else "%{y:.3f}"
    better = "up" if accuracy else "down"
    foot = (
        f"Final test {'accuracy' if accuracy else 'loss'}, a small mark for each run. "
        f"Cheaper and better is {better} and to the left."
    )
    if any(one.together > 1 for own in arms for one in own):
        foot += " Seeds of an arm that were trained together share their seconds."
    return {
        "id": "cost",
        "row": 2,
        "title": f"{'Accuracy' if accuracy else 'Loss'} against cost",
        "note": note([len(own) for own in arms], "%" if accuracy else ""),
        "xtitle": "seconds of training",
        "x": None if most is None else [0, 1.06 * most],
        "y": None,
        "settled": False,
        "log": False,
        "logx": False,
        "scatter": True,
        "hover": f"{unit}, %{{x:.3~g}} s",
        "foot": "" if most is None else foot,
        "lines": [line for arm, own in enumerate(arms) for line in drawn(arm, own, arms, grids)],
    }


def finished(look: Look) -> list[Pairs]:
    """Seconds and final metric of the finished runs, by arm; accuracies in percent."""
    experiment = look.row.experiment
    return [
        pairs([run for run in look.runs if run.arm == arm], experiment.metric)
        for arm in range(len(experiment.arms))
    ]


def pairs(runs: Iterable[RunRow], metric: str) -> Pairs:
    """Seconds and final metric of those that are finished; accuracies in percent."""
    scale = 100.0 if metric == "test_accuracy" else 1.0
    found = []
    for run in runs:
        value = run.metrics.get(metric) if run.state == "done" else None
        if value is not None and np.isfinite(value) and run.seconds is not None:
            found.append(Pair(run.seconds, scale * value, run.seed, run.together))
    return found


def drawn(arm: int, own: Pairs, arms: list[Pairs], grids: Grids) -> list[dict[str, Any]]:
    """The runs of an arm as dots, and their mean with its intervals."""
    if not own:
        return []
    x, y = np.array([(one.seconds, one.value) for one in own]).T
    lines = [middle(arm, x, y, grids)]
    if sum(map(len, arms)) <= MOST_DOTS:
        dots = {"arm": arm, "kind": "dot", "x": grids.number(x), "y": tidy(y)}
        lines.insert(0, {**dots, "seeds": [one.seed for one in own]})
    return lines


def middle(arm: int, x: np.ndarray, y: np.ndarray, grids: Grids) -> dict[str, Any]:
    """The mean of some runs, its 95 % t intervals upward and across from three runs on."""
    across, upward = t_interval(x), t_interval(y)
    point = {"arm": arm, "kind": "point", "x": grids.number(np.array([x.mean()]))}
    ends = {"y": [upward.mean], "low": [upward.low], "high": [upward.high]}
    if x.min() < x.max():
        ends |= {"left": [across.low], "right": [across.high]}
    if len(y) < BAND_FROM:
        ends = {"y": ends["y"]}
    return point | {name: tidy(np.array(value, float)) for name, value in ends.items()}


def note(counts: list[int], unit: str) -> str:
    """Unit, what is drawn and n, at the right of the title."""
    parts = [unit] if unit else []
    if not any(counts):
        return ", ".join([*parts, "no run has finished yet"])
    what = "95 % t intervals" if max(counts) >= BAND_FROM else "means"
    if min(counts) < BAND_FROM <= max(counts):
        what += f" from n = {BAND_FROM}"
    return ", ".join([*parts, what, f"n = {between(min(counts), max(counts))}"])


def said(look: Look) -> str:
    """Every arm's mean cost and result, for people who cannot see the chart."""
    experiment = look.row.experiment
    accuracy = experiment.metric == "test_accuracy"
    told = spelled([arm.name for arm in experiment.arms], finished(look), accuracy=accuracy)
    return told or f"none of {count(len(look.runs), 'run')} has finished yet"


def spelled(names: Sequence[str], arms: list[Pairs], *, accuracy: bool) -> str:
    """The same for the finished runs of these; empty if there are none."""
    parts = []
    for name, own in zip(names, arms, strict=True):
        if own:
            seconds = fmean(one.seconds for one in own)
            value = fmean(one.value for one in own)
            text = f"{value:.1f} %" if accuracy else f"{value:.3f}"
            parts.append(f"{name} {text} in {seconds:.2g} s, n = {len(own)}")
    return "; ".join(parts)
