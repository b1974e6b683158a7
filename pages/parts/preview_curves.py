"""Previews that are the graph of a function: activations, losses, schedules, clipping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw
    from tricks.base import Trick

    Array = np.ndarray
    Knobs = dict[str, float]


def schedule(trick: Trick) -> Callable[[Sketch, Knobs], str]:
    """The factor on the learning rate, asked of the trick's own ``factor``."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        steps = 400
        factors = [trick.factor(step, steps) for step in range(steps)]
        top = max(1.0, *factors)
        axes = sketch.axes((0, steps - 1), (0, 1.06 * top), across="training", up="rate")
        if sketch.large:
            axes.line([0, steps - 1], [1, 1], "gray", width=1.25)
        axes.line(range(steps), factors)
        return "The learning rate over training, drawn by the trick's own code; gray: constant."

    return draw


def scale_schedule(sketch: Sketch, knobs: Knobs) -> str:
    """Half a cosine, made for other steps than the run has."""
    ratio, t = knobs["ratio"], np.linspace(0, 1, 240)
    axes = sketch.axes((0, 1), (0, 1.06), across="training", up="rate")
    axes.line(t, (1 + np.cos(np.pi * t)) / 2, "gray", width=1.25)
    axes.line(t, (1 + np.cos(np.pi * np.minimum(1, t / ratio))) / 2)
    return f"Cosine made for {ratio:g} times the steps of the run; gray: for all of them."


def flooding(sketch: Sketch, knobs: Knobs) -> str:
    level = knobs["level"]
    top = max(0.5, 3 * level)
    loss = np.unique(np.append(np.linspace(0, top, 200), level))
    axes = sketch.axes((0, top), (0, top), across="loss of the batch", up="what is minimized")
    axes.line(loss, loss, "gray", width=1.25)
    axes.line(loss, np.abs(loss - level) + level)
    return f"Below b = {level:g} the loss is turned around; gray: without flooding."


def grad_clip(sketch: Sketch, knobs: Knobs) -> str:
    limit = np.log10(knobs["max_norm"])
    norm = np.array([-2.3, limit, 2.3])  # logarithms
    across = "length of the gradient, logarithmic"
    axes = sketch.axes((-2.3, 2.3), (-2.3, 2.3), across=across, up="what is used")
    axes.line(norm, norm, "gray", width=1.25)
    axes.line(norm, np.minimum(norm, limit))
    return f"Longer gradients are shortened to {knobs['max_norm']:g}; gray: without clipping."


DRAWINGS: dict[str, Draw] = {
    "scale_schedule": scale_schedule,
    "flooding": flooding,
    "grad_clip": grad_clip,
}
