"""The differences over training of a report, paired by seed, and what every result cost."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from trainer import words
from trainer.export.report_curves import (
    BAND_FROM,
    FIRST_PART,
    MOST_POINTS,
    MOST_ROWS,
    ArmCurves,
    Line,
    behind,
    draw,
    last,
    line_of,
    mean_of,
    note,
    thin,
)
from trainer.export.report_draw import Axis, Chart, figure, numbers_table
from trainer.statistics import t_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.export.material import Material
    from trainer.export.report_findings import Findings

MOST_DOTS = 1_000  # runs; with more only the means are drawn


def differences(material: Material) -> str:
    """The figure of every arm minus the baseline over training, in the primary metric."""
    experiment = material.experiment
    key, kind = experiment.metric, experiment.metric.removeprefix("test_")
    arms = [ArmCurves(finished=[], cut=[], mean=None), *minus_baseline(material, key)]
    if not any(one.mean for one in arms):
        return ""
    names = [arm.name for arm in experiment.arms]
    end = max(float(one.mean.x[-1]) for one in arms if one.mean)
    chart = Chart(x=Axis(0, end), y=Axis(*reach(arms, end)))
    chart.level(0.0)
    at = [thin(len(one.mean.x), MOST_POINTS) if one.mean else slice(None) for one in arms]
    for i, one in enumerate(arms):
        if one.mean and one.mean.low is not None and one.mean.n >= BAND_FROM:
            assert one.mean.high is not None
            chart.band(i, one.mean.x[at[i]], one.mean.low[at[i]], one.mean.high[at[i]])
    for i, one in enumerate(arms):
        if one.mean:
            draw(chart, "mean", i, one.mean, MOST_POINTS)
            chart.mark(i, one.mean.x[-1], one.mean.y[-1])
    axis = "seconds of training" if experiment.setup.seconds is not None else "epoch"
    ends = "; ".join(last(names[i], one, kind) for i, one in enumerate(arms) if one.mean)
    text = note(arms[1:], kind).replace("%", "points", 1) if kind == "accuracy" else note(
        arms[1:], kind
    )  # fmt: skip
    alt = f"Test {kind} minus {names[0]} at the end: {ends}.".replace(" %", " points")
    title = f"{kind.capitalize()} minus {names[0]}"
    return figure(title, text, chart.svg(alt, axis), behind(names, arms, kind, axis))


def minus_baseline(material: Material, key: str) -> list[ArmCurves]:
    """The mean paired difference of every arm but the first, over the seeds done in both."""
    scale = 100.0 if key.endswith("accuracy") else 1.0
    by_time = material.experiment.setup.seconds is not None
    own = [
        {
            run.seed: line
            for run in material.of_arm(arm, "done")
            if (line := line_of(material, run.id, key, scale)) is not None
        }
        for arm in range(len(material.experiment.arms))
    ]
    base, *others = own
    found = []
    for lines in others:
        pairs = [
            minus(lines[seed], base[seed], by_time=by_time)
            for seed in sorted(lines.keys() & base.keys())
        ]
        mean = mean_of([one for one in pairs if one.x.size], by_time=by_time)
        found.append(ArmCurves(finished=[], cut=[], mean=mean))
    return found


def minus(one: Line, base: Line, *, by_time: bool) -> Line:
    """What ``one`` is above ``base`` where both were judged; by time, at the places of ``one``."""
    if by_time:
        x = one.x[one.x <= base.x[-1]]
        return Line(x=x, y=one.y[: len(x)] - np.interp(x, base.x, base.y))
    x, here, there = np.intersect1d(one.x, base.x, return_indices=True)
    return Line(x=x, y=one.y[here] - base.y[there])


def reach(arms: Sequence[ArmCurves], end: float) -> tuple[float, float]:
    """What differences and bands need after a tenth of the budget, and zero."""
    edges = [0.0]
    for one in arms:
        if one.mean is None:
            continue
        late = one.mean.x >= FIRST_PART * end
        for values in (one.mean.y, one.mean.low, one.mean.high):
            shown = values[late & np.isfinite(values)] if values is not None else np.empty(0)
            edges += [float(shown.min()), float(shown.max())] if shown.size else []
    low, high = min(edges), max(edges)
    room = 0.08 * (high - low) or 1.0
    return low - room, high + room


def cost(known: Findings) -> str:
    """The figure of the final metric of every run against its seconds of training."""
    material, metric = known.material, known.material.experiment.metric
    own = [
        [
            (run.seconds, known.factor * run.metrics[metric])
            for run in material.of_arm(arm, "done")
            if run.seconds is not None and np.isfinite(run.metrics.get(metric, np.nan))
        ]
        for arm in range(len(material.experiment.arms))
    ]
    every = [pair for pairs in own for pair in pairs]
    if not every:
        return ""
    values = [value for _, value in every]
    room = 0.08 * (max(values) - min(values)) or 1.0
    chart = Chart(
        x=Axis(0, 1.06 * max(seconds for seconds, _ in every)),
        y=Axis(min(values) - room, max(values) + room),
    )
    for i, pairs in enumerate(own if len(every) <= MOST_DOTS else []):
        for x, y in pairs:
            chart.dot(i, x, y)
    rows, said = [], []
    for i, pairs in enumerate(own):
        if not pairs:
            continue
        name = material.experiment.arms[i].name
        x, y = (fmean(one) for one in zip(*pairs, strict=True))
        chart.mark(i, x, y)
        value = words.number(y, known.digits(len(pairs)))
        rows.append([name, str(len(pairs)), ranged([one for one, _ in pairs]), value])
        said.append(
            f"{name} {value}{' %' if known.accuracy else ''} in {x:.2g} s, n = {len(pairs)}"
        )
    counts = [len(pairs) for pairs in own]
    n = words.between(min(counts), max(counts))
    text = f"{'%, ' if known.accuracy else ''}every run, and the mean; no band, n = {n}"
    table = numbers_table(
        "Mean seconds of training ± half their 95 % t interval, and the mean result",
        ["arm", "n", "seconds", known.title],
        rows[:MOST_ROWS],
    )
    alt = f"{known.name.capitalize()} against seconds of training: {'; '.join(said)}."
    title = f"{known.name.removeprefix('test ').capitalize()} against cost"
    return figure(title, text, chart.svg(alt, "seconds of training"), table)


def ranged(values: Sequence[float]) -> str:
    found = t_interval(values)
    text = words.short(fmean(values), 3)
    if found.high is None or found.mean is None:
        return text
    return f"{text} ± {words.short(found.high - found.mean, 2)}"
