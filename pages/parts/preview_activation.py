"""Previews of the activation tricks: what a unit passes on, and its slope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw
    from tricks.base import Trick

    Knobs = dict[str, float]

REACH = {"soft_threshold": 1.0, "relu6": 8.0}  # of the inputs drawn; 4 for the others
STEP = 1e-5  # of the numeric derivative


def activation(trick: Trick) -> Draw:
    """The curve of the trick's own ``response`` over ReLU's, and, thinner, its derivative."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        reach = REACH.get(trick.id(), 4.0)
        x = np.linspace(-reach, reach, 320)
        y = np.array([trick.response(float(at)) for at in x])
        slope = np.array(
            [(trick.response(at + STEP) - trick.response(at - STEP)) / (2 * STEP) for at in x]
        )
        low = min(-reach / 6, float(y.min()) - reach / 15, float(slope.min()) - reach / 15)
        high = 1.02 * max(min(reach, float(y.max())), float(slope.max()))
        high = max(high, 1.1) if high < reach / 2 else high
        across, up = "input", "output; thin: its slope"
        axes = sketch.axes((-reach, reach), (low, high), across=across, up=up, zero=True)
        if not trick.is_default:
            axes.line(x, np.maximum(x, 0), "gray", width=1.25)
        axes.line(x, slope, width=0.8)
        axes.line(x, y)
        gray = "" if trick.is_default else "; gray: ReLU"
        return f"What a unit passes on, and thin the slope that gradients are multiplied by{gray}."

    return draw


def maxout(sketch: Sketch, knobs: Knobs) -> str:
    """A unit's lines, as tangents of a bowl, and the largest of them."""
    pieces = int(knobs["pieces"])
    x = np.linspace(-3, 3, 200)
    at = np.linspace(-2, 2, pieces)
    lines = np.array([2 * one * x - one**2 for one in at]) / 3
    axes = sketch.axes((-3, 3), (-1.4, 3.2), across="input", up="output", zero=True)
    for line in lines:
        axes.line(x, line, "gray", width=1.25)
    axes.line(x, lines.max(axis=0))
    return f"A unit passes on the largest of its {pieces} lines, whose slopes are learned."


DRAWINGS: dict[str, Draw] = {"maxout": maxout}
