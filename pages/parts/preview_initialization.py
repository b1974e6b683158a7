"""Previews of the initialization tricks: the size of signals, and what a start at zero means."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pages.parts.preview_paths import initialization

if TYPE_CHECKING:
    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Array = np.ndarray
    Knobs = dict[str, float]

DEPTH, WIDTH = 10, 128
COUNTS = np.round(500 * 20.0 ** -(np.arange(10) / 9))  # examples of ten classes, 500 to 25


def first_weights(kind: str, value: float, inputs: int, rng: np.random.Generator) -> Array:
    """The first weights of a layer of WIDTH units, (WIDTH, inputs)."""
    normal = rng.standard_normal((WIDTH, inputs))
    if kind == "std":
        return value * normal
    if kind == "gain":
        tall = np.linalg.qr(normal if inputs <= WIDTH else normal.T)[0]
        return value * (tall if inputs <= WIDTH else tall.T)
    return math.sqrt(value / inputs) * normal  # "fan": a variance of value / inputs


@cache
def sizes(kind: str, value: float) -> Array:
    """The root mean square of what enters each layer's activation, (DEPTH,), in a ReLU network."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 64))
    found = []
    for _ in range(DEPTH):
        w = first_weights(kind, value, x.shape[1], rng)
        if kind == "lsuv":
            w /= (x @ w.T).std()
        z = x @ w.T
        found.append(math.sqrt(float((z**2).mean())))
        x = np.maximum(z, 0)
    return np.array(found)


def signal(kind: str, value: float | str, name: str) -> Draw:
    """The signal's size over the layers, on a logarithmic scale; ``value`` may be a knob."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        number = knobs[value] if isinstance(value, str) else value
        own, plain = np.log10(sizes(kind, number)), np.log10(sizes("fan", 2.0))
        low, high = min(-2.0, float(own.min()) - 0.5), max(2.0, float(own.max()) + 0.5)
        layers = np.arange(1, DEPTH + 1)
        up = "size of the signal, each line ten times more"
        axes = sketch.axes((1, DEPTH), (low, high), across="layer", up=up)
        spacing = 1 if high - low < 9 else 3
        for power in range(math.ceil(low), math.floor(high) + 1, spacing):
            axes.line([1, DEPTH], [power, power], "faint", width=0.7)
        axes.line(layers, plain, "gray", width=1.25)
        axes.line(layers, own)
        axes.dots(layers, own)
        last = float(own[-1])
        size = f"{10**last:.2g}" if abs(last) < 3 else f"10 to the power of {last:.0f}"
        return f"{name}: in layer {DEPTH} the signal has the size {size}; gray: Kaiming."

    return draw


def zeros(sketch: Sketch, knobs: Knobs) -> str:
    """Every unit the same, and nothing between them."""
    rows, columns = (6, 5) if sketch.large else (4, 5)
    across, down = sketch.width / (columns + 1), sketch.height / (rows + 0.6)
    for column in range(columns):
        for row in range(rows):
            at = down * (row + 0.8)
            sketch.dot(across * (column + 1), at, min(0.3 * down, 8), "gray", hollow=True)
            if column + 1 < columns:
                reach = [across * (column + 1.22), across * (column + 1.78)]
                sketch.line(reach, [at, at], "faint", width=1, dash="2 3")
    return "No unit gets a signal or a gradient: all stay what they are, and alike."


def blocks(label: str, words: str) -> Draw:
    """Three blocks beside their skips; faint, since nothing comes through them at first."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        count, middle = 3, sketch.height * 0.42
        span = (sketch.width - 24) / count
        wide, high = span * 0.44, sketch.height * 0.32
        low = sketch.height * 0.84
        sketch.line([8, sketch.width - 8], [low, low])
        for i in range(count):
            left = 12 + i * span + span * 0.18
            enter, leave = left - span * 0.1, left + wide + span * 0.2
            sketch.line([enter, enter, left], [low, middle, middle], "faint", width=1.25)
            sketch.line([left + wide, leave, leave], [middle, middle, low], "faint", width=1.25)
            sketch.rect(left, middle - high / 2, wide, high, "gray", hollow=True, round=4)
            size = 15 if sketch.large else 11
            sketch.text(
                left + wide / 2, middle + size / 3, "F", size=size, anchor="middle", italic=True
            )
            sketch.dot(leave, middle, 4.5 * sketch.scale, "paper")
            sketch.dot(leave, middle, 4.5 * sketch.scale, hollow=True)
            if sketch.large:
                sketch.text(leave, middle - 14, label, "ink", anchor="middle", size=14)
        return words

    return draw


def prior_bias(sketch: Sketch, knobs: Knobs) -> str:
    """What the network says before the first step."""
    said = (COUNTS / COUNTS.sum()) ** knobs["strength"]
    said /= said.sum()
    top = float(max(said.max(), COUNTS[0] / COUNTS.sum()))
    axes = sketch.axes((-0.6, 9.6), (0, 1.03 * top), across="class", up="chance before step 1")
    axes.bars(COUNTS / COUNTS.sum(), "gray", hollow=True)
    axes.bars(said, share=0.5)
    return "What the network says before its first step; outline: how large each class is."


def finetune(sketch: Sketch, knobs: Knobs) -> str:
    """Two networks of four layers, the upper half of the second one new; frozen layers filled."""
    frozen, count = int(knobs["freeze"]), 4
    high, wide = sketch.height * 0.2, sketch.width * 0.13
    gap = (sketch.width - 24 - (count + 1) * wide) / count
    for row, y in enumerate((sketch.height * 0.18, sketch.height * 0.6)):
        for i in range(count + 1):
            x = 12 + i * (wide + gap)
            new = row == 1 and i == count
            solid = row == 1 and i < frozen and not new
            tone = "gray" if row == 0 or new else "ink"
            sketch.rect(x, y, wide, high, tone, hollow=not solid, round=3)
            if row == 0 and i < count:
                start = y + high + 3
                down = [start, sketch.height * 0.6 - 3]
                sketch.line([x + wide / 2] * 2, down, "gray", width=1.25, dash="3 3")
    words = f"{frozen} of them stay as they are" if frozen else "all of them go on learning"
    return f"All layers but the last come from a network that knows half of the classes; {words}."


IDENTITY = "Each block starts as the identity, since what it adds is multiplied by 0."
DRAWINGS: dict[str, Draw] = {
    "init_kaiming": initialization("kaiming"),
    "init_xavier": initialization("xavier"),
    "init_torch_default": initialization("torch"),
    "init_zeros": zeros,
    "init_small": signal("std", "std", "Small weights"),
    "init_too_big": signal("std", "std", "Too large weights"),
    "init_lecun": signal("fan", 1.0, "LeCun"),
    "init_orthogonal": signal("gain", "gain", "Orthogonal weights"),
    "lsuv": signal("lsuv", 1.0, "LSUV"),
    "fixup": blocks("a = 1", "Each block starts as the identity, since its last weights are 0."),
    "rezero": blocks("α = 0", IDENTITY),
    "zero_gamma": blocks("γ = 0", IDENTITY),
    "prior_bias": prior_bias,
    "pretrained_finetune": finetune,
}
