"""Boxes, arrows and maps, of which drawings of networks are made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.drawing import Sketch, Tone


def box(
    sketch: Sketch, x: float, y: float, w: float, h: float, words: str = "", tone: Tone = "gray"
) -> None:
    """A layer, its middle at (x, y)."""
    sketch.rect(x - w / 2, y - h / 2, w, h, "paper", round=4)
    sketch.rect(x - w / 2, y - h / 2, w, h, tone, round=4, hollow=True)
    size = min(15.0, 0.5 * h) if sketch.large else min(11.0, 0.6 * h)
    if words and w > 0.5 * size * len(words):
        sketch.text(x, y + size / 3, words, tone, size=size, anchor="middle")


def arrow(
    sketch: Sketch, x: Sequence[float], y: Sequence[float], tone: Tone = "ink", width: float = 1.6
) -> None:
    """A line through points with a head at its end."""
    sketch.line(x, y, tone, width=width)
    angle = math.atan2(y[-1] - y[-2], x[-1] - x[-2])
    for turn in (2.6, -2.6):
        reach = 4 * sketch.scale
        tip = [x[-1], x[-1] + reach * math.cos(angle + turn)]
        sketch.line(tip, [y[-1], y[-1] + reach * math.sin(angle + turn)], tone, width=width)


def arc(sketch: Sketch, start: float, end: float, y: float, rise: float) -> None:
    """Half an ellipse over a row of boxes."""
    t = np.linspace(math.pi, 0, 40)
    reach = (end - start) / 2
    sketch.line(start + reach * (1 + np.cos(t)), y - rise * np.sin(t))


def grid(
    sketch: Sketch, values: np.ndarray, x: float, y: float, side: float, tone: Tone = "ink"
) -> None:
    """A map, its frame drawn, its middle at (x, y)."""
    sketch.pixels(values, x - side / 2, y - side / 2, side)
    sketch.rect(x - side / 2, y - side / 2, side, side, tone, hollow=True)


def label(sketch: Sketch, x: float, y: float, words: str, tone: Tone = "gray") -> None:
    """Words where there is room for them."""
    if sketch.large:
        sketch.text(x, y, words, tone, anchor="middle", size=13)


def halved(image: np.ndarray) -> np.ndarray:
    side = len(image) // 2
    return image.reshape(side, 2, side, 2).mean((1, 3))
