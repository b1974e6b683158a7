"""Previews of the ensemble tricks: who is kept on the way, and what answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pages.parts.preview_pictures import THREE, digit

if TYPE_CHECKING:
    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Array = np.ndarray
    Knobs = dict[str, float]

STEPS = 300


def noise(seed: int, size: int) -> Array:
    return 0.05 * np.random.default_rng(seed).standard_normal(size)


def snapshots(sketch: Sketch, knobs: Knobs) -> str:
    """The loss of one run: it jumps at every restart and settles in another place."""
    count = int(knobs["snapshots"])
    t = np.linspace(0, count, STEPS, endpoint=False)
    phase, cycle = t % 1, t // 1
    loss = 0.24 + 0.62 * np.exp(-5 * phase) / (1 + 0.35 * cycle) + noise(1, STEPS) * (1 - phase)
    axes = sketch.axes((0, count), (0, 1), across="steps", up="loss")
    axes.line(t, loss, "gray", width=1.25)
    ends = np.arange(1, count + 1)
    axes.dots(ends, [loss[np.searchsorted(t, end) - 1] for end in ends], r=3)
    return f"{count} snapshots, each at the end of a cycle, answer together."


def independent(sketch: Sketch, knobs: Knobs) -> str:
    count = int(knobs["nets"])
    axes = sketch.axes((0, count), (0, 1.05), across="steps", up="loss")
    length = max(20, STEPS // count)
    for i in range(count):
        t = np.linspace(0, 1, length)
        loss = 0.24 + 0.72 * np.exp(-5 * t) + noise(i, length) * (1 - t)
        axes.line(i + t, loss, "gray", width=1.25)
        axes.dots([i + 1], [loss[-1]], r=3)
    return f"{count} short runs, one after another; their ends answer together."


def checkpoints(sketch: Sketch, knobs: Knobs) -> str:
    count = int(knobs["checkpoints"])
    t = np.linspace(0, 1, STEPS)
    loss = 0.28 + 0.66 * np.exp(-6 * t) + 1.2 * noise(4, STEPS)
    axes = sketch.axes((0, 1), (0, 1.05), across="steps", up="loss")
    axes.line(t, loss, "gray", width=1)
    kept = 1 - np.arange(min(count, 10)) / 10
    axes.dots(kept, [loss[round(at * (STEPS - 1))] for at in kept], r=3)
    return f"The last network and checkpoints a tenth of the run apart: {count} answer together."


def soup(sketch: Sketch, knobs: Knobs) -> str:
    """Two weights, seen from above: a shared way, tails that part, and their mean."""
    count = int(knobs["ingredients"])
    axes = sketch.axes((-3.3, 1.6), (-1.05, 1.05), up="two weights, loss as contours", floor=False)
    circle = np.linspace(0, 2 * np.pi, 120)
    for radius in (0.3, 0.6, 0.95):
        axes.line(1.4 * radius * np.cos(circle), radius * np.sin(circle), "faint", width=1)
    start = np.array([-1.7, 0.0])
    t = np.linspace(0, 1, 24)
    axes.line(-3.2 + 1.5 * t, 0.5 * (1 - t) ** 2, "gray", width=1.25)
    ends = []
    for i in range(count):
        angle = np.pi * (0.5 if count == 1 else i / (count - 1)) + np.pi / 2
        end = np.array([-0.35 + 0.35 * np.cos(angle), 0.62 * np.sin(angle)])
        bend = 0.3 * np.sin(np.pi * t) * np.sign(end[1])
        axes.line(start[0] + t * (end[0] - start[0]), t * end[1] + bend, "gray", width=1.25)
        axes.dots(*end[:, None], "gray", r=2.4)
        ends.append(end)
    axes.dots(*np.mean(ends, axis=0)[:, None], r=3.6)
    return f"The mean (ink) of {count} ends that began at the same trained weights."


def moved(image: Array, down: int, right: int) -> Array:
    """The image moved by so many pixels, its border repeated."""
    rows = np.clip(np.arange(8) - down, 0, 7)
    return image[rows][:, np.clip(np.arange(8) - right, 0, 7)]


def views(sketch: Sketch, knobs: Knobs) -> str:
    shift, flip = int(knobs["shift"]), bool(knobs["flip"])
    image = digit(THREE)
    shown = [image]
    if shift:
        shown += [moved(image, *at) for at in ((shift, 0), (-shift, 0), (0, shift), (0, -shift))]
    if flip:
        shown += [one[:, ::-1] for one in shown]
    gap = 0.06 * sketch.height
    side = min(0.72 * sketch.height, (sketch.width - gap) / len(shown) - gap)
    left = (sketch.width - len(shown) * (side + gap) + gap) / 2
    for i, one in enumerate(shown):
        sketch.pixels(one, left + i * (side + gap), (sketch.height - side) / 2, side)
    return f"{len(shown)} views of one image; the answers are averaged."


def fused(sketch: Sketch, knobs: Knobs) -> str:
    """Two layers in gray, and the one that does the work of both."""
    height, middle = 0.4 * sketch.height, sketch.height / 2
    unit = sketch.width / 22
    size = min(0.2 * sketch.height, 0.9 * unit + 5)
    for left, wide, words, tone in (
        (1.5, 4.5, "W, b", "gray"), (7, 4.5, "γ, β", "gray"), (15.5, 5, "W′, b′", "ink"),
    ):  # fmt: skip
        at = left * unit
        sketch.rect(at, middle - height / 2, wide * unit, height, tone, hollow=True, round=3)
        middle_of = at + wide * unit / 2
        sketch.text(middle_of, middle + size / 3, words, tone, size=size, anchor="middle")
    sketch.line([6 * unit, 7 * unit], [middle, middle], "gray", width=1.25)
    sketch.line([12.4 * unit, 14.6 * unit], [middle, middle])
    tip = 0.5 * unit
    sketch.line([14.6 * unit - tip, 14.6 * unit, 14.6 * unit - tip],
                [middle - tip, middle, middle + tip])  # fmt: skip
    return "A layer and its batch norm, in gray, and the one layer that answers the same."


DRAWINGS: dict[str, Draw] = {
    "snapshot_ensemble": snapshots,
    "independent_nets": independent,
    "checkpoint_ensemble": checkpoints,
    "model_soup": soup,
    "tta": views,
    "bn_fuse": fused,
}
