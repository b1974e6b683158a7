"""The results of a report: table and forest plot in one, a row per arm, as in medicine."""

from __future__ import annotations

from html import escape
from statistics import fmean
from typing import TYPE_CHECKING

from trainer import marks, words
from trainer.export.report_draw import Axis
from trainer.export.report_findings import size, zone
from trainer.statistics import WORDS

if TYPE_CHECKING:
    from trainer.export.report_findings import Findings
    from trainer.statistics import Comparison


def forest(known: Findings) -> str:
    """A row for each arm: its numbers, and its differences from the baseline drawn to scale."""
    experiment = known.material.experiment
    scale = scale_of(known)
    rows = "".join(row(known, i, scale) for i in range(len(experiment.arms)))
    said = [f"{known.spelled(one)}, {WORDS[one.verdict]}" for one in known.compared.values()]
    summary = f"Differences from {experiment.baseline.name}: {'; '.join(said)}." if said else ""
    about = f"{known.unit if known.accuracy else 'test loss'} above or below the baseline"
    return (
        f'<div class="forest"><table><caption>{escape(summary)}</caption><thead><tr>'
        '<th scope="col">arm</th><th scope="col" class="right">n</th>'
        f'<th scope="col" class="right wide">{known.title}</th>'
        f'<th scope="col" class="middle">{about}</th>'
        '<th scope="col" class="right">difference</th>'
        '<th scope="col" class="right wide">seconds</th>'
        '<th scope="col" class="verdict">verdict</th></tr></thead>'
        f'<tbody>{rows}</tbody><tfoot aria-hidden="true"><tr><td></td><td></td>'
        f'<td class="wide"></td><td class="plot">{axis(scale)}</td><td></td><td class="wide"></td>'
        f'<td class="verdict"></td></tr></tfoot></table><p>{escape(legend(known))}</p></div>'
    )


def scale_of(known: Findings) -> Axis:
    values = [0.0]
    for one in known.compared.values():
        values += [*one.deltas, one.margin, -one.margin]
        values += [end for end in (one.low, one.high) if end is not None]
    low, high = known.factor * min(values), known.factor * max(values)
    if high - low < 1e-9:
        low, high = -1.0, 1.0
    room = 0.06 * (high - low)
    return Axis(low - room, high + room)


def row(known: Findings, i: int, scale: Axis) -> str:
    arm = known.material.experiment.arms[i]
    one, own = known.compared.get(arm.name), known.interval(arm.name)
    value = words.NOTHING if own.mean is None else known.value(own.mean, own.n)
    if own.mean is not None and own.high is not None:
        value += f" <small>± {known.value(own.high - own.mean, own.n)}</small>"
    times = [run.seconds for run in known.material.of_arm(i, "done") if run.seconds is not None]
    said, under = "", ""
    if known.compared:
        said = "<small class='against'>the others are measured against it</small>"
    if one is not None:
        why = escape(reason(known, one))
        said = f"<b>{WORDS[one.verdict]}</b><small>{why}</small>"
        under = f'<small class="under"><b>{WORDS[one.verdict]}</b> {why}</small>'
    lost = []
    for state in ("diverged", "failed", "stopped", "paused"):
        count = len(known.material.of_arm(i, state))
        lost += [f"{count} {state}"] if count else []
    losses = f'<small class="lost">{", ".join(lost)}</small>' if lost else ""
    name = f"{escape(arm.name)}{under}{losses}"
    return (
        f'<tr><th scope="row"><span class="arm">{marks.swatch(i)}<span>{name}</span></span>'
        f'</th><td class="right">{own.n}</td><td class="right wide">{value}</td>'
        f'<td class="plot">{plot(known, i, one, scale)}</td>'
        f'<td class="right">{difference(known, one)}</td>'
        f'<td class="right wide">{words.number(fmean(times)) if times else words.NOTHING}</td>'
        f'<td class="verdict">{said}</td></tr>'
    )


def difference(known: Findings, one: Comparison | None) -> str:
    if one is None:
        return ""
    if one.mean is None:
        return words.NOTHING
    text = f"<b>{known.difference(one.mean, one.n)}</b>"
    if one.low is not None and one.high is not None:
        low, high = (known.difference(end, one.n) for end in (one.low, one.high))
        text += f"<small>{low} to {high}</small>"
    arms = (one.arm, known.material.experiment.baseline.name)
    same = all(known.interval(arm).n == one.n for arm in arms)
    return text if same else f"{text}<small>n = {one.n}</small>"


def reason(known: Findings, one: Comparison) -> str:
    """The small line under a verdict: its p, or what would settle it."""
    if one.verdict in ("better", "worse") and one.p is not None:
        return words.p_sentence(one.p)
    if one.verdict == "no_difference":
        return f"within ± {size(known, one.margin)}"
    if one.needed is None:
        return "more seeds would not resolve it" if one.n > 1 else ""
    more = words.count(max(1, one.needed - one.n), "more seed")
    return f"{more} would" if one.verdict == "not_resolved" else f"{more} for a verdict"


def plot(known: Findings, i: int, one: Comparison | None, scale: Axis) -> str:
    """Gray zone, zero line, a dot per seed, the interval and the mean."""

    def x(value: float) -> str:
        return f"{scale(known.factor * value):.2f}%"

    parts = []
    if margin := known.margin:
        width = scale(known.factor * margin) - scale(-known.factor * margin)
        parts.append(f'<rect class="zone" x="{x(-margin)}" width="{width:.2f}%" height="100%"/>')
    parts.append(f'<line class="zero" x1="{x(0)}" x2="{x(0)}" y1="0" y2="100%"/>')
    paint, shape = marks.paint(i), marks.shape(i)
    if one is not None and one.mean is not None:
        places = [scale(known.factor * delta) for delta in one.deltas]
        for place, offset in zip(places, marks.swarm(places), strict=True):
            parts.append(
                f'<svg x="{place:.2f}%" y="50%"><g class="dot" fill="{paint}" '
                f'transform="translate(0 {offset}) scale(.72)">{shape}</g></svg>'
            )
        if one.low is not None and one.high is not None:
            parts.append(
                f'<line class="bar" x1="{x(one.low)}" x2="{x(one.high)}" y1="50%" y2="50%" '
                f'stroke="{paint}"/>'
            )
        parts.append(
            f'<svg x="{x(one.mean)}" y="50%"><g class="mark" fill="{paint}">{shape}</g></svg>'
        )
    return f'<svg aria-hidden="true">{"".join(parts)}</svg>'


def axis(scale: Axis) -> str:
    parts = []
    known = scale.labels(signed=True, most=7)
    zero = min(range(len(known)), key=lambda i: abs(known[i][0]))
    for i, (tick, text) in enumerate(known):
        x = f"{scale(tick):.2f}%"
        text = "0" if i == zero else text
        odd = ' class="odd"' if (i - zero) % 2 else ""  # left out where the table is narrow
        parts.append(
            f'<svg x="{x}"{odd}><line class="axis" y2="4"/>'
            f'<text y="18" text-anchor="middle">{text}</text></svg>'
        )
    return f"<svg>{''.join(parts)}</svg>"


def legend(known: Findings) -> str:
    """What dots, bars, p and the gray zone are; once, under the table."""
    if not known.compared:
        return "± is half the 95 % t interval of the mean over seeds."
    count = len(known.compared)
    said = [
        "A dot is one seed, the bar the 95 % t interval of the mean paired difference; "
        "± is half the 95 % t interval of an arm's mean.",
        "p: exact sign-flip test" + (f", Holm over {count} comparisons." if count > 1 else "."),
    ]
    if known.margin:
        said.append(f"Gray zone: ± {size(known, known.margin)}, {zone(known)}.")
    if not known.accuracy:
        said.append("Below zero is better.")
    return " ".join(said)
