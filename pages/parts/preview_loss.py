"""Previews of the loss tricks: the loss of one example, and what counts for how much."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw
    from tricks.base import Trick

    Knobs = dict[str, float]

COUNTS = np.round(500 * 20.0 ** -(np.arange(10) / 9))  # examples of ten classes, 500 to 25


def loss(trick: Trick) -> Draw:
    """The loss over the probability of the true class, asked of the trick's own ``loss_at``."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        p = np.linspace(0.005, 0.995, 240)
        own = np.array([trick.loss_at(float(one)) for one in p])
        low = min(0.0, 1.1 * float(own.min()))
        across = "probability of the true class"
        axes = sketch.axes((0, 1), (low, 3.2), across=across, up="loss", zero=True)
        axes.line(p, -np.log(p), "gray", width=1.25)
        axes.line(p, own)
        values = [f"{one.symbol} {knobs[one.name]:g}" for one in trick.knobs()]
        turned = f" with {', '.join(values)}" if values else ""
        return f"Loss of one example{turned}; gray: cross-entropy."

    return draw


def class_weights(sketch: Sketch, knobs: Knobs) -> str:
    beta = knobs["beta"]
    weights = 1 / COUNTS if beta == 1 else (1 - beta) / (1 - beta**COUNTS)
    weights *= COUNTS.sum() / (weights * COUNTS).sum()
    top = max(1.5, float(weights.max()))
    axes = sketch.axes((-0.6, 9.6), (0, 1.03 * top), across="class", up="weight")
    axes.bars(top * COUNTS / COUNTS.max(), "gray", hollow=True)
    axes.bars(weights, share=0.5)
    return (
        f"The weight of an example, {weights.min():.2g} to {weights.max():.2g}; outline: how many "
        "examples a class has, 500 to 25."
    )


def logit_adjustment(sketch: Sketch, knobs: Knobs) -> str:
    head_start = knobs["tau"] * np.log(COUNTS / COUNTS.min())
    top = max(3.0, float(head_start.max()))
    axes = sketch.axes((-0.6, 9.6), (0, 1.03 * top), across="class", up="added to the logit")
    axes.bars(top * COUNTS / COUNTS.max(), "gray", hollow=True)
    axes.bars(head_start, share=0.5)
    return (
        "What each class's logit has over the rarest one in training; outline: how many examples "
        "a class has."
    )


def ohem(sketch: Sketch, knobs: Knobs) -> str:
    size = 32 if sketch.large else 20
    losses = np.sort(np.random.default_rng(2).exponential(size=size))[::-1]
    kept = max(1, math.ceil(knobs["ratio"] * size - 1e-9))
    axes = sketch.axes(
        (-0.7, size - 0.3), (0, 1.03 * losses[0]), across="examples of a batch", up="loss"
    )
    axes.bars(losses[:kept])
    axes.bars(losses[kept:], "gray", hollow=True, start=kept)
    return f"The {kept} hardest of {size} examples count; outline: the rest does not."


def triplet(sketch: Sketch, knobs: Knobs) -> str:
    """An anchor, a partner of its class, and a stranger that is nearer than the margin allows."""
    height, scale = sketch.height, sketch.scale
    unit = height * 0.34  # a distance of 1
    x, y = sketch.width * 0.42, height * 0.5
    near = 0.75
    ring = (near + min(knobs["margin"], 1.2)) * unit
    t = np.linspace(0, 2 * np.pi, 120)
    sketch.line(x + near * unit * np.cos(t), y + near * unit * np.sin(t), "faint", width=1)
    sketch.line(x + ring * np.cos(t), y + ring * np.sin(t), "gray", width=1, dash="3 4")
    partner = x - near * unit * 0.95, y - near * unit * 0.31
    stranger = x + 0.95 * unit * 0.98, y - 0.95 * unit * 0.2
    sketch.line([x, partner[0]], [y, partner[1]], width=1.25)
    pushed = x + max(ring, 0.95 * unit) * 0.98, y - max(ring, 0.95 * unit) * 0.2
    sketch.line([stranger[0], pushed[0]], [stranger[1], pushed[1]], "gray", width=1.25)
    sketch.dot(x, y, 4 * scale)
    sketch.dot(*partner, 3.2 * scale)
    sketch.dot(*stranger, 3.2 * scale, "paper")
    sketch.dot(*stranger, 3.2 * scale, "gray", hollow=True)
    if sketch.large:
        sketch.text(x, y + 26, "anchor", anchor="middle")
        sketch.text(partner[0] - 10, partner[1] - 10, "same class", anchor="end")
        sketch.text(pushed[0] + 12, pushed[1] + 4, "another class")
    return (
        f"The other class is pushed to where it is m = {knobs['margin']:g} farther than the "
        "farthest of the anchor's own (dashed)."
    )


DRAWINGS: dict[str, Draw] = {
    "class_weighted_ce": class_weights,
    "logit_adjustment": logit_adjustment,
    "ohem": ohem,
    "triplet_loss": triplet,
}
