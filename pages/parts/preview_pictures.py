"""Previews that show things: digits, units, labels, classes, what is averaged, a block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Knobs = dict[str, float]

# Two of scikit-learn's handwritten digits (numbers 60 and 0): 8 x 8, one base-17 digit a pixel.
THREE = "00afe4000046dg200003g9000001g6000000ac0000001g4001956g7000ecfb20"
ZERO = "005d910000dfaf5003f20b8004c008800580098004b01c7002e5ac00006da000"
CLASSES = 10


def digit(code: str) -> np.ndarray:
    """An image of values 0 to 1."""
    return np.array([int(one, 17) for one in code], float).reshape(8, 8) / 16


def shares(alpha: float, count: int) -> list[float]:
    """Evenly spread quantiles of Beta(alpha, alpha), the largest first; alpha 0 mixes nothing."""
    if alpha <= 0:
        return [1.0] * count
    from scipy.special import betaincinv

    at = 1 - (np.arange(count) + 0.5) / count
    return [float(one) for one in betaincinv(alpha, alpha, at)]


def mixup(sketch: Sketch, knobs: Knobs) -> str:
    alpha = knobs["alpha"]
    three, zero = digit(THREE), digit(ZERO)
    side = sketch.height - (30 if sketch.large else 8)
    if not sketch.large:
        # The typical batch: the mean of the larger share.
        typical = float(np.mean([max(one, 1 - one) for one in shares(alpha, 64)]))
        for i, share in enumerate((1.0, typical, 0.0)):
            x = sketch.width / 2 + (i - 1) * side * 1.3 - side / 2
            sketch.pixels(share * three + (1 - share) * zero, x, 4, side)
        return f"A blend of two examples, {100 * typical:.0f} % of the first."
    count = 5
    side = min(side, (sketch.width - 16) / count / 1.12)
    gap = (sketch.width - 16 - count * side) / (count - 1)
    for i, share in enumerate(shares(alpha, count)):
        x, y = 8 + i * (side + gap), (sketch.height - 22 - side) / 2
        sketch.pixels(share * three + (1 - share) * zero, x, y, side)
        sketch.text(x + side / 2, sketch.height - 6, f"λ = {share:.2f}", anchor="middle")
    return f"Five blends as α = {alpha:g} draws them, one of each fifth of all."


def dropout(sketch: Sketch, knobs: Knobs) -> str:
    """Layers of units; each has its own threshold, so that the slider only ever adds holes."""
    p = knobs["p"]
    rows, columns = (6, 9) if sketch.large else (4, 7)
    luck = np.random.default_rng(3).permutation(rows * columns) / (rows * columns)
    across, down = sketch.width / (columns + 1), sketch.height / (rows + 0.6)
    for i, drawn in enumerate(luck):
        x = across * (i // rows + 1)
        y = down * (i % rows + 0.8)
        sketch.dot(x, y, min(0.36 * down, 9), "gray" if drawn < p else "ink", hollow=drawn < p)
    return f"One step: {100 * p:.0f} % of the units are off, others at the next step."


def label_smoothing(sketch: Sketch, knobs: Knobs) -> str:
    epsilon, true = knobs["epsilon"], 3
    target = np.full(CLASSES, epsilon / CLASSES)
    target[true] += 1 - epsilon
    hard = np.eye(CLASSES)[true]
    axes = sketch.axes((-0.6, CLASSES - 0.4), (0, 1.02), across="class", up="target")
    axes.bars(hard, "gray", hollow=True)
    axes.bars(target)
    return (
        f"The true class is asked for {100 * target[true]:.3g} %, every other one for "
        f"{100 * target[0]:.2g} %; outline: without smoothing."
    )


def class_balance(sketch: Sketch, knobs: Knobs) -> str:
    counts = 20.0 ** -(np.arange(CLASSES) / (CLASSES - 1))
    before = counts / counts.sum()
    axes = sketch.axes((-0.6, CLASSES - 0.4), (0, before[0] * 1.03), across="class", up="share")
    axes.bars(before, "gray", hollow=True)
    power = knobs.get("power", 1.0)
    weights = before * before**-power
    axes.bars(weights / weights.sum())
    return "How often each class is read; outline: as the data are, 20 to 1."


def averaged(groups: str | None) -> Callable[[Sketch, Knobs], str]:
    """What shares one mean and deviation, in a table of examples by channels.

    ``groups`` is the knob that says into how many groups the channels fall; without one the whole
    batch is averaged, channel by channel.
    """

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        examples, channels = 6, 16
        parts = math.gcd(int(knobs[groups]), channels) if groups else channels
        words = 22 if sketch.large else 0
        cell = min((sketch.width - 16) / channels, (sketch.height - 8 - 2 * words) / examples)
        left = (sketch.width - channels * cell) / 2
        top = (sketch.height - examples * cell) / 2
        if sketch.large:
            sketch.text(left, top - 8, "channels →")
            sketch.text(left, top + examples * cell + 18, "a row is an example")
        wide = channels // parts
        for row in range(examples):
            for column in range(channels):
                inside = row == 2 and column // wide == parts // 3 if groups else column == 5
                x, y = left + column * cell + 1, top + row * cell + 1
                tone = "ink" if inside else "faint"
                sketch.rect(x, y, cell - 2, cell - 2, tone, round=1.5)
        if groups is None:
            return "Ink: what shares one mean and deviation, one channel of the whole batch."
        each = "one channel" if wide == 1 else f"{wide} of {channels} channels"
        return f"Ink: what shares one mean and deviation, {each} of one example."

    return draw


def skip_connection(sketch: Sketch, knobs: Knobs) -> str:
    """Three blocks; the arcs are what the trick adds. The scale is the height of a block."""
    scale = knobs.get("scale")
    blocks, middle = 3, sketch.height * 0.66
    span = (sketch.width - 24) / blocks
    wide = span * 0.42
    high = sketch.height * 0.34 * (0.35 + 0.65 * (1.0 if scale is None else scale))
    sketch.line([8, sketch.width - 8], [middle, middle], "gray", width=1.25)
    for i in range(blocks):
        start = 12 + i * span
        box = start + span * 0.2
        sketch.rect(box, middle - high / 2, wide, high, "paper", round=4)
        sketch.rect(box, middle - high / 2, wide, high, "gray", round=4, hollow=True)
        end = start + span * 0.86
        t = np.linspace(math.pi, 0, 40)
        reach, rise = (end - start) / 2, sketch.height * 0.5
        sketch.line(start + reach * (1 + np.cos(t)), middle - rise * np.sin(t))
        sketch.dot(start, middle, 2.2 * sketch.scale)
        sketch.dot(end, middle, 4 * sketch.scale, "paper")
        sketch.dot(end, middle, 4 * sketch.scale, hollow=True)
        size = 15 if sketch.large else 11
        sketch.text(box + wide / 2, middle + size / 3, "F", size=size, anchor="middle", italic=True)
        if sketch.large:
            sketch.text(start, middle + 26, "x", anchor="middle", size=14, italic=True)
            label = "x + s F(x)" if scale is None else f"x + {scale:g} F(x)"
            sketch.text(end, middle + 46, label, "ink", anchor="middle", size=14, italic=True)
    return "Each block adds to its input; gray: the plain net, where F is all that goes on."


DRAWINGS: dict[str, Draw] = {
    "batch_norm": averaged(None),
    "group_norm": averaged("groups"),
    "skip_connection": skip_connection,
    "label_smoothing": label_smoothing,
    "dropout": dropout,
    "mixup": mixup,
    "class_balance": class_balance,
}
