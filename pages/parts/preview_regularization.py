"""Previews of the regularization tricks: what is dropped, what shrinks, what is averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pages.parts.preview_pictures import THREE, ZERO, digit

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Knobs = dict[str, float]

RATE = 0.1  # the lab's


def maps(sketch: Sketch) -> tuple[list[tuple[np.ndarray, float, float]], float]:
    """Five maps of a layer, each with its corner, and their side."""
    three, zero = digit(THREE), digit(ZERO)
    images = [three, np.abs(np.diff(three, axis=1, prepend=0)), zero, three.T, zero * three]
    side = min(sketch.height - 12.0, (sketch.width - 16) / (1.15 * len(images)))
    gap = (sketch.width - 16 - len(images) * side) / (len(images) - 1)
    top = (sketch.height - side) / 2
    return [(one, 8 + i * (side + gap), top) for i, one in enumerate(images)], side


def spatial_dropout(sketch: Sketch, knobs: Knobs) -> str:
    """Each map has its own threshold, so that the slider only ever drops more."""
    shown, side = maps(sketch)
    luck = (0.5, 0.86, 0.09, 0.3, 0.7)
    for (image, x, y), drawn in zip(shown, luck, strict=True):
        if drawn >= knobs["p"]:
            sketch.pixels(image, x, y, side)
        sketch.rect(x, y, side, side, "gray" if drawn < knobs["p"] else "faint", hollow=True)
    return f"Five maps of a layer at one step: each is dropped with probability {knobs['p']:g}."


def dropblock(sketch: Sketch, knobs: Knobs) -> str:
    shown, side = maps(sketch)
    cells = 8
    block = min(int(knobs["block_size"]), cells)
    block -= 1 - block % 2
    places = cells - block + 1
    gamma = knobs["p"] * cells**2 / block**2 / places**2
    luck = np.random.default_rng(1).random((len(shown), places, places))
    cell = side / cells
    for (image, x, y), drawn in zip(shown, luck, strict=True):
        sketch.pixels(image, x, y, side)
        sketch.rect(x, y, side, side, "faint", hollow=True)
        for row, column in np.argwhere(drawn < gamma):
            at = x + column * cell, y + row * cell
            sketch.rect(*at, block * cell, block * cell, "paper")
            sketch.rect(*at, block * cell, block * cell, "gray", hollow=True)
    return f"Five maps of a layer at one step, with blocks of {block} x {block} pixels cut out."


def penalized(name: str, penalty: Callable[[np.ndarray], np.ndarray]) -> Draw:
    """The loss along a weight that matters little, with and without the penalty."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        w = np.linspace(-0.6, 2.0, 521)
        curvature = 0.001
        plain = curvature / 2 * (w - 1) ** 2
        own = plain + knobs[name] * penalty(w)
        top = 1.4 * curvature
        axes = sketch.axes((-0.6, 2.0), (-0.04 * top, top), across="a weight", up="loss")
        axes.line([0, 0], [0, top], "faint", width=1)
        axes.line(w, plain, "gray", width=1.25)
        axes.line(w, own)
        for loss, tone in ((plain, "gray"), (own, "ink")):
            best = int(np.argmin(loss))
            if loss[best] <= top:
                axes.dots([w[best]], [loss[best]], tone, r=3.2)  # type: ignore[arg-type]
        best = w[int(np.argmin(own))]
        return (
            f"A weight that matters little settles at {best:.2f} instead of 1.00; gray: without "
            "the penalty."
        )

    return draw


def max_norm(sketch: Sketch, knobs: Knobs) -> str:
    limit, most = knobs["max_norm"], 4.2
    rng = np.random.default_rng(4)
    middle = sketch.width / 2, sketch.height / 2
    unit = (sketch.height / 2 - 4) / most
    t = np.linspace(0, 2 * np.pi, 120)
    radius = min(limit, 9.0) * unit
    if radius < sketch.height:
        sketch.line(middle[0] + radius * np.cos(t), middle[1] + radius * np.sin(t), "gray", width=1)
    for angle, length in zip(np.arange(14) * 2.4, rng.uniform(0.8, most, 14), strict=True):
        way = np.array([np.cos(angle), np.sin(angle)])
        x, y = np.array(middle) + unit * length * way
        if length > limit:
            sketch.dot(x, y, 2.2 * sketch.scale, "gray", hollow=True)
            x, y = np.array(middle) + unit * limit * way
        sketch.dot(x, y, 2.6 * sketch.scale)
    return f"Each dot is a unit's weights; none stays longer than c = {limit:g} (outline: was)."


def decoupled_decay(sketch: Sketch, knobs: Knobs) -> str:
    steps = np.arange(0, 5001, 20)
    left = (1 - RATE * knobs["weight_decay"]) ** steps
    axes = sketch.axes((0, 5000), (0, 1.06), across="5,000 steps", up="size")
    axes.line([0, 5000], [1, 1], "gray", width=1.25)
    axes.line(steps, left)
    return f"Without gradients {100 * left[-1]:.3g} % of a weight is left; gray: without decay."


def no_bias_decay(sketch: Sketch, knobs: Knobs) -> str:
    left = (1 - RATE * knobs["weight_decay"]) ** 5000
    weights = np.array([0.62, 0.95, 0.4, 0.78, 0.55, 0.88, 0.7, 0.33])
    biases = np.array([0.5, 0.82, 0.66])
    axes = sketch.axes((-0.6, 11.6), (0, 1.06), across="weights, then biases", up="size")
    axes.bars(weights, "gray", hollow=True)
    axes.bars(weights * left)
    axes.bars(biases, "gray", start=9)
    return (
        f"5,000 steps without gradients leave {100 * left:.3g} % of the weights (outline: before); "
        "biases (gray) stay."
    )


def early_stopping(sketch: Sketch, knobs: Knobs) -> str:
    epochs = np.arange(61)
    train = 2.2 * np.exp(-epochs / 16) + 0.02
    held = 1.5 * np.exp(-epochs / 7) + 0.65 + 0.00035 * epochs**2
    best = int(np.argmin(held))
    stop = min(60, best + int(knobs["patience"]))
    axes = sketch.axes((0, 60), (0, 2.3), across="epochs", up="loss")
    axes.line(epochs, train, "gray", width=1.25)
    axes.line(epochs[: stop + 1], held[: stop + 1])
    axes.line(epochs[stop:], held[stop:], width=1, dash="2 5")
    axes.dots([best], [held[best]], r=3.4)
    if sketch.large:
        sketch.text(axes.along(best), axes.across(held[best]) + 24, "kept", anchor="middle")
    ended = "stops" if best + knobs["patience"] <= 60 else "does not stop here"
    return f"Held-out loss: the best is kept, and after k epochs it {ended}; gray: training loss."


def gradient_noise(sketch: Sketch, knobs: Knobs) -> str:
    steps = np.arange(300)
    plain = 0.6 * np.exp(-steps / 120)
    deviation = np.sqrt(knobs["eta"] / (1 + steps) ** knobs["gamma"])
    noise = np.random.default_rng(3).standard_normal(len(steps))
    axes = sketch.axes((0, 299), (-0.5, 1.2), across="steps", up="gradient of a weight", zero=True)
    axes.line(steps, plain + deviation * noise, width=1)
    axes.line(steps, plain, "gray", width=1.5)
    return f"Noise of deviation {deviation[0]:.2g} at first, {deviation[-1]:.2g} after 300 steps."


def swa(sketch: Sketch, knobs: Knobs) -> str:
    """Weights at the ends of epochs, on their way into a valley and about in it."""
    epochs, rng = 40, np.random.default_rng(11)
    k = np.arange(1, epochs + 1)
    way = np.stack([-1.9 * np.exp(-k / 5), 0.9 * np.exp(-k / 4)], axis=1)
    way += rng.standard_normal((epochs, 2)) * (0.42, 0.3)
    late = k / epochs > knobs["start"]
    axes = sketch.axes((-2.6, 2.6), (-1.1, 1.1), up="two weights", floor=False)
    t = np.linspace(0, 2 * np.pi, 120)
    for size in (0.35, 0.8, 1.3):
        axes.line(1.5 * size * np.cos(t), 0.75 * size * np.sin(t), "faint", width=1)
    axes.line(way[:, 0], way[:, 1], "gray", width=0.75)
    axes.dots(way[late, 0], way[late, 1], "gray", r=1.8)
    axes.dots([way[late, 0].mean()], [way[late, 1].mean()], r=4.2)
    return f"The mean of the last {late.sum()} of {epochs} epochs (ink) is nearer the middle."


DRAWINGS: dict[str, Draw] = {
    "spatial_dropout": spatial_dropout,
    "dropblock": dropblock,
    "weight_decay_l2": penalized("weight_decay", lambda w: w**2 / 2),
    "l1": penalized("l1", np.abs),
    "max_norm": max_norm,
    "decoupled_weight_decay": decoupled_decay,
    "no_bias_decay": no_bias_decay,
    "early_stopping": early_stopping,
    "gradient_noise": gradient_noise,
    "swa": swa,
}
