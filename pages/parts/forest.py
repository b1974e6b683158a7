"""The results: table and forest plot in one, a row per arm, as in medicine. One component.

The plot is inline SVG with positions in percent, so it stretches with the table and its signs
stay round. ``theme.js`` gives it the colors of the arms.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import arms, words
from pages.parts.results import reason
from pages.parts.sheet import SCRIPTS, data_rows, source
from trainer.datasets import DATASETS
from trainer.marks import swarm
from trainer.results import looked
from trainer.statistics import WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.findings import Mark
    from pages.parts.reader import Look
    from pages.parts.results import ArmResult, Results
    from trainer.effects import Effect
    from trainer.statistics import Comparison

HTML = '<div class="tb-sheet-root tb-forest"></div>'
MOST_TICKS = 5  # where the table is narrow; of more, every second is left out there
LONG = 28  # letters of a name that may break

component = st.components.v2.component(
    "trickboard_forest",
    html=HTML,
    css=source("menu.css", "forest.css"),
    js=source(*SCRIPTS),
    isolate_styles=False,
)


def forest(look: Look, results: Results, slots: int, marks: Sequence[Sequence[Mark]] = ()) -> None:
    """Draw the results table; ``marks`` are badges for each arm."""
    html = table(look, results, slots, marks)
    component(key="results", data={"html": html, "name": look.row.name})


class Scale:
    """Differences to percent of the plot's width, zero and all of ``differences`` in it.

    ``factor`` makes them into the unit of the axis.
    """

    def __init__(self, differences: Sequence[float], factor: float) -> None:
        self.factor = factor
        values = [factor * value for value in (0.0, *differences)]
        low, high = min(values), max(values)
        if high - low < 1e-9:
            low, high = -1.0, 1.0
        room = 0.06 * (high - low)
        self.low, self.high = low - room, high + room

    def __call__(self, difference: float) -> str:
        share = (self.factor * difference - self.low) / (self.high - self.low)
        return f"{100 * share:.2f}%"

    def ticks(self) -> list[float]:
        """Round values on the axis, zero among them, about seven."""
        step = 10 ** math.floor(math.log10((self.high - self.low) / 3))
        step = next(s for s in (step, 2 * step, 5 * step, 10 * step)
                    if (self.high - self.low) / s <= 8)  # fmt: skip
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [i * step for i in range(first, last + 1)]


def reach(one: Comparison) -> list[float]:
    """All that must have room in the plot of a comparison."""
    ends = [end for end in (one.low, one.high) if end is not None]
    return [*one.deltas, one.margin, -one.margin, *ends]


def table(look: Look, results: Results, slots: int, marks: Sequence[Sequence[Mark]] = ()) -> str:
    """The whole table as HTML; names are escaped."""
    factor = 100.0 if results.accuracy else 1.0
    scale = Scale([end for one in results.comparisons for end in reach(one)], factor)
    metric = "test accuracy, %" if results.accuracy else "test loss"
    about = "points above or below" if results.accuracy else "test loss above or below"
    compared = {one.arm: one for one in results.comparisons}
    rows = []
    for i, arm in enumerate(results.arms):
        one = compared.get(arm.name)
        why = reason(one, look, slots) if one else ""
        badges = "".join(badge(mark) for mark in marks[i]) if marks else ""
        rows.append(row(look, results, i, arm, one, why, scale, badges))
    summary = "; ".join(results.spelled(one) for one in results.comparisons)
    name = escape(results.arms[0].name, True)
    return (
        f"<figure data-title='Differences from {name}' data-x='seed' "
        f"{data_rows(seed_rows(results))}><table>"
        f"<caption>Differences from {name}: {escape(summary)}.</caption>"
        "<thead><tr><th scope='col'>arm</th><th scope='col' class='right'>n</th>"
        f"<th scope='col' class='right wide'>{metric}</th>"
        f"<th scope='col' class='middle'>{about} the baseline</th>"
        "<th scope='col' class='right'>difference</th>"
        "<th scope='col' class='right wide'>seconds</th>"
        "<th scope='col' class='verdict'>verdict</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody><tfoot aria-hidden='true'><tr><td></td><td></td>"
        f"<td class='wide'></td><td class='plot'>{axis(scale)}</td><td></td>"
        "<td class='wide'></td><td class='verdict'></td></tr></tfoot></table>"
        f"<p>{escape(legend(look, results))}</p></figure>"
    )


def seed_rows(results: Results) -> list[list[Any]]:
    """The numbers of the plot: every seed's difference, and the mean with its interval."""
    factor = 100.0 if results.accuracy else 1.0

    def scaled(value: float | None) -> float | None:
        return None if value is None else factor * value

    rows: list[list[Any]] = []
    for one in results.comparisons:
        pairs = zip(one.seeds, one.deltas, strict=True)
        rows += [[one.arm, "difference", seed, scaled(delta), None, None] for seed, delta in pairs]
        ends = [scaled(one.mean), scaled(one.low), scaled(one.high)]
        rows.append([one.arm, "mean difference", None, *ends])
    return rows


def row(
    look: Look,
    results: Results,
    i: int,
    arm: ArmResult,
    one: Comparison | None,
    why: str,
    scale: Scale,
    badges: str,
) -> str:
    margin = results.comparisons[0].margin if results.comparisons else 0.0
    value = words.NOTHING if arm.mean is None else results.value(arm.mean, arm.n)
    half = "" if arm.half is None else f" <small>± {results.value(arm.half, arm.n)}</small>"
    seconds = words.NOTHING if arm.seconds is None else words.number(arm.seconds, 1)
    word = WORDS[one.verdict] if one else ""
    verdict = f"<b>{word}</b><small>{escape(why)}</small>"
    if one is None:
        others = "the others are measured against it" if results.comparisons else "on its own"
        verdict = f"<small>{others}</small>"
    breaks = " class='long'" if len(arm.name) > LONG else ""
    under = f"<small class='under'><b>{word}</b> {escape(why)}</small>" if one else ""
    return (
        f"<tr><th scope='row'{breaks}><span class='tb-arm'>{arms.swatch(i)}<span>{escape(arm.name)}"
        f"{under}{losses(look, i)}{badges}</span></span></th><td class='right'>{arm.n}</td>"
        f"<td class='right wide'>{value}{half}</td>"
        f"<td class='plot'>{plot(*sign(i), one, margin, scale)}</td>"
        f"<td class='right'>{difference(results, arm, one)}</td>"
        f"<td class='right wide'>{seconds}</td><td class='verdict'>{verdict}</td></tr>"
    )


def losses(look: Look, i: int) -> str:
    """What went wrong in an arm, under its name."""
    lost = []
    for state in ("diverged", "failed"):
        count = sum(run.arm == i and run.state == state for run in look.runs)
        lost += [f"{count} {state}"] if count else []
    return f"<small class='lost'>{', '.join(lost)}</small>" if lost else ""


def badge(mark: Mark) -> str:
    """A word in a frame and why, under the arm's name."""
    kind = "mark grave" if mark.grave else "mark"
    return f"<small class='{kind}'><b>{escape(mark.word)}</b> {escape(mark.why)}</small>"


def difference(results: Results, arm: ArmResult, one: Comparison | None) -> str:
    if one is None:
        return ""
    if one.mean is None:
        return words.NOTHING
    text = f"<b>{results.difference(one.mean, one.n)}</b>"
    if one.low is not None and one.high is not None:
        low, high = (results.difference(end, one.n) for end in (one.low, one.high))
        text += f"<small>{low} to {high}</small>"
    baseline = results.arms[0]
    return text + (f"<small>n = {one.n}</small>" if not one.n == arm.n == baseline.n else "")


def sign(i: int) -> tuple[str, str]:
    """Color and marker of arm ``i``."""
    return f"var(--arm-{arms.slot(i)})", arms.SHAPES[arms.symbol(i)]


def plot(
    paint: str, shape: str, one: Comparison | Effect | None, margin: float, scale: Scale
) -> str:
    """Gray zone, zero line, a dot per seed, the interval and the mean of one arm or effect."""
    parts = []
    if margin:
        width = f"{float(scale(margin)[:-1]) - float(scale(-margin)[:-1]):.2f}%"
        parts.append(f"<rect class='zone' x='{scale(-margin)}' width='{width}' height='100%'/>")
    zero = scale(0.0)
    parts.append(f"<line class='zero' x1='{zero}' x2='{zero}' y1='0' y2='100%'/>")
    if one is not None and one.mean is not None:
        places = [float(scale(delta)[:-1]) for delta in one.deltas]
        for delta, offset in zip(one.deltas, swarm(places), strict=True):
            parts.append(
                f"<svg class='dot' x='{scale(delta)}' y='50%'>"
                f"<g transform='translate(0 {offset}) scale(.72)' fill='{paint}'>{shape}</g></svg>"
            )
        if one.low is not None and one.high is not None:
            parts.append(
                f"<line class='bar' x1='{scale(one.low)}' x2='{scale(one.high)}' y1='50%' "
                f"y2='50%' stroke='{paint}'/>"
            )
        parts.append(
            f"<svg x='{scale(one.mean)}' y='50%'><g class='mean' fill='{paint}'>{shape}</g></svg>"
        )
    return f"<svg aria-hidden='true' width='100%' height='100%'>{''.join(parts)}</svg>"


def axis(scale: Scale) -> str:
    ticks = scale.ticks()
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9)) if len(ticks) > 1 else 1
    zero = min(range(len(ticks)), key=lambda i: abs(ticks[i]))
    parts = []
    for i, tick in enumerate(ticks):
        x = scale(tick / scale.factor)
        odd = " class='odd'" if (i - zero) % 2 and len(ticks) > MOST_TICKS else ""
        text = words.number(tick, digits, signed=True) if i != zero else "0"
        parts.append(
            f"<g{odd}><line x1='{x}' x2='{x}' y1='0' y2='4'/>"
            f"<text x='{x}' y='18' text-anchor='middle'>{text}</text></g>"
        )
    return f"<svg width='100%' height='100%'>{''.join(parts)}</svg>"


def legend(look: Look, results: Results) -> str:
    """What dots, bars, p and the gray zone are; once, under the table."""
    if not results.comparisons:
        return "± is half the 95 % t interval of the mean over seeds."
    count = len(results.comparisons)
    parts = [
        "A dot is one seed, the bar the 95 % t interval of the mean paired difference.",
        "p: exact sign-flip test" + (f", Holm over {count} comparisons." if count > 1 else "."),
    ]
    experiment = look.row.experiment
    margin = results.comparisons[0].margin
    images = DATASETS[experiment.setup.dataset].test_size
    if not results.accuracy:
        parts.append("Below zero is better.")
    if experiment.margin is not None and margin:
        digits = words.significant(100 * margin if results.accuracy else margin)
        zone = words.number(100 * margin if results.accuracy else margin, digits)
        parts.append(f"Gray zone: ± {zone} {results.unit}, the margin you set.")
    elif results.accuracy and margin:
        zone = f"± {words.number(100 * margin)} points"
        parts.append(f"Gray zone: {zone}, all that {images:,} test images can tell apart.")
    elif not results.accuracy and experiment.margin is None:
        parts.append("For the loss no margin is known, so none is drawn.")
    if said := looked(look.row):
        parts.append(said)
    return " ".join(parts)
