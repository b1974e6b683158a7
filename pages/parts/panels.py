"""The three charts as data: what every line, band and axis is. The browser only draws them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.parts.means import MOST_POINTS, line_of, mean_of, smoothed, spaced, thin, tidy
from pages.parts.view import BANDS

if TYPE_CHECKING:
    from pages.parts.means import Line, Mean, Numbers
    from pages.parts.reader import Look
    from pages.parts.view import View
    from trainer.store import RunRow

MOST_SINGLE = 12_000  # points of all single runs of a chart: beyond that the page gets slow
MOST_LIVE = 8_000  # the same while they are sent again with every update
LEAST = 20  # points of a run, however many runs there are
FIRST_PART = 0.1  # of the budget: what comes before may be cut off the first zoom
HEADROOM = 3.0  # points above the best accuracy
BAND_FROM = 3  # runs: with two, Student's t makes a band that hides everything else


@dataclass
class Grids:
    """The horizontal positions that lines share: sent once, named by number."""

    known: dict[bytes, int] = field(default_factory=dict)
    lists: list[list[float | None]] = field(default_factory=list)

    def number(self, x: Numbers) -> int:
        key = x.tobytes()
        if key not in self.known:
            self.known[key] = len(self.lists)
            self.lists.append(tidy(x, 6))
        return self.known[key]


@dataclass(frozen=True, kw_only=True)
class ArmCurves:
    """The curves of one key in one arm: finished runs, the others, and the mean of the first."""

    arm: int
    finished: list[Line]
    others: list[Line]
    mean: Mean | None

    def band(self, kind: str = "interval") -> tuple[Numbers, Numbers] | None:
        """Both edges of that band of a view, if there are enough runs for one."""
        if self.mean is None or self.mean.n < BAND_FROM:
            return None
        if kind != "interval":
            return self.mean.spread.get(kind)
        if self.mean.low is None or self.mean.high is None:
            return None
        return self.mean.low, self.mean.high

    def best_known(self) -> list[Line]:
        """What stands for the arm: its mean, or what there is before a run has finished."""
        return [self.mean.line] if self.mean else self.others


def arms_curves(look: Look, key: str) -> list[ArmCurves]:
    """The curves of every arm, accuracies in percent."""
    experiment = look.row.experiment
    scale = 100.0 if key.endswith("accuracy") else 1.0
    by_arm: list[list[tuple[RunRow, Line]]] = [[] for _ in experiment.arms]
    for run in look.runs:
        line = line_of(look.curves.get(run.id, {}), key)
        if line is not None:
            line = replace(line, values=scale * line.values, seed=run.seed)
            by_arm[run.arm].append((run, line))
    found = []
    for arm, pairs in enumerate(by_arm):
        finished = [line for run, line in pairs if run.state == "done"]
        others = [line for run, line in pairs if run.state != "done"]
        mean = mean_of(finished, by_time=experiment.setup.seconds is not None)
        found.append(ArmCurves(arm=arm, finished=finished, others=others, mean=mean))
    return found


def chart(look: Look, kind: str, view: View, grids: Grids) -> dict[str, Any]:
    """The chart of ``accuracy`` or ``loss``: its words, its axes, its lines."""
    experiment = look.row.experiment
    arms = arms_curves(look, f"{view.curves}_{kind}")
    log = kind == "loss" and view.logloss
    per_epoch = experiment.setup.steps_per_epoch
    zoom = None if log else first_zoom(arms, kind, progress_of(look), look.active)
    span = x_span(look, arms, view.axis)
    return {
        "id": kind,
        "title": f"{view.curves.capitalize()} {kind}",
        "note": note(arms, kind, view),
        "xtitle": view.axis,
        "x": None if span is None else [0, span],
        "y": None if zoom is None else zoom[0],
        "settled": zoom is not None and zoom[1],
        "log": log,
        "logx": view.logstep,
        "hover": "%{y:.1f} %" if kind == "accuracy" else "%{y:.3f}",
        "lines": lines(arms, view, per_epoch, grids, live=look.active),
    }


def progress_of(look: Look) -> Any:
    """A function that tells what part of the budget a line has reached at every point."""
    setup = look.row.experiment.setup
    total = setup.total_steps
    if total is not None:
        return lambda line: line.steps / total
    return lambda line: line.seconds / setup.seconds


def lines(
    arms: list[ArmCurves], view: View, per_epoch: int, grids: Grids, *, live: bool = False
) -> list[dict[str, Any]]:
    """Everything to draw, in drawing order within an arm; the browser puts layers together."""
    count = sum(len(one.finished) + len(one.others) for one in arms)
    share = (MOST_LIVE if live else MOST_SINGLE) // max(1, count)
    most = min(MOST_POINTS, max(LEAST, share))
    found = []

    def draw(arm: int, kind: str, line: Line, values: Numbers, most: int = MOST_POINTS) -> None:
        places = (spaced if kind == "run" else thin)(len(values), most)
        x = line.x(view.axis, per_epoch)[places]
        entry = {"arm": arm, "kind": kind, "x": grids.number(x), "y": tidy(values[places])}
        if line.seed is not None:
            entry["seed"] = line.seed
        if len(x) < len(values):
            entry["of"] = len(values)  # points, of which these are a part
        found.append(entry)

    for one in arms:
        for line in one.finished if view.runs else []:
            draw(one.arm, "single", line, line.values, most)
        for line in one.others:
            draw(one.arm, "run", line, line.values, most)
        if one.mean is None:
            continue
        middle = one.mean.line
        band = one.band(view.band) if view.bands else None
        if band is not None:
            draw(one.arm, "low", middle, band[0])
            draw(one.arm, "high", middle, band[1])
        if view.smoothing:
            draw(one.arm, "raw", middle, middle.values)
            draw(one.arm, "mean", middle, smoothed(middle.values, view.smoothing))
        else:
            draw(one.arm, "mean", middle, middle.values)
    return found


def note(arms: list[ArmCurves], kind: str, view: View) -> str:
    """Unit, kind of band and n, at the right of the title."""
    counts = sorted({one.mean.n if one.mean else 0 for one in arms})
    parts = ["%"] if kind == "accuracy" else []
    if counts == [0]:
        return ", ".join([*parts, "no run has finished yet"])
    band = view.bands and counts[-1] >= BAND_FROM
    parts.append(f"mean and {BANDS[view.band][1]}" if band else "mean")
    if band and counts[0] < BAND_FROM:
        parts[-1] += f" from n = {BAND_FROM}"
    if view.smoothing:
        parts.append("smoothed")
    low, high = counts[0], counts[-1]
    between = {0: f"{high}", 1: f"{low} or {high}"}.get(high - low, f"{low} to {high}")
    return ", ".join([*parts, f"n = {between}"])


def first_zoom(
    arms: list[ArmCurves], kind: str, progress: Any, active: bool
) -> tuple[list[float], bool] | None:
    """The vertical range that does not let the first epochs flatten the story.

    The accuracy axis starts where the slowest arm stands after a tenth of the budget, or lower if
    an arm falls lower after that, and ends three points above the best; the loss axis ends at
    1.25 x the largest last value. The second value says whether it is settled: before a tenth of
    the budget it is not. While runs go on the range is in round steps, so that it grows seldom.
    """
    shown = [line for one in arms for line in one.best_known() if np.isfinite(line.values).all()]
    far = [line for line in shown if progress(line)[-1] >= FIRST_PART]
    if not shown:
        return ([0.0, 100.0], False) if kind == "accuracy" else None
    settled = bool(far)
    if kind == "accuracy":
        after = [line.values[progress(line) >= FIRST_PART] for line in far]
        low = min(values.min() for values in after or [line.values for line in shown])
        top = max(line.values.max() for line in shown) + HEADROOM
        step = 5 if top - low > 10 else 1
        low = step * math.floor(low / step)
        high = step * math.ceil(top / step) if active else top
        return [max(0.0, low), min(100.5, high)], settled
    lasts = [line.values[-1] for line in far or shown]
    high = 1.25 * max(lasts)
    floors = [band[0] for one in arms if (band := one.band())]
    low = max(0.0, min(values.min() for values in [*floors, *(line.values for line in shown)]))
    if high <= low:
        high = low + max(abs(low), 1e-6)
    if active:
        step = 10.0 ** math.floor(math.log10(high)) / 4
        high = step * math.ceil(high / step)
    return [max(0.0, low - 0.04 * (high - low)), high], settled


def x_span(look: Look, arms: list[ArmCurves], axis: str) -> float | None:
    """Where the horizontal axis ends: the budget, or what runs suggest it will be."""
    setup = look.row.experiment.setup
    total = setup.total_steps
    if axis == "seconds" and setup.seconds is not None:
        return setup.seconds
    if axis != "seconds" and total is not None:
        return total / setup.steps_per_epoch if axis == "epoch" else total
    progress = progress_of(look)
    done = [line for one in arms for line in one.finished]
    going = [line for one in arms for line in one.others if progress(line)[-1] >= FIRST_PART]
    ends = [line.x(axis, setup.steps_per_epoch)[-1] / progress(line)[-1] for line in done or going]
    if not ends:
        return None
    scale = 10.0 ** (math.floor(math.log10(max(ends))) - 1)
    return scale * math.ceil(max(ends) / scale) if look.active else max(ends)
