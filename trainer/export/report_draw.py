"""The figures of a report as inline SVG. Positions are in percent, so a figure stretches with the
page while its lines, signs and letters keep their size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from trainer import marks, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.export.material import Numbers

SIDE = 1000.0  # units of a path along each side
MOST_TICKS = 8


class Axis:
    """Numbers from ``low`` to ``high`` as percent of a side."""

    def __init__(self, low: float, high: float) -> None:
        if not high - low > 1e-12 * max(1.0, abs(low)):
            low, high = low - 0.5, high + 0.5
        self.low, self.high = low, high

    def __call__(self, value: float) -> float:
        return 100 * (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = MOST_TICKS) -> list[float]:
        """Round values on the axis, zero among them if it is on it."""
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / most))
        step = next(s for s in (step, 2 * step, 5 * step, 10 * step)
                    if (self.high - self.low) / s <= most)  # fmt: skip
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]

    def labels(self, *, signed: bool = False, most: int = MOST_TICKS) -> list[tuple[float, str]]:
        """Each tick with its number, all with the same decimals."""
        ticks = self.ticks(most)
        apart = ticks[1] - ticks[0] if len(ticks) > 1 else 0.1
        digits = max(0, -math.floor(math.log10(apart) + 1e-9))
        return [(one, words.number(one, digits, signed=signed)) for one in ticks]


@dataclass
class Chart:
    """A plot with both axes; what is drawn first lies below."""

    x: Axis
    y: Axis
    layers: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    dots: list[str] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)

    def path(self, xs: Numbers, ys: Numbers) -> str:
        """The points as a path; it breaks where one is not finite."""
        across = SIDE / 100 * self.x(xs)  # type: ignore[arg-type]
        down = SIDE - SIDE / 100 * self.y(ys)  # type: ignore[arg-type]
        pen, parts = "M", []
        for px, py in zip(np.round(across, 1), np.round(np.clip(down, -9e4, 9e4), 1), strict=True):
            if not math.isfinite(px + py):
                pen = "M"
                continue
            parts.append(f"{pen}{px:g} {py:g}")
            pen = "L"
        return "".join(parts)

    def line(self, kind: str, arm: int | None, xs: Numbers, ys: Numbers) -> None:
        """A line of one kind (``mean``, ``single``, ``cut``); of no arm: in ink."""
        paint = marks.paint(arm) if arm is not None else "var(--ink)"
        dash = ' stroke-dasharray="7 4"' if arm is not None and marks.dashed(arm) else ""
        self.layers.append(f'<path class="{kind}" stroke="{paint}"{dash} d="{self.path(xs, ys)}"/>')

    def band(self, arm: int, xs: Numbers, low: Numbers, high: Numbers) -> None:
        there, back = self.path(xs, high), self.path(xs[::-1], low[::-1])
        if there and back:
            shape = f"{there}L{back[1:]}Z"
            self.layers.append(f'<path class="band" fill="{marks.paint(arm)}" d="{shape}"/>')

    def mark(self, arm: int, x: float, y: float) -> None:
        """The arm's sign where its line ends, if that is in sight."""
        at = self.y(y)
        if -1 <= at <= 101:
            self.ends.append(
                f'<svg x="{self.x(x):.2f}%" y="{100 - at:.2f}%"><g class="mark" '
                f'fill="{marks.paint(arm)}">{marks.shape(arm)}</g></svg>'
            )

    def dot(self, arm: int, x: float, y: float) -> None:
        """A run by itself, faint."""
        self.dots.append(
            f'<svg x="{self.x(x):.2f}%" y="{100 - self.y(y):.2f}%"><g class="dot" '
            f'fill="{marks.paint(arm)}" transform="scale(.7)">{marks.shape(arm)}</g></svg>'
        )

    def level(self, y: float) -> None:
        """A line across, quiet, under all others."""
        at = f"{100 - self.y(y):.2f}%"
        self.levels.append(f'<line class="zero" x1="0" x2="100%" y1="{at}" y2="{at}"/>')

    def svg(self, alt: str, across: str) -> str:
        """The whole plot; ``alt`` says what it shows to people who cannot see it."""
        grid, numbers = [], []
        for tick, text in self.y.labels():
            at = f"{100 - self.y(tick):.2f}%"
            grid.append(f'<line class="grid" x1="0" x2="100%" y1="{at}" y2="{at}"/>')
            numbers.append(f'<text x="-8" y="{at}" dy=".33em" text-anchor="end">{text}</text>')
        for tick, text in self.x.labels(most=6):
            at = f"{self.x(tick):.2f}%"
            numbers.append(
                f'<svg x="{at}" y="100%"><line class="axis" y1="0" y2="4"/>'
                f'<text y="18" text-anchor="middle">{text}</text></svg>'
            )
        return (
            f'<div class="plot"><svg role="img" aria-label="{escape(alt)}">{"".join(grid)}'
            '<line class="axis" x1="0" x2="100%" y1="100%" y2="100%"/>'
            f"{''.join(numbers)}{''.join(self.levels)}"
            f'<svg class="lines" viewBox="0 0 {SIDE:g} {SIDE:g}" '
            f'preserveAspectRatio="none">{"".join(self.layers)}</svg>'
            f"{''.join(self.dots)}{''.join(self.ends)}</svg>"
            f'<span class="across">{escape(across)}</span></div>'
        )


def figure(title: str, note: str, body: str, table: str = "") -> str:
    """A figure with its title, at the right what its band and n are, and the numbers behind it."""
    behind = f"<details><summary>The numbers</summary>{table}</details>" if table else ""
    return (
        f"<figure><figcaption><b>{escape(title)}</b> <span>{escape(note)}</span></figcaption>"
        f"{body}{behind}</figure>"
    )


def numbers_table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, first: bool = True
) -> str:
    """A table of cells that are text already; the first column names the row."""
    top = "".join(f'<th scope="col">{escape(one)}</th>' for one in head)

    def row(cells: Sequence[str]) -> str:
        name = f'<th scope="row">{escape(cells[0])}</th>'
        return f"<tr>{name}{''.join(f'<td>{escape(one)}</td>' for one in cells[1:])}</tr>"

    return (
        f'<div class="scroll"><table class="numbers"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(map(row, rows))}</tbody></table></div>"
    )


def legend(names: Sequence[str], shown: Callable[[int], bool] = lambda i: True) -> str:
    """The signs of the arms and their names."""
    return '<p class="legend">' + "".join(
        f"<span>{marks.swatch(i)} {escape(name)}</span>" for i, name in enumerate(names) if shown(i)
    ) + "</p>"  # fmt: skip
