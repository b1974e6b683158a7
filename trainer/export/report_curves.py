"""The curves of a report: means with their band over single runs, and the learning rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer import words
from trainer.export.report_draw import Axis, Chart, figure, numbers_table
from trainer.rates import PARTS, schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.export.material import Material, Numbers

MOST_POINTS = 240  # of a mean: a report is not wider
MOST_SINGLE = 12_000  # points of all single runs of a figure
MOST_ROWS = 40  # of the table behind a figure
BAND_FROM = 3  # runs: with two, Student's t makes a band that hides everything else
FIRST_PART = 0.1  # of the budget: what comes before may be cut off
APART = 0.08  # of a shared schedule: between the signs of the arms that follow it
HEADROOM = 3.0  # points above the best accuracy


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve: positions on the horizontal axis and values, both (points,)."""

    x: Numbers
    y: Numbers


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The mean over an arm's ``n`` finished runs; both edges of its 95 % t band from n = 2 on."""

    x: Numbers
    y: Numbers
    low: Numbers | None
    high: Numbers | None
    n: int


@dataclass(frozen=True, kw_only=True)
class ArmCurves:
    """One key in one arm: its finished runs, those that ended early, the mean of the finished."""

    finished: list[Line]
    cut: list[Line]
    mean: Mean | None


def arms_curves(material: Material, key: str) -> list[ArmCurves]:
    """The curves of every arm, accuracies in percent."""
    scale = 100.0 if key.endswith("accuracy") else 1.0
    by_time = material.experiment.setup.seconds is not None
    found = []
    for arm in range(len(material.experiment.arms)):
        kinds: dict[bool, list[Line]] = {True: [], False: []}
        for run in material.of_arm(arm):
            line = line_of(material, run.id, key, scale)
            if line is not None:
                kinds[run.state == "done"].append(line)
        mean = mean_of(kinds[True], by_time=by_time)
        found.append(ArmCurves(finished=kinds[True], cut=kinds[False], mean=mean))
    return found


def line_of(material: Material, run: str, key: str, scale: float) -> Line | None:
    """The curve of a run over epochs, or over seconds if those are the budget."""
    series = material.points.get(run, {})
    if key not in series:
        return None
    setup = material.experiment.setup
    steps, values = series[key]
    if setup.seconds is None:
        return Line(x=steps / setup.steps_per_epoch, y=scale * values)
    return Line(x=np.interp(steps, *series["seconds"]), y=scale * values)


def mean_of(lines: Sequence[Line], *, by_time: bool) -> Mean | None:
    """The mean where all runs were judged.

    ``by_time``: at equal times that all of them reached, with straight lines between their points.
    """
    if not lines:
        return None
    if by_time:
        end = min(one.x[-1] for one in lines)
        x = np.linspace(0, end, min(len(one.x) for one in lines))
        values = np.stack([np.interp(x, one.x, one.y) for one in lines])
    else:
        x = lines[0].x
        for one in lines[1:]:
            x = np.intersect1d(x, one.x)
        values = np.stack([one.y[np.isin(one.x, x)] for one in lines])
    if not x.size:
        return None
    middle, n = values.mean(axis=0), len(values)
    if n < 2:
        return Mean(x=x, y=middle, low=None, high=None, n=n)
    from scipy.special import stdtrit

    half = stdtrit(n - 1, 0.975) * values.std(axis=0, ddof=1) / np.sqrt(n)
    return Mean(x=x, y=middle, low=middle - half, high=middle + half, n=n)


def curves(material: Material, kind: str) -> str:
    """The figure of the test ``accuracy`` or ``loss``."""
    arms = arms_curves(material, f"test_{kind}")
    if not any(one.mean or one.cut for one in arms):
        return ""
    names = [arm.name for arm in material.experiment.arms]
    end = max(line.x[-1] for one in arms for line in (*one.finished, *one.cut))
    chart = Chart(x=Axis(0, end), y=Axis(*zoom(arms, kind, end)))
    most = max(20, MOST_SINGLE // max(1, sum(len(one.finished) for one in arms)))
    for i, one in enumerate(arms):
        for line in one.finished:
            draw(chart, "single", i, line, most)
        for line in one.cut:
            draw(chart, "cut", i, line, most)
    for i, one in enumerate(arms):
        if one.mean and one.mean.n >= BAND_FROM and one.mean.low is not None:
            assert one.mean.high is not None
            at = thin(len(one.mean.x), MOST_POINTS)
            chart.band(i, one.mean.x[at], one.mean.low[at], one.mean.high[at])
    for i, one in enumerate(arms):
        if one.mean:
            draw(chart, "mean", i, one.mean, MOST_POINTS)
            chart.mark(i, one.mean.x[-1], one.mean.y[-1])
    title = f"Test {kind}"
    axis = "seconds of training" if material.experiment.setup.seconds is not None else "epoch"
    ends = "; ".join(last(name, one, kind) for name, one in zip(names, arms, strict=True))
    alt = f"{title} at the end: {ends}."
    return figure(title, note(arms, kind), chart.svg(alt, axis), behind(names, arms, kind, axis))


def draw(chart: Chart, kind: str, arm: int, line: Line | Mean, most: int) -> None:
    at = thin(len(line.x), most)
    chart.line(kind, arm, line.x[at], line.y[at])


def thin(length: int, most: int) -> Numbers | slice:
    """Which of so many points to show: all, or evenly spread with both ends."""
    if length <= most:
        return slice(None)
    return np.unique(np.linspace(0, length - 1, most).round().astype(int))


def zoom(arms: Sequence[ArmCurves], kind: str, end: float) -> tuple[float, float]:
    """A vertical range in which the first epochs do not flatten the story."""
    means = [one.mean for one in arms if one.mean]
    shown: Sequence[Line | Mean] = means or [line for one in arms for line in one.cut]
    after = [line.y[line.x >= FIRST_PART * end] for line in shown]
    values = [one[np.isfinite(one)] for one in after if np.isfinite(one).any()]
    values = values or [np.asarray([0.0, 100.0 if kind == "accuracy" else 1.0])]
    lowest = float(min(one.min() for one in values))
    if kind == "accuracy":
        top = float(max(one.max() for one in values)) + HEADROOM
        return max(0.0, 5 * np.floor(lowest / 5)), min(100.5, top)
    high = 1.25 * float(max(one[-1] for one in values))
    room = 0.04 * (high - lowest)
    return max(0.0, lowest - room), max(high, lowest + 1e-6)


def note(arms: Sequence[ArmCurves], kind: str) -> str:
    """Unit, kind of band, n."""
    counts = sorted({one.mean.n if one.mean else 0 for one in arms})
    unit = ["%"] if kind == "accuracy" else []
    if counts[-1] == 0:
        return ", ".join([*unit, "no run finished"])
    band = "mean and 95 % t band" if counts[-1] >= BAND_FROM else "mean"
    if counts[-1] >= BAND_FROM > counts[0]:
        band += f" from n = {BAND_FROM}"
    low, high = counts[0], counts[-1]
    n = f"{low}" if low == high else f"{low} or {high}" if high == low + 1 else f"{low} to {high}"
    return ", ".join([*unit, band, f"n = {n}"])


def shown_value(value: float, kind: str) -> str:
    return words.number(value, 1) if kind == "accuracy" else words.number(value, 3)


def last(name: str, one: ArmCurves, kind: str) -> str:
    """Where an arm ends, for people who cannot see it."""
    if one.mean is None:
        return f"{name}: no run finished"
    unit = " %" if kind == "accuracy" else ""
    text = f"{name} {shown_value(one.mean.y[-1], kind)}{unit}"
    if one.mean.high is not None:
        text += f" ± {shown_value(one.mean.high[-1] - one.mean.y[-1], kind)}"
    return f"{text}, n = {one.mean.n}"


def behind(names: Sequence[str], arms: Sequence[ArmCurves], kind: str, axis: str) -> str:
    """The means and half their bands as a table, at some of the places."""
    known = [(name, one.mean) for name, one in zip(names, arms, strict=True) if one.mean]
    if not known:
        return ""
    longest = max((mean for _, mean in known), key=lambda one: len(one.x))
    at = np.arange(len(longest.x))[thin(len(longest.x), MOST_ROWS)]
    rows = []
    for x in longest.x[at]:
        cells = [words.short(float(x), 3)]
        for _, mean in known:
            value = float(np.interp(x, mean.x, mean.y, right=np.nan))
            text = words.NOTHING if np.isnan(value) else shown_value(value, kind)
            if mean.high is not None and not np.isnan(value):
                half = float(np.interp(x, mean.x, mean.high)) - value
                text += f" ± {shown_value(half, kind)}"
            cells.append(text)
        rows.append(cells)
    caption = "Mean ± half the 95 % t interval"
    if len(at) < len(longest.x):
        caption += f" at {len(at)} of {len(longest.x)} places; the CSV and Parquet files have all"
    head = [axis, *(f"{name}, n = {mean.n}" for name, mean in known)]
    return numbers_table(caption, head, rows)


def rates(material: Material) -> tuple[str, str]:
    """The figure of the learning rates, or nothing and a sentence if all are one constant."""
    experiment = material.experiment
    setup = experiment.setup
    total = setup.total_steps or PARTS
    stride = -(-total // MOST_POINTS)
    steps = sorted({*range(0, total, stride), total - 1})
    found: dict[tuple[float, ...], list[int]] = {}
    for i, arm in enumerate(experiment.arms):
        at = schedule(setup, arm.left(), arm.lr_scale)
        found.setdefault(tuple(at(step) for step in steps), []).append(i)
    values = {rate for one in found for rate in one}
    count = len(experiment.arms)
    everyone = f"all {count} arms" if count > 2 else "both arms" if count == 2 else "the only arm"
    if len(values) == 1:
        rate = words.short(values.pop())
        return "", f"Learning rate: {rate} in {everyone}, from the first step to the last."
    per_second = (setup.seconds or 0.0) / PARTS
    unit = per_second if setup.seconds is not None else 1 / setup.steps_per_epoch
    x = unit * np.asarray(steps, float)
    chart = Chart(x=Axis(0, unit * total), y=Axis(0.0, 1.04 * max(values)))
    said, rows = [], []
    for line, own in found.items():
        y = np.asarray(line)
        chart.line("mean", own[0] if len(own) == 1 else None, x, y)
        for place, i in enumerate(own if len(own) < count else []):
            end = max(0, len(x) - 1 - round(APART * place * len(x)))
            chart.mark(i, x[end], y[end])
        names = [experiment.arms[i].name for i in own]
        who = everyone if len(own) == count else words.listed(names)
        said.append(f"{who}: {course(line)}")
        rows.append([who, *(words.short(one, 3) for one in (line[0], max(line), line[-1]))])
    note = f"{len(found)} schedules" if len(found) > 1 else f"one schedule in {everyone}"
    axis = "seconds of training" if setup.seconds is not None else "epoch"
    head = ["arms", "at first", "at most", "at last"]
    table = numbers_table("The learning rate of each schedule", head, rows)
    alt = f"Learning rates: {'; '.join(said)}."
    return figure("Learning rate", f"{note}, as set: no band", chart.svg(alt, axis), table), ""


def course(rates: Sequence[float]) -> str:
    """A schedule in words."""
    if len(set(rates)) == 1:
        return f"constant {words.short(rates[0])}"
    first, most, end = (words.short(one, 3) for one in (rates[0], max(rates), rates[-1]))
    return f"from {first}, at most {most}, to {end}"
