"""Previews of the architecture tricks: boxes are layers, squares are maps, ink is what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pages.parts.preview_convolutions import (
    blurpool,
    channels_last,
    factorize,
    filters,
    split_transform,
)
from pages.parts.preview_pictures import THREE, digit
from pages.parts.schematics import arc, arrow, box, grid, halved, label

if TYPE_CHECKING:
    from pages.parts.drawing import Sketch, Tone
    from pages.parts.previews import Draw

    Knobs = dict[str, float]


def shrunk(x: np.ndarray, tau: float | np.ndarray) -> np.ndarray:
    return np.sign(x) * np.maximum(np.abs(x) - tau, 0)


def shrinkage(channel_wise: bool) -> Draw:
    """Three noisy channels and their thresholds, at the alpha of one half of the first step."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        t = np.linspace(0, 1, 90)
        noise = np.random.default_rng(2).normal(size=(3, 90))
        loud = np.array([1.5, 0.9, 0.4])[:, None]
        signals = loud * (2.2 * np.exp(-(((t - 0.5) / 0.07) ** 2)) + 0.45 * noise)
        sizes = np.abs(signals).mean(1, keepdims=True)
        taus = sizes / 2 if channel_wise else np.full((3, 1), sizes.mean() / 2)
        after = shrunk(signals, taus)
        wide = (sketch.width - 16) / 3
        middle = sketch.height * 0.64
        high = sketch.height * (0.42 if sketch.large else 0.5) / np.abs(signals).max()
        for i in range(3):
            at = 8 + i * wide + t * (wide - 10)
            sketch.line(at, middle - high * signals[i], "gray", width=1)
            sketch.line(at, middle - high * after[i], width=1.6)
            for sign in (1, -1):
                level = middle - sign * high * taus[i, 0]
                sketch.line([at[0], at[-1]], [level, level], "faint", width=1)
            label(sketch, at.mean(), sketch.height - 12, f"τ = {taus[i, 0]:.2f}")
        whose = "a threshold for each channel" if channel_wise else "one threshold for all"
        return f"Three channels before (gray) and after (ink): {whose}, at α = ½."

    return draw


def squeeze_excite(sketch: Sketch, knobs: Knobs) -> str:
    channels = 8
    units = max(1, channels // int(knobs["reduction"]))
    weights = [0.9, 0.25, 0.6, 0.15, 0.8, 0.45, 0.3, 0.7]
    middle = sketch.height / 2
    step = min(sketch.height * 0.72 / channels, 22)
    top = middle - step * channels / 2
    side = step * 0.72
    columns = [sketch.width * part for part in (0.1, 0.36, 0.58, 0.84)]
    for unit in range(units):
        y = middle + (unit - (units - 1) / 2) * step
        for i in range(channels):
            other = top + (i + 0.5) * step
            sketch.line([columns[1], columns[2]], [other, y], "faint", width=0.7)
            sketch.line([columns[2], columns[3] - side], [y, other], "faint", width=0.7)
        sketch.dot(columns[2], y, side * 0.42)
    for i, weight in enumerate(weights):
        y = top + (i + 0.5) * step
        sketch.rect(columns[0] - side / 2, y - side / 2, 1.6 * side, side, "gray", opacity=0.5)
        arrow(sketch, [columns[0] + 1.4 * side, columns[1] - side], [y, y], "faint", 1)
        sketch.dot(columns[1], y, side * 0.3, "gray")
        sketch.rect(columns[3], y - side / 2, 1.6 * side, side, opacity=weight)
        sketch.rect(columns[3], y - side / 2, 1.6 * side, side, "gray", hollow=True)
    for x, words in zip(columns, ("maps", "means", f"{units} of 8", "weighed"), strict=True):
        label(sketch, x, sketch.height - 8, words)
    many = "unit" if units == 1 else "units"
    return f"The means of 8 channels pass through {units} {many} and weigh the channels."


def spatial_attention(sketch: Sketch, knobs: Knobs) -> str:
    image, reach = digit(THREE), int(knobs["radius"])
    padded = np.pad(image, reach)
    span = range(2 * reach + 1)
    seen = sum(padded[i : i + 8, j : j + 8] for i in span for j in span) / (2 * reach + 1) ** 2
    gate = 1 / (1 + np.exp(-9 * (seen - seen.mean())))
    side = sketch.height * (0.62 if sketch.large else 0.8)
    middle = sketch.height / 2 - (10 if sketch.large else 0)
    columns = [sketch.width * part for part in (0.18, 0.5, 0.82)]
    for x, values, words in zip(
        columns, (image, gate, image * gate), ("map", "weight of each place", "product"),
        strict=True,
    ):  # fmt: skip
        grid(sketch, values, x, middle, side, "faint")
        label(sketch, x, middle + side / 2 + 20, words)
    for left, sign in zip(columns, "×=", strict=False):
        size = 22 if sketch.large else 14
        x = left + (columns[1] - columns[0]) / 2
        sketch.text(x, middle + size / 3, sign, "gray", size=size, anchor="middle")
    side_of = 2 * reach + 1
    return f"Every place gets a weight from a window of {side_of}x{side_of} around it (a sketch)."


def pyramid(*, up_again: bool) -> Draw:
    """Three maps on their way down, the pyramid beside them, and the way back up."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        columns = 3 if up_again else 2
        xs = [sketch.width * (i + 0.5) / columns for i in range(columns)]
        ys = [sketch.height * part for part in (0.8, 0.5, 0.22)]
        widths = [min(sketch.width / columns * part, sketch.height) for part in (0.5, 0.32, 0.18)]
        high = sketch.height * 0.13
        for column, x in enumerate(xs):
            for level, (y, w) in enumerate(zip(ys, widths, strict=True)):
                box(sketch, x, y, w, high, tone="gray" if column == 0 else "ink")
                if level == 2:
                    continue
                ends = (ys[level] - high / 2 - 1, ys[level + 1] + high / 2 + 1)
                if column == 1:
                    ends = ends[::-1]
                arrow(sketch, [x, x], ends, "gray" if column == 0 else "ink")
        for left in range(columns - 1):
            for y, w in zip(ys, widths, strict=True):
                ends = (xs[left] + w / 2 + 2, xs[left + 1] - w / 2 - 2)
                arrow(sketch, ends, [y, y], "faint", 1.2)
        names = ("stages", "down again", "and up again")[:columns]
        for x, words in zip(xs, names, strict=True):
            label(sketch, x, sketch.height - 6, words)
        count = int(knobs["channels"])
        if up_again:
            return f"Gray: the stages. Ink: the pyramid and a short way up, {count} channels each."
        return f"Gray: the stages. Ink: each tells the finer one, {count} channels a level."

    return draw


def spp(sketch: Sketch, knobs: Knobs) -> str:
    cells, middle = 15, sketch.height / 2 - (10 if sketch.large else 0)
    side = sketch.height * (0.66 if sketch.large else 0.84)
    x = sketch.width * 0.28
    grid(sketch, np.zeros((cells, cells)), x, middle, side, "gray")
    for window in (13, 9, 5):
        w = side * window / cells
        sketch.rect(x - w / 2, middle - w / 2, w, w, "ink", opacity=0.16)
        sketch.rect(x - w / 2, middle - w / 2, w, w, "ink", hollow=True)
    sketch.dot(x, middle, side / cells / 2)
    right = sketch.width * 0.6
    step = side / 4
    for i, words in enumerate(("x", "5x5", "9x9", "13x13")):
        y = middle - side / 2 + (i + 0.5) * step
        w = sketch.width * 0.28
        box(sketch, right + w / 2, y, w, step * 0.78, words, "gray" if i == 0 else "ink")
    label(sketch, x, sketch.height - 8, "windows around one pixel")
    label(sketch, right + sketch.width * 0.14, sketch.height - 8, "side by side")
    return "The map itself and its maxima over windows of 5, 9 and 13 pixels."


def repeated_block(sketch: Sketch, knobs: Knobs) -> str:
    count, tied = int(knobs["repeats"]), bool(knobs["tied"])
    middle = sketch.height / 2
    step = (sketch.width - 16) / count
    w, h = min(step * 0.62, sketch.height * 0.9), sketch.height * 0.4
    sketch.line([8, sketch.width - 8], [middle, middle], "gray", width=1.25)
    for i in range(count):
        x = 8 + (i + 0.5) * step
        box(sketch, x, middle, w, h, "F" if tied or i == 0 else f"F{i + 1}", "ink" if i else "gray")
        if tied and i:
            sketch.line([x - step, x], [middle + h * 0.72] * 2, "ink", width=1)
    words = "with one set of weights" if tied else "each with weights of its own"
    return f"A block stands {count} times, {words}." if count > 1 else "A block stands once."


def dense_concat(sketch: Sketch, knobs: Knobs) -> str:
    layers, middle = int(knobs["layers"]), sketch.height * 0.6
    step = (sketch.width - 24) / (layers + 2)
    unit = sketch.height * 0.5 / (16 + layers * 32)
    high = 16.0
    for i in range(layers + 1):
        x = 12 + (i + 0.5) * step
        w = min(step * 0.34, 26)
        tall = high * unit * 2
        for other in range(i + 1):
            share = (16 if other == 0 else knobs["growth"]) * unit * 2
            below = 2 * unit * (16 + (other - 1) * knobs["growth"]) if other else 0
            bottom = middle + tall / 2 - below
            tone: Tone = "ink" if other == i and i else "gray"
            opacity = 0.85 if other == i else 0.35
            sketch.rect(x - w / 2, bottom - share, w, share - 1, tone, opacity=opacity)
        arrow(sketch, [x + w / 2 + 3, x + step - w / 2 - 3], [middle, middle], "gray", 1.2)
        if i < layers:
            arc(sketch, x, x + step, middle - tall / 2 - 2, sketch.height * 0.12)
        high += knobs["growth"]
    box(sketch, 12 + (layers + 1.5) * step, middle, step * 0.5, sketch.height * 0.3, "1x1")
    total = 16 + layers * int(knobs["growth"])
    return f"Each layer adds {knobs['growth']:g} channels to the stack: 16 become {total}."


def csp(sketch: Sketch, knobs: Knobs) -> str:
    share, middle, high = knobs["share"], sketch.height / 2, sketch.height * 0.7
    top = middle - high / 2
    cut = top + share * high
    w = sketch.width * 0.05
    for x in (sketch.width * 0.08, sketch.width * 0.74):
        sketch.rect(x, top, w, share * high - 1, opacity=0.85)
        sketch.rect(x, cut + 1, w, high - share * high - 1, "gray", opacity=0.5)
    ends = [sketch.width * 0.08 + w + 4, sketch.width * 0.74 - 4]
    arrow(sketch, ends, [top + share * high / 2] * 2)
    y = cut + (1 - share) * high / 2
    arrow(sketch, ends, [y, y], "gray", 1.2)
    tall = max(min((1 - share) * high, sketch.height * 0.36), 12)
    for part in (0.3, 0.56):
        box(sketch, sketch.width * part, y, sketch.width * 0.16, tall, "3x3")
    box(sketch, sketch.width * 0.9, middle, sketch.width * 0.14, sketch.height * 0.36, "1x1")
    return f"Ink: {100 * share:.0f} % of the channels go around the two convolutions."


def cross_fusion(sketch: Sketch, knobs: Knobs) -> str:
    xs = [sketch.width * part for part in (0.14, 0.46, 0.8)]
    ys = [sketch.height * part for part in (0.3, 0.74)]
    sides = [sketch.height * 0.42, sketch.height * 0.24]
    image = digit(THREE)
    for x in xs[:2]:
        for y, side, values in zip(ys, sides, (image, halved(image)), strict=True):
            grid(sketch, 0.8 * values, x, y, side, "gray")
    for i, y in enumerate(ys):
        arrow(sketch, [xs[0] + sides[i] * 0.6, xs[1] - sides[i] * 0.6], [y, y], "gray", 1.2)
        for j, other in enumerate(ys):
            start, end = xs[1] + sides[i] * 0.6, xs[2] - sides[j] * 0.6
            arrow(sketch, [start, end], [y, other], "gray" if i == j else "ink", 1.4)
    for y, side, values in zip(ys, sides, (image, halved(image)), strict=True):
        grid(sketch, values, xs[2], y, side)
    return "A fine and a coarse map; ink: what each tells the other."


def resnet_tweaks(sketch: Sketch, knobs: Knobs) -> str:
    middle = sketch.height * 0.64
    w, h = sketch.width * 0.11, sketch.height * 0.3
    sketch.line([8, sketch.width - 8], [middle, middle], "gray", width=1.25)
    for i in range(3):
        box(sketch, sketch.width * (0.1 + 0.14 * i), middle, w, h, "3x3", "ink" if i else "gray")
    box(sketch, sketch.width * 0.7, middle, sketch.width * 0.2, h, "F, ÷2")
    arc(sketch, sketch.width * 0.52, sketch.width * 0.9, middle, sketch.height * 0.5)
    box(
        sketch, sketch.width * 0.71, middle - sketch.height * 0.47, w * 1.5, h * 0.72, "mean", "ink"
    )
    sketch.dot(sketch.width * 0.9, middle, 3.2 * sketch.scale)
    label(sketch, sketch.width * 0.24, middle + h * 0.5 + 18, "C: a deep stem")
    label(sketch, sketch.width * 0.71, middle + h * 0.5 + 18, "D: a skip that takes means")
    return "Ink: what is new, two more convolutions and a skip that takes means."


def stochastic_depth(sketch: Sketch, knobs: Knobs) -> str:
    """One step of 8 blocks; each has its own luck, so that the slider only ever drops more."""
    blocks, p = 8, knobs["p"]
    luck = np.random.default_rng(5).random(blocks)
    middle, step = sketch.height * 0.64, (sketch.width - 16) / blocks
    for i in range(blocks):
        share = p * (i + 1) / blocks
        out = luck[i] < share
        x = 8 + (i + 0.5) * step
        if not out:
            sketch.line([x - step / 2, x + step / 2], [middle, middle], "gray", width=1.25)
            box(sketch, x, middle, step * 0.46, sketch.height * 0.28, "F", "ink")
        else:
            corner = x - step * 0.23, middle - sketch.height * 0.14
            sketch.rect(*corner, step * 0.46, sketch.height * 0.28, "faint", round=4, hollow=True)
        arc(sketch, x - step * 0.48, x + step * 0.48, middle, sketch.height * 0.36)
        label(sketch, x, middle + sketch.height * 0.24, f"{100 * share:.0f} %", "gray")
    return f"One step of one example: the last of 8 blocks is left out in {100 * p:.0f} % of them."


DRAWINGS: dict[str, Draw] = {
    "drsn_cs": shrinkage(channel_wise=False),
    "drsn_cw": shrinkage(channel_wise=True),
    "squeeze_excite": squeeze_excite,
    "spatial_attention": spatial_attention,
    "fpn": pyramid(up_again=False),
    "pan": pyramid(up_again=True),
    "spp": spp,
    "repeated_block": repeated_block,
    "dense_concat": dense_concat,
    "csp": csp,
    "cross_fusion": cross_fusion,
    "split_transform": split_transform,
    "resnet_tweaks": resnet_tweaks,
    "small_filters": filters(1),
    "large_filters": filters(None),
    "blurpool": blurpool,
    "stochastic_depth": stochastic_depth,
    "factorize": factorize,
    "channels_last": channels_last,
}
