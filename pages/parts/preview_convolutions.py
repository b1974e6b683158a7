"""Previews of what changes convolutions and linear layers: ink is what is new."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pages.parts.preview_pictures import ZERO, digit
from pages.parts.schematics import grid, label

if TYPE_CHECKING:
    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Knobs = dict[str, float]


def split_transform(sketch: Sketch, knobs: Knobs) -> str:
    channels = 16
    groups = math.gcd(int(knobs["groups"]), channels)
    step = (sketch.width - 24) / channels
    top, bottom = sketch.height * 0.22, sketch.height * 0.78
    wide = channels // groups
    for i in range(channels):
        for j in range(channels):
            same = i // wide == j // wide
            if same or groups == 1:
                ends = [12 + (i + 0.5) * step, 12 + (j + 0.5) * step]
                sketch.line(ends, [top, bottom], "gray" if groups > 1 else "faint", width=0.5)
    for i in range(channels):
        for y in (top, bottom):
            sketch.dot(12 + (i + 0.5) * step, y, min(step * 0.3, 7))
    label(sketch, sketch.width / 2, sketch.height - 8, f"1/{groups} of the weights")
    return f"16 channels in {groups} groups: {channels * wide} of 256 connections are left."


def filters(radius: int | None) -> Draw:
    """What one output pixel sees, in a map of 9x9."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        reach = radius or int(knobs["radius"])
        cells, middle = 9, sketch.height / 2 - (10 if sketch.large else 0)
        side = sketch.height * (0.7 if sketch.large else 0.88)
        many = 3 if radius else 1
        for i in range(many):
            x = sketch.width * (i + 0.5) / many
            values = np.zeros((cells, cells))
            sees = reach * (i + 1)
            values[4 - sees : 5 + sees, 4 - sees : 5 + sees] = 0.3
            values[4 - reach : 5 + reach, 4 - reach : 5 + reach] += 0.25 if i else 0.3
            values[4, 4] = 1
            grid(sketch, values, x, middle, min(side, sketch.width / many * 0.8), "gray")
            sees_words = f"{2 * sees + 1}x{2 * sees + 1}"
            words = f"{i + 1} x 3x3 sees {sees_words}" if radius else sees_words
            label(sketch, x, sketch.height - 8, words)
        if radius:
            return "What a pixel sees after one, two and three 3x3 convolutions."
        ratio = (2 * reach + 1) ** 2 / 9
        return f"One output pixel sees {2 * reach + 1}x{2 * reach + 1}: {ratio:.1f} times a 3x3."

    return draw


def blurpool(sketch: Sketch, knobs: Knobs) -> str:
    """A digit and the same one pixel to the side, halved without and with a blur."""
    image = np.kron(digit(ZERO), np.ones((2, 2)))
    shifted = np.roll(image, 1, axis=1)
    taps = np.array([1, 2, 1]) / 4

    def blurred(values: np.ndarray) -> np.ndarray:
        padded = np.pad(values, 1, mode="reflect")
        across = sum(t * padded[:, i : i + 16] for i, t in enumerate(taps))
        return sum(t * across[i : i + 16] for i, t in enumerate(taps))

    def change(pair: list[np.ndarray]) -> float:
        here, there = (one[::2, ::2] for one in pair)
        return 100 * float(np.linalg.norm(here - there) / np.linalg.norm(here))

    side = sketch.height * (0.5 if sketch.large else 0.78)
    middle = sketch.height / 2 - (6 if sketch.large else 0)
    for i, values in enumerate((image, shifted, blurred(image), blurred(shifted))):
        x = sketch.width * (i + 0.5) / 4
        shown = min(side, sketch.width / 4 * 0.86)
        grid(sketch, values[::2, ::2], x, middle, shown, "ink" if i > 1 else "gray")
        label(sketch, x, sketch.height - 10, ("here", "1 pixel on")[i % 2])
    label(sketch, sketch.width / 4, 18, "every second pixel")
    label(sketch, 3 * sketch.width / 4, 18, "blurred first", "ink")
    without, with_blur = change([image, shifted]), change([blurred(image), blurred(shifted)])
    return (
        f"A shift by one pixel changes the halved map by {without:.0f} %, blurred first by "
        f"{with_blur:.0f} %."
    )


def factorize(sketch: Sketch, knobs: Knobs) -> str:
    side = sketch.height * (0.6 if sketch.large else 0.78)
    middle, rank = sketch.height / 2 - (8 if sketch.large else 0), knobs["rank"]
    whole = sketch.width * 0.22
    sketch.rect(whole - side / 2, middle - side / 2, side, side, "gray", opacity=0.5)
    size = 22 if sketch.large else 14
    sketch.text(sketch.width * 0.44, middle + size / 3, "≈", "gray", size=size, anchor="middle")
    thin = max(2.0, rank * side)
    left = sketch.width * 0.52
    sketch.rect(left, middle - side / 2, thin, side)
    sketch.rect(left + thin + 6, middle - side / 2, side, thin)
    label(sketch, whole, middle + side / 2 + 22, "W")
    label(sketch, left + thin / 2, middle + side / 2 + 22, "U", "ink")
    label(sketch, left + thin + 6 + side / 2, middle + side / 2 + 22, "V", "ink")
    return (
        f"At {100 * rank:.0f} % of the rank a square layer has {200 * rank:.0f} % of its weights."
    )


def channels_last(sketch: Sketch, knobs: Knobs) -> str:
    """The order of 3 channels of 6 pixels in memory, without and with it."""
    pixels, channels = 6, 3
    step = (sketch.width - 16) / (pixels * channels)
    opacities = (1.0, 0.55, 0.2)
    rows = (("channel after channel", 0.3), ("pixel after pixel", 0.72))
    for row, (words, part) in enumerate(rows):
        y = sketch.height * part
        for i in range(pixels * channels):
            channel = i % channels if row else i // pixels
            side = step * 0.82
            tall = min(side, sketch.height * 0.3)
            at = 8 + i * step, y - tall / 2
            sketch.rect(*at, side, tall, "ink" if row else "gray", opacity=opacities[channel])
        label(sketch, sketch.width / 2, y - sketch.height * 0.1 - 6, words)
    return "Numbers in memory; below, the channels of a pixel lie side by side."
