"""Every run of a report by itself: each seed as a line from the baseline to the arm."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from trainer import marks, words
from trainer.export.report_draw import Axis, figure, numbers_table

if TYPE_CHECKING:
    from trainer.export.report_findings import Findings
    from trainer.statistics import Comparison

MOST_PANELS = 24  # the table has all arms


def seeds(known: Findings) -> str:
    """A panel for each arm: every seed as a line from the baseline to the arm."""
    arms = known.material.experiment.arms
    shown = [(i, known.compared[arm.name]) for i, arm in enumerate(arms[1:], 1)]
    shown = [(i, one) for i, one in shown if one.n]
    if not shown:
        return ""
    values = [known.factor * value for one in known.values.values() for value in one.values()]
    low, high = min(values), max(values)
    room = 0.06 * (high - low)
    scale = Axis(low - room, high + room)
    panels = "".join(panel(known, i, one, scale) for i, one in shown[:MOST_PANELS])
    counts = sorted({one.n for _, one in shown})
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    note = f"{known.title}, no band: every run itself, n = {n}"
    if len(shown) > MOST_PANELS:
        note += f"; the first {MOST_PANELS} of {len(shown)} arms"
    every = known.material.experiment.seeds
    rows = [
        [str(seed), *(
            known.value(value) if (value := known.values[arm.name].get(seed)) is not None
            else words.NOTHING for arm in arms
        )]
        for seed in every
    ]  # fmt: skip
    table = numbers_table(
        f"Final {known.name} of every run", ["seed", *(a.name for a in arms)], rows
    )
    return figure("Seed by seed", note, f'<div class="panels">{panels}</div>', table)


def panel(known: Findings, i: int, one: Comparison, scale: Axis) -> str:
    arms = known.material.experiment.arms
    base, own = known.values[arms[0].name], known.values[one.arm]
    up = sum(own[seed] > base[seed] for seed in one.seeds)

    def y(value: float) -> str:
        return f"{100 - scale(known.factor * value):.2f}%"

    parts = []
    for tick, text in scale.labels(most=5):
        at = f"{100 - scale(tick):.2f}%"
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="-6" y="{at}" dy=".33em" text-anchor="end">{text}</text>')
    for seed in one.seeds:
        ends = f'x1="20%" x2="80%" y1="{y(base[seed])}" y2="{y(own[seed])}"'
        parts.append(f'<line class="pair" stroke="{marks.paint(i)}" {ends}/>')
    for x, arm, runs in (("20%", 0, base), ("80%", i, own)):
        for seed in one.seeds:
            parts.append(
                f'<svg x="{x}" y="{y(runs[seed])}"><g class="dot" fill="{marks.paint(arm)}" '
                f'transform="scale(.8)">{marks.shape(arm)}</g></svg>'
            )
    higher = f"{up} of {one.n} {'seed' if one.n == 1 else 'seeds'} higher"
    alt = f"{one.arm}: {higher} than with {arms[0].name}."
    return (
        f'<div class="panel"><div class="plot"><svg role="img" aria-label="{escape(alt)}">'
        f"{''.join(parts)}</svg></div><p>{marks.swatch(i)} <b>{escape(one.arm)}</b>"
        f"<small>{higher}</small></p></div>"
    )
