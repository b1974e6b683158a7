"""The curves of the comparing page: every group as an arm of the live component.

Groups may differ in budget, so each line brings its own epochs, and the horizontal axis reaches as
far as the longest.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.parts import arms, compare_rates, costchart, difference, panels, words
from pages.parts.means import Line, Mean, line_of, mean_of
from pages.parts.view import BANDS
from trainer.measure import Measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.compare_scene import Scene
    from pages.parts.panels import ArmCurves
    from pages.parts.view import View
    from trainer.comparing import Entry, Group
    from trainer.sidebyside import Judged

MOST_DOTS = 48  # runs of a group; beyond that a count says more
LONG = 20  # letters of a base's name in a title; a longer one goes without what is beside it
APART = " (not comparable)"


def figure(scene: Scene, view: View) -> dict[str, Any]:
    """All that the live component draws, as JSON data."""
    grids = panels.Grids()
    charts = [chart(scene, kind, view, grids) for kind in ("accuracy", "loss")]
    if scene.fair:
        charts.append(difference_chart(scene, view, grids))
    rate, drawn = compare_rates.rates(scene, view, grids)
    charts[2:2] = [drawn] if drawn else []
    charts.append(cost_chart(scene, grids))
    keys = " ".join(one.group.key for one in scene.beside)
    return {
        "id": f"compare {hashlib.sha256(keys.encode()).hexdigest()[:12]}",
        "name": "Comparison",
        "state": "running" if scene.active else "done",
        "rev": f"{view.axis} {view.curves} {view.logstep} {view.logloss}",
        "arms": [card(scene, one) for one in scene.beside],
        "charts": charts,
        "grids": grids.lists,
        "rate": rate,
        "note": note(scene, view),
        "said": "",
    }


def chart(scene: Scene, kind: str, view: View, grids: panels.Grids) -> dict[str, Any]:
    """The chart of ``accuracy`` or ``loss``: the same shape as an experiment's."""
    found = [curves(scene, i, one.group, f"{view.curves}_{kind}", view.axis)
             for i, one in enumerate(scene.beside)]  # fmt: skip
    log = kind == "loss" and view.logloss
    span = longest(scene, found, view.axis)
    zoom = None
    if not log and span:
        zoom = panels.first_zoom(found, kind, lambda line: place(line, view) / span, scene.active)
    title = f"{view.curves.capitalize()} {kind}"
    text = panels.note(found, kind, view)
    return {
        "id": kind,
        "title": title,
        "note": text,
        "xtitle": view.axis,
        "x": None if not span else [0, span],
        "y": None if zoom is None else zoom[0],
        "settled": zoom is not None and zoom[1],
        "log": log,
        "logx": view.logstep,
        "hover": "%{y:.1f} %" if kind == "accuracy" else "%{y:.3f}",
        "lines": panels.lines(found, view, 1, grids, live=scene.active),
        "alt": alt(scene, f"{title} by {view.axis}, {text}."),
    }


def difference_chart(scene: Scene, view: View, grids: panels.Grids) -> dict[str, Any]:
    """The mean paired difference from the base over training, of every group that is fair."""
    kind = scene.metric.removeprefix("test_")
    key = f"{view.curves}_{kind}"
    by_time = scene.base.settings.get("seconds", [None]) != [None]
    base = by_seed(scene, scene.base, key, view.axis)
    found = []
    for i, one in enumerate(scene.beside):
        if one.comparison is None:
            continue
        own = by_seed(scene, one.group, key, view.axis)
        pairs = [difference.minus(own[seed], base[seed], 1.0, by_time)
                 for seed in sorted(own.keys() & base.keys())]  # fmt: skip
        mean = mean_of([pair for pair in pairs if pair.steps.size], by_time=by_time)
        found.append(panels.ArmCurves(arm=i, finished=[], others=[], mean=mean))
    span = longest(scene, found, view.axis)
    zoom = None
    if span:
        zoom = difference.first_zoom(
            found, lambda line: place(line, view) / span, scene.active, view.band
        )
    against = scene.names[scene.base.key]
    short = against if len(against) <= LONG else scene.base.name
    title = f"{view.curves.capitalize()} {kind} minus {short}"
    text = difference.note(found, kind, view)
    return {
        "id": "difference",
        "row": 2,
        "title": title,
        "note": text,
        "xtitle": view.axis,
        "x": None if not span else [0, span],
        "y": None if zoom is None else zoom[0],
        "settled": zoom is not None and zoom[1],
        "log": False,
        "logx": view.logstep,
        "zero": True,
        "hover": "%{y:+.1f} points" if kind == "accuracy" else "%{y:+.3f}",
        "lines": panels.lines(found, view, 1, grids, live=scene.active),
        "alt": alt(scene, f"{title} by {view.axis}, {text}."),
    }


def cost_chart(scene: Scene, grids: panels.Grids) -> dict[str, Any]:
    """What the groups reached against what it cost them."""
    found = [
        costchart.pairs([entry.run for entry in one.group.entries], scene.metric)
        for one in scene.beside
    ]
    made = costchart.cost(found, accuracy=scene.accuracy, grids=grids)
    names = [scene.names[one.group.key] for one in scene.beside]
    told = costchart.spelled(names, found, accuracy=scene.accuracy) or "no run has finished yet"
    return made | {"alt": f"{made['title']}, {made['note']}: {told}."}


def by_seed(scene: Scene, group: Group, key: str, axis: str) -> dict[int, Line]:
    """The finished lines of a group that is not mixed."""
    return {
        entry.run.seed: line
        for entry in group.entries
        if entry.run.state == "done" and (line := line_for(scene, entry, key, axis)) is not None
    }


def line_for(scene: Scene, entry: Entry, key: str, axis: str) -> Line | None:
    """A run's line, accuracies in percent, in epochs where the axis counts those."""
    line = line_of(scene.curves.get(entry.run.id, {}), key)
    if line is None:
        return None
    steps = line.steps / steps_per_epoch(entry) if axis == "epoch" else line.steps
    scale = 100.0 if key.endswith("accuracy") else 1.0
    values = scale * line.values
    return Line(steps=steps, seconds=line.seconds, values=values, seed=entry.run.seed)


def curves(scene: Scene, i: int, group: Group, key: str, axis: str) -> ArmCurves:
    """The lines of a group: of its finished runs, of the others, their mean."""
    finished: list[Line] = []
    others: list[Line] = []
    for entry in group.entries:
        line = line_for(scene, entry, key, axis)
        if line is None:
            continue
        (finished if entry.run.state == "done" else others).append(line)
    by_time = group.settings.get("seconds", [None]) != [None]
    mean = mean_of(finished, by_time=by_time)
    if mean is not None and group.mixed:  # its runs are no sample of one thing: no band
        mean = Mean(line=mean.line, low=None, high=None, n=mean.n)
    return panels.ArmCurves(arm=i, finished=finished, others=others, mean=mean)


def steps_per_epoch(entry: Entry) -> int:
    settings = entry.recipe.settings
    return max(1, int(settings["train_size"]) // int(settings["batch_size"]))


def place(line: Line, view: View) -> Any:
    return line.seconds if view.axis == "seconds" else line.steps


def longest(scene: Scene, found: Sequence[ArmCurves], axis: str) -> float | None:
    """Where the horizontal axis ends: at the last point of the longest line, or its budget."""
    lines = [line for one in found for line in (*one.finished, *one.others)]
    lines += [one.mean.line for one in found if one.mean]
    ends = [float(np.max(line.seconds if axis == "seconds" else line.steps)) for line in lines]
    shown = [entry for one in scene.beside for entry in one.group.entries]
    ends += [end for entry in shown if (end := budget(entry, axis)) is not None]
    return max(ends, default=None)


def budget(entry: Entry, axis: str) -> float | None:
    """Where a run will end on that axis; None if its budget does not say."""
    settings = entry.recipe.settings
    if axis == "seconds" or settings["seconds"] is not None:
        return settings["seconds"] if axis == "seconds" else None
    per_epoch = steps_per_epoch(entry)
    steps = settings["steps"] or settings["epochs"] * per_epoch
    return steps / per_epoch if axis == "epoch" else steps


def card(scene: Scene, one: Judged) -> dict[str, Any]:
    """A group's card: its sign, its number, a dot per run."""
    group, number = one.group, scene.numbers[one.group.key]
    numbers = Measure(accuracy=scene.accuracy)
    summary = group.summary(scene.metric)
    value = words.NOTHING if summary.mean is None else numbers.value(summary.mean, summary.n)
    half = "" if summary.half is None else f"± {numbers.value(summary.half, summary.n)}"
    name = f"{scene.names[group.key]}{APART if one.refused else ''}"
    label = f"{name}: {numbers.title} {value} {half.replace('±', 'plus or minus')}, n = {summary.n}"
    runs = [entry.run for entry in group.entries]
    done = sum(run.state == "done" for run in runs)
    few = len(runs) <= MOST_DOTS
    return {
        "name": name,
        "slot": arms.slot(number),
        "symbol": arms.symbol(number),
        "dashed": arms.dashed(number),
        "swatch": arms.swatch(number),
        "value": value,
        "half": half,
        "n": f"n = {summary.n}",
        "label": label,
        "dots": [[run.state, f"seed {run.seed}: {run.state}"] for run in runs] if few else [],
        "count": "" if few else f"{done} of {len(runs)}",
    }


def note(scene: Scene, view: View) -> str:
    """What lines and bands are, and what the colors cannot say any more."""
    parts = ["Lines are means over the finished runs of a group"]
    if view.bands:
        parts.append(f"bands {BANDS[view.band][2]}")
    if view.runs:
        parts.append("thin lines single runs")
    text = f"{', '.join(parts)}. Drag to zoom, double-click to go back; press a group to hide it."
    if len(scene.beside) > arms.COLORS:
        text += f" From the {arms.COLORS + 1}th group on colors come again, dashed."
    return text


def alt(scene: Scene, start: str) -> str:
    """What a chart shows, for people who cannot see it."""
    numbers = Measure(accuracy=scene.accuracy)
    against = "; ".join(numbers.spelled(one.comparison) for one in scene.fair if one.comparison)
    if not against:
        return f"{start} {words.count(len(scene.beside), 'group')} of runs."
    return f"{start} Final {numbers.title} against {scene.names[scene.base.key]}: {against}."


def empty(scene: Scene) -> str | None:
    """What stands over axes without a point."""
    if any(scene.curves.get(entry.run.id) for entry in scene.entries):
        return None
    return "No run of these groups has a point yet."
