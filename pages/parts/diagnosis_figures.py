"""The drawings of the closer look, as HTML and inline SVG. Pure functions; colors are the theme's.

Lines and dots are in the color of their arm, the baseline's in its gray behind them. What a figure
shows stands in its ``aria-label``, and its numbers in words beside it.
"""

from __future__ import annotations

import base64
import io
import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.parts import arms, words
from pages.parts.means import thin
from pages.parts.sheet import data_rows
from trainer.calibration import bins, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.findings import Report

    Numbers = np.ndarray[Any, np.dtype[np.float64]]
    Rows = Sequence[Sequence[Any]]  # arm, kind, x, y, low, high
    Traces = Sequence[tuple[Numbers, Numbers]]

WIDTH, HEIGHT, SHORT = 360, 220, 120
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 10, 34
MOST_LAYERS = 24


def panel(
    title: str, note: str, body: str, *, wide: bool = False, numbers: Rows = (), x: str = "step"
) -> str:
    """A figure with its name, and at the right what its numbers are.

    ``numbers`` are those of a drawing, over ``x``; a table is its own.
    """
    kind = " class='wide'" if wide else ""
    rows = f" data-x='{escape(x, True)}' {data_rows(numbers)}" if numbers else ""
    return (
        f"<figure{kind}{rows}><figcaption><b>{escape(title)}</b><span>{escape(note)}</span>"
        f"</figcaption>{body}</figure>"
    )


def color(arm: int) -> str:
    return f"var(--arm-{arms.slot(arm)})"


class Plot:
    """A small plot with its axes; ``log`` is about the vertical one."""

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        *,
        log: bool = False,
        height: int = HEIGHT,
    ) -> None:
        self.x, self.y, self.log, self.height = x, y, log, height
        self.parts: list[str] = []

    def along(self, x: float) -> float:
        low, high = self.x
        return LEFT + (x - low) / ((high - low) or 1.0) * (WIDTH - LEFT - RIGHT)

    def up(self, y: float) -> float:
        low, high = (math.log10(one) for one in self.y) if self.log else self.y
        value = math.log10(y) if self.log else y
        room = self.height - TOP - BOTTOM
        return self.height - BOTTOM - (value - low) / ((high - low) or 1.0) * room

    def ticks(self, across: Sequence[float], upward: Sequence[float], title: str) -> None:
        for value in upward:
            y = self.up(value)
            self.parts.append(
                f"<line class='grid' x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>"
                f"<text x='{LEFT - 6}' y='{y + 4:.1f}' text-anchor='end'>{label(value)}</text>"
            )
        for value in across:
            self.parts.append(
                f"<text x='{self.along(value):.1f}' y='{self.height - BOTTOM + 15}' "
                f"text-anchor='middle'>{label(value)}</text>"
            )
        middle = (LEFT + WIDTH - RIGHT) / 2
        self.parts.append(
            f"<text x='{middle}' y='{self.height - 3}' text-anchor='middle'>{escape(title)}</text>"
        )

    def line(self, xs: Numbers, ys: Numbers, paint: str, *, dash: bool = False) -> None:
        points = [
            f"{self.along(x):.1f},{self.up(y):.1f}"
            for x, y in zip(xs, ys, strict=True)
            if math.isfinite(y) and (y > 0 or not self.log)
        ]
        dashes = " stroke-dasharray='5 4'" if dash else ""
        self.parts.append(
            f"<polyline points='{' '.join(points)}' fill='none' stroke='{paint}' "
            f"stroke-width='2.25' stroke-linejoin='round'{dashes}/>"
        )

    def svg(self, said: str) -> str:
        return (
            f"<svg viewBox='0 0 {WIDTH} {self.height}' role='img' "
            f"aria-label='{escape(said, True)}'>{''.join(self.parts)}</svg>"
        )


def label(value: float) -> str:
    """A tick: ``0.5``, ``1,000``, ``1e-5``."""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.0e}".replace("e-0", "e−").replace("e-", "e−").replace("e+0", "e")
    return words.short(value, 3)


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values between two, at most so many."""
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    while (high - low) / step > most:
        step *= 2.5 if f"{step:e}"[0] == "2" else 2
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten, at most six."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**i for i in range(first, last + 1, max(1, math.ceil((last - first) / 5)))]


def reliability(shown: Sequence[tuple[int, str, Sequence[Report]]]) -> str:
    """Accuracy over confidence for some arms; a dot's size is its share of the test images."""
    plot = Plot((0, 100), (0, 100))
    plot.ticks((0, 25, 50, 75, 100), (0, 25, 50, 75, 100), "confidence, %")
    plot.parts.append(
        f"<line class='ideal' x1='{plot.along(0)}' y1='{plot.up(0)}' "
        f"x2='{plot.along(100)}' y2='{plot.up(100)}'/>"
    )
    said = []
    for arm, name, reports in shown:
        sure, right, share = bins(reports)
        plot.line(100 * sure, 100 * right, color(arm))
        for x, y, part in zip(sure, right, share, strict=True):
            tip = f"{escape(name)}: {100 * part:.1f} % of the images, {100 * x:.0f} % sure, "
            plot.parts.append(
                f"<circle cx='{plot.along(100 * x):.1f}' cy='{plot.up(100 * y):.1f}' "
                f"r='{2.5 + 7 * math.sqrt(part):.1f}' fill='{color(arm)}' class='rim'>"
                f"<title>{tip}{100 * y:.0f} % right</title></circle>"
            )
        said.append(f"{name}: {in_words(reports)}")
    return plot.svg(f"Accuracy over confidence. {'; '.join(said)}.")


def reliability_rows(shown: Sequence[tuple[int, str, Sequence[Report]]]) -> list[list[Any]]:
    """The numbers of :func:`reliability`: accuracy by confidence, and the share of the images."""
    rows: list[list[Any]] = []
    for _, name, reports in shown:
        for sure, right, share in zip(*bins(reports), strict=True):
            rows.append([name, "accuracy, %", 100 * sure, 100 * right, None, None])
            rows.append([name, "share of the images, %", 100 * sure, 100 * share, None, None])
    return rows


def recalls(arm: int, reports: Sequence[Report], baseline: Sequence[Report]) -> str:
    """A bar for each class; a tick where the baseline stands."""
    own, base = mean_recall(reports), mean_recall(baseline) if baseline else None
    rows = []
    for one, value in enumerate(own):
        share = 0.0 if math.isnan(value) else 100 * value
        text = words.NOTHING if math.isnan(value) else words.percent(value)
        tick = ""
        if base is not None and not math.isnan(base[one]):
            tick = (
                f"<s style='left:{100 * base[one]:.1f}%' title='baseline "
                f"{words.percent(base[one])}'></s>"
            )
        rows.append(
            f"<tr><th scope='row'>{one}</th><td class='bar'><i style='width:{share:.1f}%;"
            f"background:{color(arm)}'></i>{tick}</td><td>{text}</td></tr>"
        )
    return f"<table class='bars'><caption>Recall by class</caption>{''.join(rows)}</table>"


def mean_recall(reports: Sequence[Report]) -> Numbers:
    table = np.array([[math.nan if v is None else v for v in one["recall"]] for one in reports])
    return np.asarray(table.mean(axis=0))


def confusions(arm: int, reports: Sequence[Report]) -> str:
    """The confusion matrix, its errors shaded: rows are the true classes."""
    mean = np.mean([report["confusion"] for report in reports], axis=0)
    errors = mean * (1 - np.eye(len(mean)))
    most = max(1.0, float(errors.max()))
    head = "".join(f"<th scope='col'>{i}</th>" for i in range(len(mean)))
    rows = []
    for i, row in enumerate(mean):
        cells = []
        for j, value in enumerate(row):
            text = words.number(value, 0 if len(reports) == 1 or not 0 < value < 10 else 1)
            shade = 0 if i == j else round(70 * errors[i, j] / most)
            paint = f"color-mix(in srgb, {color(arm)} {shade}%, transparent)"
            style = f" style='background:{paint}'" if shade else ""
            kind = " class='right'" if i == j else ""
            shown = text if i == j or round(value, 1) else ""
            cells.append(f"<td{kind}{style} title='{i} called {j}: {text}'>{shown}</td>")
        rows.append(f"<tr><th scope='row'>{i}</th>{''.join(cells)}</tr>")
    return (
        "<table class='matrix'><caption>How many test images of each class were called what"
        f"</caption><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def layer_rows(arm: int, reports: Sequence[Report], baseline: Sequence[Report]) -> str:
    """Scale (a dot on a logarithmic track) and dead units (a bar) of every activation."""
    own, base = mean_layers(reports), mean_layers(baseline) if baseline else []
    if not own:
        return "<p>This network has no activation between its layers.</p>"
    base = base if len(base) == len(own) else []
    scales = [scale for _, scale, _, _ in [*own, *base] if scale > 0]
    low = 10 ** math.floor(math.log10(min(scales, default=0.1)))
    high = 10 ** math.ceil(math.log10(max(scales, default=1.0)) + 1e-9)
    high = max(high, 10 * low)

    def at(scale: float) -> float:
        return 100 * math.log10(scale / low) / math.log10(high / low) if scale > 0 else 0.0

    rows = []
    for i, (name, scale, dead, units) in enumerate(own[:MOST_LAYERS]):
        other = (
            f"<i style='left:{at(base[i][1]):.1f}%;background:{color(0)}' "
            f"title='baseline {label(base[i][1])}'></i>" if base else ""
        )  # fmt: skip
        rows.append(
            f"<tr><th scope='row'>{escape(name)}</th>"
            f"<td class='track'>{other}<i style='left:{at(scale):.1f}%;background:{color(arm)}'>"
            f"</i></td><td>{figure(scale)}</td>"
            f"<td class='bar' title='of {units:,} units'><i style='width:{100 * dead:.1f}%;"
            f"background:{color(arm)}'></i></td><td>{words.percent(dead)}</td></tr>"
        )
    left = len(own) - MOST_LAYERS
    more = f"<p>And {words.count(left, 'more layer')}.</p>" if left > 0 else ""
    return (
        "<table class='layers'><caption>Activation scale and dead units by layer</caption>"
        f"<thead><tr><th></th><th scope='col'>scale, {label(low)} to {label(high)}</th><th></th>"
        "<th scope='col'>dead units</th><th></th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>{more}"
    )


def mean_layers(reports: Sequence[Report]) -> list[tuple[str, float, float, int]]:
    first = reports[0]["layers"]
    same = [one["layers"] for one in reports if len(one["layers"]) == len(first)]
    return [
        (
            layer["name"],
            float(np.mean([one[i]["scale"] for one in same])),
            float(np.mean([one[i]["dead"] for one in same])),
            layer["units"],
        )
        for i, layer in enumerate(first)
    ]


def figure(value: float) -> str:
    return label(float(f"{value:.2g}"))


def over_steps(
    lines: Sequence[tuple[str, str, Traces, bool]],
    *,
    log: bool,
    percent: bool = False,
    height: int = HEIGHT,
) -> str:
    """Means over the runs: name, color, the runs' points, dashed; empty if there is nothing."""
    drawn = [(name, paint, *mean_trace(runs, log=log), dash) for name, paint, runs, dash in lines]
    drawn = [one for one in drawn if len(one[2]) > 1]
    if not drawn:
        return ""
    factor = 100.0 if percent else 1.0
    values = factor * np.concatenate([ys for _, _, _, ys, _ in drawn])
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not len(values):
        return ""
    low, high = float(values.min()), float(values.max())
    if log:
        marks = decades(low, high)
        span = (min(marks[0], low), max(marks[-1], high))
    else:
        room = 0.08 * (high - low) or 0.05 * high or 1.0
        low, high = max(0.0, low - room), high + room
        marks, span = round_ticks(low, high, height // 30), (low, high)
    last = max(float(xs[-1]) for _, _, xs, _, _ in drawn)
    plot = Plot((0, last), span, log=log, height=height)
    plot.ticks(round_ticks(0, last, 4), marks, "step")
    said = []
    for name, paint, xs, ys, dash in drawn:
        plot.line(xs, factor * ys, paint, dash=dash)
        said.append(f"{name} from {figure(factor * ys[0])} to {figure(factor * ys[-1])}")
    return plot.svg(f"Over the steps: {'; '.join(said)}.")


def trace_rows(
    lines: Sequence[tuple[str, str, Traces, bool]], *, log: bool, percent: bool = False
) -> list[list[Any]]:
    """The numbers of :func:`over_steps`."""
    factor = 100.0 if percent else 1.0
    rows: list[list[Any]] = []
    for name, _, runs, _ in lines:
        xs, ys = mean_trace(runs, log=log)
        places = thin(len(xs))
        rows += [
            [name, "mean", float(x), factor * float(y) if math.isfinite(y) else None, None, None]
            for x, y in zip(xs[places], ys[places], strict=True)
        ]
    return rows


def mean_trace(runs: Traces, *, log: bool) -> tuple[Numbers, Numbers]:
    """The mean over the steps that all runs share; of logarithms if those are drawn."""
    if not runs:
        return np.array([]), np.array([])
    shared = runs[0][0]
    for steps, _ in runs[1:]:
        shared = np.intersect1d(shared, steps)
    rows = np.array([values[np.isin(steps, shared)] for steps, values in runs])
    if not log:
        return shared, rows.mean(axis=0)
    with np.errstate(divide="ignore"):
        return shared, np.exp(np.log(rows).mean(axis=0))


def picture(one: dict[str, Any]) -> str:
    """The image of an example, as a data address."""
    from PIL import Image

    pixels = np.frombuffer(base64.b64decode(one["pixels"]), np.uint8).reshape(one["shape"])
    image = Image.fromarray(pixels.transpose(1, 2, 0) if pixels.ndim == 3 else pixels)
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def flagged(examples: Sequence[dict[str, Any]]) -> str:
    """Pictures of examples whose labels were found wrong: given and voted label under each."""
    shown = "".join(
        f"<li><img src='{picture(one)}' alt='training image {one['index']}'/>"
        f"<span>{one['given']} → <b>{one['voted']}</b></span></li>"
        for one in examples
    )
    return f"<ul class='flagged'>{shown}</ul>"
