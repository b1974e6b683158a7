"""The differences over training: every arm minus the baseline, paired by seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.parts.means import Line, line_of, mean_of, on_one_clock, on_shared_steps
from pages.parts.panels import BAND_FROM, FIRST_PART, ArmCurves, lines, progress_of, x_span
from pages.parts.view import BANDS
from pages.parts.words import between

if TYPE_CHECKING:
    from pages.parts.panels import Grids
    from pages.parts.reader import Look
    from pages.parts.view import View

Lines = dict[int, Line]  # by seed


def difference(look: Look, view: View, grids: Grids) -> dict[str, Any]:
    """The chart of the primary metric's differences: its words, its axes, its lines."""
    experiment = look.row.experiment
    kind = experiment.metric.removeprefix("test_")
    name = f"train {kind}" if view.curves == "train" else kind
    arms = differences(look, f"{view.curves}_{kind}")
    span = x_span(look, arms, view.axis)
    zoom = first_zoom(arms, progress_of(look), look.active, view.band)
    return {
        "id": "difference",
        "row": 2,
        "title": f"{name.capitalize()} minus baseline",
        "note": note(arms, kind, view),
        "xtitle": view.axis,
        "x": None if span is None else [0, span],
        "y": None if zoom is None else zoom[0],
        "settled": zoom is not None and zoom[1],
        "log": False,
        "logx": view.logstep,
        "zero": True,
        "foot": foot(arms, kind, view),
        "hover": "%{y:+.1f} points" if kind == "accuracy" else "%{y:+.3f}",
        "lines": lines(arms, view, experiment.setup.steps_per_epoch, grids),
    }


def differences(look: Look, key: str) -> list[ArmCurves]:
    """The mean paired difference of every arm but the first, over the seeds done in both."""
    by_time = look.row.experiment.setup.seconds is not None
    scale = 100.0 if key.endswith("accuracy") else 1.0
    finished: list[Lines] = [{} for _ in look.row.experiment.arms]
    for run in look.runs:
        line = line_of(look.curves.get(run.id, {}), key) if run.state == "done" else None
        if line is not None:
            finished[run.arm][run.seed] = line
    base, *others = finished
    found = []
    for arm, own in enumerate(others, start=1):
        pairs = [minus(own[seed], base[seed], scale, by_time) for seed in sorted(own & base.keys())]
        mean = mean_of([one for one in pairs if one.steps.size], by_time=by_time)
        found.append(ArmCurves(arm=arm, finished=[], others=[], mean=mean))
    return found


def minus(one: Line, base: Line, scale: float, by_time: bool) -> Line:
    """What ``one`` is above ``base``, where both were judged; its seconds are those of ``one``."""
    one, base = (on_one_clock if by_time else on_shared_steps)([one, base])
    return Line(steps=one.steps, seconds=one.seconds, values=scale * (one.values - base.values))


def note(arms: list[ArmCurves], kind: str, view: View) -> str:
    """Unit, kind of band and n, at the right of the title."""
    counts = sorted({one.mean.n if one.mean else 0 for one in arms})
    parts = ["points"] if kind == "accuracy" else []
    if counts == [0]:
        return ", ".join([*parts, "no seed is finished in both arms yet"])
    banded = view.bands and counts[-1] >= BAND_FROM
    parts += [BANDS[view.band][1]] if banded else []
    if view.smoothing:
        parts.append("smoothed")
    return ", ".join([*parts, f"n = {between(counts[0], counts[-1])}"])


def foot(arms: list[ArmCurves], kind: str, view: View) -> str:
    """What the lines are, under the plot."""
    if all(one.mean is None for one in arms):
        return ""
    side = "Above" if kind == "accuracy" else "Below"
    what = f"{view.curves.capitalize()} {kind}, paired by seed"
    return f"{what}: the mean of the differences. {side} zero is better than the baseline."


def first_zoom(
    arms: list[ArmCurves], progress: Any, active: bool, band: str = "interval"
) -> tuple[list[float], bool] | None:
    """What differences and bands need after a tenth of the budget, and zero.

    The second value says whether it is settled: before that tenth it is not.
    """
    edges = [0.0]
    settled = False
    for one in arms:
        if one.mean is None:
            continue
        late = progress(one.mean.line) >= FIRST_PART
        settled = settled or bool(late.any())
        for values in (one.mean.line.values, *(one.band(band) or ())):
            shown = values[late & np.isfinite(values)]
            edges += [float(shown.min()), float(shown.max())] if shown.size else []
    low, high = min(edges), max(edges)
    if high <= low:
        return None
    room = 0.08 * (high - low)
    low, high = low - room, high + room
    if active:
        step = 10.0 ** math.floor(math.log10(high - low)) / 4
        low, high = step * math.floor(low / step), step * math.ceil(high / step)
    return [low, high], settled
