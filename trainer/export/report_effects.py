"""Main effects and interactions of a report: a row for each, its differences drawn to scale."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from trainer import marks, words
from trainer.effects import effects, factorial_of, indistinguishable, main_and_pairs
from trainer.export.report_draw import Axis
from trainer.export.report_forest import axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.effects import Effect, Term
    from trainer.export.report_findings import Findings

MOST = 40  # rows; the rest is counted


def effects_section(known: Findings) -> str:
    """The effects on the seeds that all arms finished; empty if the arms are no such design."""
    experiment = known.material.experiment
    found = factorial_of(experiment)
    if found is None:
        return ""
    names, signs = found
    own = effects(names, signs, [known.values[arm.name] for arm in experiment.arms])
    if not own[0].n:
        return ""
    by_term = dict(zip(main_and_pairs(len(names)), own, strict=True))
    groups = indistinguishable(signs)
    groups.sort(key=lambda one: (len(one[0]), -abs(by_term[one[0]].mean or 0.0)))
    shown = groups[:MOST]
    scale = scale_of(known, [by_term[group[0]] for group in shown])
    rows = "".join(row(known, group, names, by_term[group[0]], scale) for group in shown)
    said = "; ".join(spelled(known, named(one[0], names), by_term[one[0]]) for one in shown)
    left = len(groups) - len(shown)
    more = f" {words.count(left, 'smaller interaction')} left out." if left else ""
    holm = f"Holm over {words.count(len(groups), 'effect')}"
    unit = known.unit if known.accuracy else "test loss"
    return (
        f'<div class="forest"><table><caption>Effects, n = {own[0].n}: {escape(said)}.</caption>'
        '<thead><tr><th scope="col">effect</th><th scope="col" class="right">n</th>'
        f'<th scope="col" class="middle">{unit}, 95 % t interval</th>'
        '<th scope="col" class="right">difference</th><th scope="col" class="right">p</th></tr>'
        f'</thead><tbody>{rows}</tbody><tfoot aria-hidden="true"><tr><td></td><td></td>'
        f'<td class="plot">{axis(scale)}</td><td></td><td></td></tr></tfoot></table>'
        "<p>A trick: with it minus without it, over all combinations of the others. A pair: by how "
        "much the effect of one is larger when the other is there. A dot is one seed that all arms "
        f"finished. p: exact sign-flip test, {holm}.{more}</p></div>"
    )


def named(term: Term, names: Sequence[str]) -> str:
    return " × ".join(names[i] for i in term)


def scale_of(known: Findings, shown: Sequence[Effect]) -> Axis:
    ends = [0.0]
    for one in shown:
        ends += [*one.deltas, *(end for end in (one.low, one.high) if end is not None)]
    low, high = known.factor * min(ends), known.factor * max(ends)
    room = 0.06 * (high - low) or 1.0
    return Axis(low - room, high + room)


def row(
    known: Findings, group: Sequence[Term], names: Sequence[str], one: Effect, scale: Axis
) -> str:
    """``group`` are the terms that these arms cannot tell apart: its first, or the others."""
    others = words.listed([named(term, names) for term in group[1:]], "or")
    under = f"<br><small>or {escape(others)}</small>" if others else ""
    p = "" if one.p is None else words.p_value(one.p)
    return (
        f'<tr><th scope="row">{escape(named(group[0], names))}{under}</th>'
        f'<td class="right">{one.n}</td><td class="plot">{plot(known, one, scale)}</td>'
        f'<td class="right">{difference(known, one)}</td><td class="right">{p}</td></tr>'
    )


def interval(known: Findings, one: Effect) -> str | None:
    """From where to where, in the metric's unit; None with too few seeds."""
    if one.low is None or one.high is None:
        return None
    low, high = (known.difference(end, one.n) for end in (one.low, one.high))
    return f"{low} to {high}"


def difference(known: Findings, one: Effect) -> str:
    if one.mean is None:
        return words.NOTHING
    text = f"<b>{known.difference(one.mean, one.n)}</b>"
    span = interval(known, one)
    return text if span is None else f"{text}<small>{span}</small>"


def spelled(known: Findings, name: str, one: Effect) -> str:
    if one.mean is None:
        return f"{name}: not known"
    text = f"{name} {known.difference(one.mean, one.n)} {known.unit}"
    span = interval(known, one)
    return text if span is None else f"{text}, 95 % interval {span}"


def plot(known: Findings, one: Effect, scale: Axis) -> str:
    """Zero line, a dot per seed, the interval and the mean, all in ink: an effect is of no arm."""

    def x(value: float) -> str:
        return f"{scale(known.factor * value):.2f}%"

    shape = marks.shape(0 if len(one.term) == 1 else 3)
    parts = [f'<line class="zero" x1="{x(0)}" x2="{x(0)}" y1="0" y2="100%"/>']
    places = [scale(known.factor * delta) for delta in one.deltas]
    for place, offset in zip(places, marks.swarm(places), strict=True):
        parts.append(
            f'<svg x="{place:.2f}%" y="50%"><g class="dot ink" '
            f'transform="translate(0 {offset}) scale(.72)">{shape}</g></svg>'
        )
    if one.low is not None and one.high is not None:
        ends = f'x1="{x(one.low)}" x2="{x(one.high)}" y1="50%" y2="50%"'
        parts.append(f'<line class="bar ink" {ends}/>')
    if one.mean is not None:
        parts.append(f'<svg x="{x(one.mean)}" y="50%"><g class="mark ink">{shape}</g></svg>')
    return f'<svg aria-hidden="true">{"".join(parts)}</svg>'
