"""Previews of the normalization tricks: what shares statistics, and what becomes of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pages.parts.preview_pictures import averaged

if TYPE_CHECKING:
    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Knobs = dict[str, float]

SIGNAL = np.array([1.1, 0.5, 1.9, 0.8, 1.4, 4.2, 1.6, 0.7, 1.2, 0.4, 1.0, 1.5])  # of 12 channels


def groups(count: int, words: str) -> Draw:
    """The table of group norm, for a norm that has so many groups by its nature."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        averaged("groups")(sketch, {"groups": count})
        return f"Ink: what shares one mean and deviation, {words} of one example."

    return draw


def table(
    sketch: Sketch, left: float, top: float, cell: float, rows: int, columns: int, *,
    ink: tuple[int, ...] = (), gray: tuple[int, ...] = (), column: int,
) -> None:  # fmt: skip
    """Examples by channels; of one column the rows ``ink`` and ``gray`` stand out."""
    for i in range(rows):
        for j in range(columns):
            tone = "faint"
            if j == column and i in ink:
                tone = "ink"
            elif j == column and i in gray:
                tone = "gray"
            sketch.rect(left + j * cell, top + i * cell, cell - 2, cell - 2, tone, round=1.5)


def ghost(sketch: Sketch, knobs: Knobs) -> str:
    batch, rows, columns = 256, 8, 14
    size = int(knobs["size"])
    words = 20 if sketch.large else 0
    cell = min((sketch.width - 16) / columns, (sketch.height - 8 - 2 * words) / rows)
    left = (sketch.width - columns * cell) / 2
    top = (sketch.height - rows * cell) / 2
    # A row stands for 32 examples; smaller chunks are a part of a row.
    own = max(1, min(rows, size * rows // batch))
    table(sketch, left, top, cell, rows, columns, ink=tuple(range(own)),
          gray=tuple(range(own, min(rows, 2 * own))), column=5)  # fmt: skip
    if sketch.large:
        sketch.text(left, top - 8, "channels →")
        sketch.text(left, top + rows * cell + 16, f"a row is {batch // rows} examples")
    chunks = max(1, batch // size)
    return f"A batch of {batch} in {chunks} chunks: ink shares one mean, gray the next one."


def cross_minibatch(sketch: Sketch, knobs: Knobs) -> str:
    window = int(knobs["window"])
    shown = min(window, 6)
    present = max(0, shown - 2)
    rows, columns = 2, 6
    each = (sketch.width - 16) / shown
    cell = min(each / (columns + 1), (sketch.height - 8) / (rows + 1), 22)
    top = (sketch.height - rows * cell) / 2
    for i in range(shown):
        left = 8 + i * each + (each - columns * cell) / 2
        marked = tuple(range(rows))
        if i == present:
            table(sketch, left, top, cell, rows, columns, ink=marked, column=2)
        else:
            gray = marked if i < present else ()
            table(sketch, left, top, cell, rows, columns, gray=gray, column=2)
        if sketch.large:
            word = "now" if i == present else "before" if i < present else "later"
            middle = left + columns * cell / 2
            sketch.text(middle, top + rows * cell + 20, word, anchor="middle")
    return "The present mini-batch (ink) shares its mean with those before it (gray)."


def rms(sketch: Sketch, knobs: Knobs) -> str:
    after = SIGNAL / np.sqrt(np.mean(SIGNAL**2))
    return before_and_after(sketch, after, "Each feature divided by the root mean square of all")


def local_response(sketch: Sketch, knobs: Knobs) -> str:
    size, half = int(knobs["size"]), int(knobs["size"]) // 2
    padded = np.pad(SIGNAL**2, (half, size))
    sums = np.array([padded[i : i + size].sum() for i in range(len(SIGNAL))])
    after = SIGNAL / (knobs["k"] + knobs["alpha"] / size * sums) ** knobs["beta"]
    return before_and_after(sketch, after, f"Each channel held down by {size} neighbors")


def before_and_after(sketch: Sketch, after: np.ndarray, words: str) -> str:
    top = 1.03 * max(float(SIGNAL.max()), min(float(after.max()), 8.0))
    axes = sketch.axes((-0.6, len(SIGNAL) - 0.4), (0, top), across="channel", up="value")
    axes.bars(SIGNAL, "gray", hollow=True)
    axes.bars(np.minimum(after, top), share=0.5)
    return f"{words}; outline: before."


def spectral(sketch: Sketch, knobs: Knobs) -> str:
    """What a layer of two units makes of all inputs of length 1."""
    t = np.linspace(0, 2 * np.pi, 120)
    circle = np.stack([np.cos(t), np.sin(t)])
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    plain = turn @ np.diag([2.2, 0.9]) @ circle
    middle = np.array([[sketch.width / 2], [sketch.height / 2]])
    unit = (sketch.height / 2 - 4) / 1.45
    for shape, tone, width in (
        (circle, "faint", 1.0),
        (plain, "gray", 1.25),
        (plain / 2.2, "ink", 2),
    ):
        x, y = middle + unit * shape * np.array([[1], [-1]])
        sketch.line(x, y, tone, width=width)  # type: ignore[arg-type]
    if sketch.large:
        sketch.text(sketch.width / 2 + unit * 2.1, sketch.height / 2 - unit * 0.9, "without")
    return "What a layer makes of a circle of inputs: it is never stretched; gray: without it."


def weight_norm(sketch: Sketch, knobs: Knobs) -> str:
    """One direction, several lengths; one length, several directions."""
    x, y = sketch.width * 0.34, sketch.height - 8.0
    reach = sketch.height - 18.0
    t = np.linspace(0, np.pi / 2, 60)
    for length in (0.45, 0.9):
        sketch.line(
            x + length * reach * np.cos(t), y - length * reach * np.sin(t), "faint", width=1
        )
    for angle in (0.35, 1.25):
        end = x + 0.9 * reach * np.cos(angle), y - 0.9 * reach * np.sin(angle)
        sketch.line([x, end[0]], [y, end[1]], "gray", width=1.25)
        sketch.dot(*end, 2.4 * sketch.scale, "gray")
    for length in (0.45, 0.9):
        end = x + length * reach * np.cos(0.8), y - length * reach * np.sin(0.8)
        sketch.line([x, end[0]], [y, end[1]], width=2)
        sketch.dot(*end, 3 * sketch.scale)
    if sketch.large:
        at = x + 0.95 * reach * np.cos(0.8), y - 0.95 * reach * np.sin(0.8)
        sketch.text(at[0] + 8, at[1], "length g", "ink", size=14)
        at = x + 0.95 * reach * np.cos(0.35), y - 0.95 * reach * np.sin(0.35)
        sketch.text(at[0] + 8, at[1], "direction v", size=14)
    return "Ink: the length changes; gray: the direction changes. Each has its own gradient."


def standardized(sketch: Sketch, knobs: Knobs) -> str:
    w = np.linspace(-4, 4, 240)
    axes = sketch.axes((-4, 4), (0, 0.85), across="weights of a filter", up="how many")
    for mean, deviation in ((-1.6, 0.5), (0.7, 1.5), (1.9, 0.8)):
        z = (w - mean) / deviation
        axes.line(w, np.exp(-z * z / 2) / np.sqrt(2 * np.pi) / deviation, "gray", width=1.25)
    axes.line(w, np.exp(-w * w / 2) / np.sqrt(2 * np.pi))
    return "The weights of every filter once they are standardized; gray: three filters before."


DRAWINGS: dict[str, Draw] = {
    "layer_norm": groups(1, "all channels"),
    "instance_norm": groups(16, "one channel"),
    "rms_norm": rms,
    "local_response_norm": local_response,
    "ghost_batch_norm": ghost,
    "cross_minibatch_norm": cross_minibatch,
    "spectral_norm": spectral,
    "weight_norm": weight_norm,
    "weight_standardization": standardized,
}
