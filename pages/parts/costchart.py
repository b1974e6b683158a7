"""What a result cost: the final metric of every run against its seconds of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pages.parts.means import tidy
from pages.parts.panels import BAND_FROM
from pages.parts.words import between, count
from trainer.statistics import t_interval

if TYPE_CHECKING:
    from pages.parts.panels import Grids
    from pages.parts.reader import Look

MOST_DOTS = 2000  # runs; with more only the means are drawn

Pairs = list[tuple[float, float]]  # x and y of runs


def cost(look: Look, grids: Grids) -> dict[str, Any]:
    """The chart: a faint marker for each run, the mean of an arm with both intervals."""
    accuracy = look.row.experiment.metric == "test_accuracy"
    arms = finished(look)
    most = max((x for own in arms for x, _ in own), default=None)
    unit = "%{y:.1f} %" if accuracy else "%{y:.3f}"
    better = "up" if accuracy else "down"
    foot = (
        f"Final test {'accuracy' if accuracy else 'loss'}, a small mark for each run. "
        f"Cheaper and better is {better} and to the left."
    )
    if any(run.together > 1 and run.state == "done" for run in look.runs):
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
    metric = look.row.experiment.metric
    scale = 100.0 if metric == "test_accuracy" else 1.0
    found: list[Pairs] = [[] for _ in look.row.experiment.arms]
    for run in look.runs:
        value = run.metrics.get(metric) if run.state == "done" else None
        if value is not None and np.isfinite(value) and run.seconds is not None:
            found[run.arm].append((run.seconds, scale * value))
    return found


def drawn(arm: int, own: Pairs, arms: list[Pairs], grids: Grids) -> list[dict[str, Any]]:
    """The runs of an arm as dots, and their mean with its intervals."""
    if not own:
        return []
    x, y = np.array(own, float).T
    lines = [middle(arm, x, y, grids)]
    if sum(map(len, arms)) <= MOST_DOTS:
        lines.insert(0, {"arm": arm, "kind": "dot", "x": grids.number(x), "y": tidy(y)})
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
    unit = " %" if look.row.experiment.metric == "test_accuracy" else ""
    parts = []
    for arm, own in zip(look.row.experiment.arms, finished(look), strict=True):
        if own:
            seconds, values = np.array(own).mean(axis=0)
            digits = ".1f" if unit else ".3f"
            parts.append(f"{arm.name} {values:{digits}}{unit} in {seconds:.2g} s, n = {len(own)}")
    return "; ".join(parts) or f"none of {count(len(look.runs), 'run')} has finished yet"
