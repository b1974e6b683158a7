"""Previews of the augmentation tricks: images before, and after the trick's own code.

The images are made by ``tests/make_previews.py`` for a few values of a trick's first knob; the
picture shows the nearest. A sheet has two rows for each value: an image as it is, then five draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

PICTURES = Path(__file__).with_name("pictures")
DRAWS = 5


@dataclass(frozen=True, kw_only=True)
class Strip:
    """What is pictured of a trick. ``says`` tells what happens, with the knob's value as ``v``.

    ``default`` is the value that an empty knob has for these images. ``turned`` is how many times
    as strong as its knob says the picture is, where nothing could be seen else.
    """

    data: Literal["digits", "shapes"]
    knob: str
    stops: tuple[float, ...]
    says: str
    default: float | None = None
    fixed: dict[str, float] = field(default_factory=dict)
    turned: float = 1.0
    cell: int = 0  # pixels of a place on the sheet; 0: as large as the image

    def nearest(self, knobs: dict[str, float]) -> int:
        """Which of the stops stands for these knobs."""
        value = knobs.get(self.knob, self.default)
        assert value is not None
        return min(range(len(self.stops)), key=lambda i: abs(self.stops[i] - value))


SHARE = (0.0, 0.25, 0.5, 0.75, 1.0)
STRIPS = {
    "hflip": Strip(
        data="digits", knob="p", stops=SHARE, says="mirrored with probability {v:g}"
    ),
    "random_crop": Strip(
        data="digits", knob="padding", stops=(0, 1, 2, 4, 8), default=1,
        says="shifted by up to {v:g} of 8 pixels",
    ),
    "random_resized_crop": Strip(
        data="digits", knob="scale", stops=(0.08, 0.2, 0.4, 0.7, 1.0),
        says="a part of at least {v:g} of the area, enlarged",
    ),
    "rotate": Strip(
        data="digits", knob="degrees", stops=(0, 15, 45, 90, 180), says="turned by up to {v:g}°"
    ),
    "random_scale": Strip(
        data="digits", knob="scale", stops=(0, 0.2, 0.4, 0.6, 0.8),
        says="of a size that differs by up to {v:g}",
    ),
    "affine": Strip(
        data="digits", knob="degrees", stops=(0, 15, 45, 90, 180),
        says="turned by up to {v:g}°, shifted, scaled and sheared",
    ),
    "color_jitter": Strip(
        data="shapes", knob="brightness", stops=(0, 0.2, 0.4, 0.7, 1.0),
        says="brightness changed by up to {v:g}, then contrast, saturation and hue",
    ),
    "hsv_power": Strip(
        data="shapes", knob="strength", stops=SHARE,
        says="saturation, value and hue changed at strength {v:g}",
    ),
    "fancy_pca": Strip(
        data="shapes", knob="sigma", stops=(0, 0.05, 0.1, 0.2, 0.3), turned=10,
        says="colors moved with σ {v:g}, drawn ten times as strong as set to be seen",
    ),
    "blur": Strip(
        data="digits", knob="sigma", stops=(0, 0.5, 1, 2, 3),
        says="blurred with σ up to {v:g}",
    ),
    "elastic": Strip(
        data="shapes", knob="alpha", stops=(0, 20, 44, 100, 200), default=44,
        says="distorted with strength {v:g}",
    ),
    "gaussian_noise": Strip(
        data="digits", knob="sigma", stops=(0, 0.1, 0.3, 0.6, 1), says="with noise of σ {v:g}"
    ),
    "cutout": Strip(
        data="digits", knob="size", stops=(0, 0.25, 0.375, 0.5, 0.75, 1),
        says="without a square of {v:g} of the side",
    ),
    "random_erasing": Strip(
        data="digits", knob="p", stops=SHARE, says="a box erased with probability {v:g}"
    ),
    "gridmask": Strip(
        data="shapes", knob="ratio", stops=(0.1, 0.3, 0.6, 0.8, 1),
        says="of each unit of a grid {v:g} of the side is kept",
    ),
    "hide_and_seek": Strip(
        data="shapes", knob="p", stops=(0, 0.25, 0.5, 0.75, 0.95),
        says="each of 16 patches hidden with probability {v:g}",
    ),
    "cutmix": Strip(
        data="digits", knob="alpha", stops=(0, 0.2, 0.5, 1, 2, 4),
        says="with a box of another image, α {v:g}",
    ),
    "mosaic": Strip(
        data="shapes", knob="p", stops=SHARE, says="four images in one with probability {v:g}"
    ),
    "self_adversarial": Strip(
        data="digits", knob="epsilon", stops=(0, 0.05, 0.1, 0.25, 0.5),
        says="each pixel moved by {v:g} to where a linear classifier is least sure, so all draws "
        "are the same",
    ),
    "colout": Strip(
        data="shapes", knob="p", stops=(0, 0.15, 0.3, 0.5),
        says="without {v:g} of the rows and of the columns",
    ),
    "multi_scale": Strip(
        data="shapes", knob="scale", stops=(0, 0.15, 0.33, 0.6), fixed={"every": 1}, cell=52,
        says="at sizes that differ by up to {v:g}, each for some batches",
    ),
    "randaugment": Strip(
        data="shapes", knob="num_ops", stops=(0, 1, 2, 3, 5),
        says="random operations for each: {v:g}",
    ),
    "trivialaugment": Strip(
        data="shapes", knob="p", stops=SHARE,
        says="after one operation, with probability {v:g}",
    ),
    "autoaugment": Strip(
        data="shapes", knob="p", stops=SHARE,
        says="after a pair of operations found for CIFAR-10, with probability {v:g}",
    ),
    "augmix": Strip(
        data="shapes", knob="severity", stops=(1, 3, 6, 10),
        says="mixed with chains of operations of severity {v:g}",
    ),
}  # fmt: skip


@lru_cache(maxsize=64)
def sheet(trick: str) -> np.ndarray:
    """The committed picture, bytes: (rows, columns) for gray images, (rows, columns, 4) else."""
    from PIL import Image

    with Image.open(PICTURES / f"{trick}.png") as picture:
        return np.asarray(picture if picture.mode == "L" else picture.convert("RGBA"))


def cells(trick: str, strip: Strip, stop: int) -> list[list[np.ndarray]]:
    """Two rows: an image as it is, then five draws of what the trick makes of it."""
    whole = sheet(trick)
    side = whole.shape[1] // (DRAWS + 1)
    return [
        [
            whole[row * side : (row + 1) * side, column * side : (column + 1) * side]
            for column in range(DRAWS + 1)
        ]
        for row in (2 * stop, 2 * stop + 1)
    ]


def before_and_after(trick: str) -> Draw:
    strip = STRIPS[trick]

    def draw(sketch: Sketch, knobs: dict[str, float]) -> str:
        stop = strip.nearest(knobs)
        rows = cells(trick, strip, stop)
        says = strip.says.format(v=strip.stops[stop])
        if not sketch.large:
            small(sketch, rows[0])
            return f"Left: an image as it is. Right: a strong and a mild draw, {says}."
        large(sketch, rows)
        return f"Left: two images as they are. Right: five draws each, {says}."

    return draw


def small(sketch: Sketch, row: list[np.ndarray]) -> None:
    """An image, an arrow, and the draws that changed it most and least."""
    ranked = sorted(row[1:], key=lambda one: np.abs(one.astype(float) - row[0]).sum())
    side = sketch.height - 8
    gap, arrow = 0.12 * side, 0.42 * side
    x = (sketch.width - 3 * side - 3 * gap - arrow) / 2
    sketch.picture(row[0], x, 4, side)
    x += side + gap
    pointer(sketch, x, arrow)
    x += arrow + gap
    for image in (ranked[-1], ranked[0]):
        sketch.picture(image, x, 4, side)
        x += side + gap


def large(sketch: Sketch, rows: list[list[np.ndarray]]) -> None:
    """Two rows of an image and its draws, under a line of words."""
    top, gap = 24.0, 8.0
    side = min((sketch.height - top - gap - 6) / 2, (sketch.width - 16 - 5 * gap) / 6.8)
    arrow = 0.8 * side
    left = (sketch.width - 6 * side - arrow - 4 * gap) / 2
    after = left + side + arrow
    sketch.text(left, top - 9, "before")
    sketch.text(after, top - 9, "after, drawn anew each time")
    for i, row in enumerate(rows):
        y = top + i * (side + gap)
        sketch.picture(row[0], left, y, side)
        pointer(sketch, left + side + 0.25 * arrow, 0.5 * arrow, y + side / 2)
        for k, image in enumerate(row[1:]):
            sketch.picture(image, after + k * (side + gap), y, side)


def pointer(sketch: Sketch, x: float, length: float, y: float | None = None) -> None:
    """An arrow to the right."""
    y = sketch.height / 2 if y is None else y
    head = length * 0.28
    sketch.line([x, x + length], [y, y], "gray", width=1.5)
    sketch.line(
        [x + length - head, x + length, x + length - head], [y - head, y, y + head], "gray",
        width=1.5,
    )  # fmt: skip


DRAWINGS: dict[str, Draw] = {trick: before_and_after(trick) for trick in STRIPS}
