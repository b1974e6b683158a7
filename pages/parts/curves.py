"""The live component: a card per arm and the charts, which share legend and hidden arms.

Python sends what to draw; ``curves.js`` draws it with Plotly.react into nodes that stay, so zoom
and hidden arms survive every update. Colors come from the theme's CSS variables.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import arms, costchart, panels, ratelines, sweepchart, words
from pages.parts.difference import difference
from pages.parts.sheet import MENU, source
from pages.parts.view import BANDS
from trainer.sentences import plain

if TYPE_CHECKING:
    from pages.parts.reader import Look
    from pages.parts.results import ArmResult, Results
    from pages.parts.view import View
    from trainer.store import RunRow

HTML = """
<div class="tb-live">
  <div class="tb-cards" role="group" aria-label="Arms: press to hide or show"></div>
  <div class="tb-first"><p class="tb-empty"></p><div class="tb-charts"></div></div>
  <p class="tb-rate"></p>
  <p class="tb-note"></p>
  <div class="tb-more"></div>
  <p class="tb-said" aria-live="polite"></p>
</div>
"""
TOLD = {"cost": costchart.said, "sweep": sweepchart.said}
MOST_DOTS = 96  # seeds; beyond that a count says more

component = st.components.v2.component(
    "trickboard_curves",
    html=HTML,
    css=source("menu.css", "curves.css"),
    js=source(*MENU, "plotly.js", "cards.js", "traces.js", "charts.js", "curves.js"),
    isolate_styles=False,
)


def packed(data: dict[str, Any], empty: str | None) -> bytes:
    """What is sent to be drawn: made once, however many sessions are to see it.

    ``data`` is that of :func:`figure`; ``empty`` stands over axes without a point.
    """
    return json.dumps({**data, "empty": empty}, separators=(",", ":")).encode()


def show(sent: bytes) -> None:
    """Draw what was :func:`packed`."""
    component(key="live", data=sent)


def figure(look: Look, results: Results, view: View) -> dict[str, Any]:
    """All that the component draws, as JSON data."""
    grids = panels.Grids()
    experiment = look.row.experiment
    charts = [panels.chart(look, kind, view, grids) for kind in ("accuracy", "loss")]
    curves = panels.arms_curves(look, f"{view.curves}_accuracy")
    found = ratelines.schedules(experiment)
    rate = ratelines.constant(experiment, found)
    if rate is None:
        span = panels.x_span(look, curves, view.axis)
        charts.append(ratelines.rate_chart(experiment, found, curves, view, grids, span))
    if len(experiment.arms) > 1:
        swept = sweepchart.sweep(look, grids)
        paid = costchart.finished(look)
        cost = costchart.cost(paid, accuracy=results.accuracy, grids=grids)
        charts += [difference(look, view, grids), cost]
        charts += [swept] if swept else []
    for chart in charts:
        chart["alt"] = alt(chart, look, results)
    return {
        "id": look.row.id,
        "name": look.row.name,
        "state": look.state,
        "rev": f"{view.axis} {view.curves} {view.logstep} {view.logloss}",
        "arms": [card(look, i, one, results) for i, one in enumerate(results.arms)],
        "charts": charts,
        "grids": grids.lists,
        "rate": rate,
        "note": note(look, view),
        "said": said(look, results),
    }


def card(look: Look, i: int, one: ArmResult, results: Results) -> dict[str, Any]:
    """An arm's card: its sign, its number, a dot per run."""
    runs = [run for run in look.runs if run.arm == i]
    value = words.NOTHING if one.mean is None else results.value(one.mean, one.n)
    half = None if one.half is None else results.value(one.half, one.n)
    spoken = value if half is None else f"{value} plus or minus {half}"
    metric = "test accuracy, percent" if results.accuracy else "test loss"
    done = sum(run.state == "done" for run in runs)
    label = f"{one.name}: no run has finished yet"
    if one.mean is not None:
        label = f"{one.name}: {metric} {spoken}, n = {one.n}"
    return {
        "name": one.name,
        "slot": arms.slot(i),
        "symbol": arms.symbol(i),
        "dashed": arms.dashed(i),
        "swatch": arms.swatch(i),
        "value": value,
        "half": "" if half is None else f"± {half}",
        "n": f"n = {one.n}",
        "label": label,
        "dots": [dot(run, results) for run in runs] if len(runs) <= MOST_DOTS else [],
        "count": f"{done} of {len(runs)}" if len(runs) > MOST_DOTS else "",
    }


def dot(run: RunRow, results: Results) -> list[str]:
    """The state of a run, and what is to say of it."""
    metric = "test_accuracy" if results.accuracy else "test_loss"
    said = f"seed {run.seed}: {run.state}"
    if run.state == "done" and metric in run.metrics:
        said += f", {results.value(run.metrics[metric])}{' %' if results.accuracy else ''}"
    elif run.error_text:
        said += f", {run.error_text}"
    return [run.state, said]


def alt(chart: dict[str, Any], look: Look, results: Results) -> str:
    """What a chart shows, for people who cannot see it."""
    if chart["id"] == "rate":
        return f"Learning rate by {chart['xtitle']}: {chart['note']}."
    if chart["id"] in TOLD:
        return f"{chart['title']}, {chart['note']}: {TOLD[chart['id']](look)}."
    start = f"{chart['title']} by {chart['xtitle']}, {chart['note']}."
    if look.state != "done" or not results.comparisons:
        return f"{start} {look.count('done')} of {len(look.runs)} runs done."
    against = "; ".join(results.spelled(one) for one in results.comparisons)
    metric = "test accuracy" if results.accuracy else "test loss"
    return f"{start} Final {metric} against {results.arms[0].name}: {against}."


def note(look: Look, view: View) -> str:
    """What lines and bands are, once, under the charts."""
    parts = ["Lines are means over the finished runs of an arm"]
    if view.bands:
        parts.append(f"bands {BANDS[view.band][2]}")
    if view.runs or look.state != "done":
        parts.append("thin lines single runs" if view.runs else "thin lines unfinished runs")
    text = f"{', '.join(parts)}."
    if look.state == "running":
        return f"{text} Zoom and hidden arms stay while it runs."
    return f"{text} Drag to zoom, double-click to go back; press an arm to hide it."


def said(look: Look, results: Results) -> str:
    """What a screen reader hears of the progress; the browser holds it to one in ten seconds."""
    if look.state == "done":
        return plain(results.sentence)
    return f"{look.count('done')} of {words.count(len(look.runs), 'run')} done."
