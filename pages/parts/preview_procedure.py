"""Previews of the training procedures: who learns from whom, when, and with which layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pages.parts.preview_pictures import THREE, ZERO, digit

if TYPE_CHECKING:
    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Array = np.ndarray
    Knobs = dict[str, float]

# What a trained network says to a picture of a three: a little of an 8, a 9, a 5.
LOGITS = np.array([-3.0, -2.0, 1.0, 9.0, -4.0, 4.0, -5.0, 0.0, 6.0, 3.0])
TRUE = int(LOGITS.argmax())


def soft(logits: Array, temperature: float) -> Array:
    """``softmax(logits / T)``."""
    p = np.exp((logits - logits.max()) / temperature)
    return p / p.sum()


def targets(sketch: Sketch, target: Array) -> None:
    axes = sketch.axes((-0.6, 9.6), (0, 1.02), across="class", up="target")
    axes.bars(np.eye(10)[TRUE], "gray", hollow=True)
    axes.bars(target)


def distillation(sketch: Sketch, knobs: Knobs) -> str:
    targets(sketch, soft(LOGITS, knobs["T"]))
    return f"A teacher's answer to a three at T = {knobs['T']:.3g}; outline: the label."


def self_distillation(sketch: Sketch, knobs: Knobs) -> str:
    alpha = knobs["alpha"]
    targets(sketch, (1 - alpha) * np.eye(10)[TRUE] + alpha * soft(LOGITS, 3.0))
    return f"{100 * alpha:.0f} % of the target is the former network's answer; outline: the label."


def mean_teacher(sketch: Sketch, knobs: Knobs) -> str:
    """A student's answer that jumps about, pulled towards its average."""
    steps, dice = 220, np.random.default_rng(7)
    pull = min(0.9, 0.25 * knobs["weight"])
    student, teacher = [0.15], [0.15]
    for k in range(steps):
        goal = 0.2 + 0.62 * (1 - np.exp(-k / 60))
        move = 0.12 * dice.standard_normal() + 0.15 * (goal - student[-1])
        student.append(student[-1] + move + pull * (teacher[-1] - student[-1]))
        teacher.append(knobs["decay"] * teacher[-1] + (1 - knobs["decay"]) * student[-1])
    axes = sketch.axes((0, steps), (-0.25, 1.25), across="steps", up="answer to one image")
    axes.line(np.arange(steps + 1), student, "gray", width=1)
    axes.line(np.arange(steps + 1), teacher)
    return "The teacher, an average of the student; gray: the student, pulled towards it."


def smaller(image: Array, side: int) -> Array:
    """Area averages of a square image, of ``side`` pixels a side."""
    fine = np.kron(image, np.ones((side, side)))
    return fine.reshape(side, len(image), side, len(image)).mean((1, 3))


def progressive_resizing(sketch: Sketch, knobs: Knobs) -> str:
    count, image = 5, digit(THREE)
    words = 20 if sketch.large else 0
    side = min(sketch.height - 8 - words, (sketch.width - 16) / count / 1.15)
    gap = (sketch.width - 16 - count * side) / (count - 1)
    for i in range(count):
        now = i / (count - 1)
        part = 1.0 if now >= knobs["end"] else now / knobs["end"]
        pixels = max(1, round(8 * (knobs["start"] + (1 - knobs["start"]) * part)))
        # The picture keeps the scale of its pixels, so a smaller one is drawn smaller.
        own = side * pixels / 8
        x, y = 8 + i * (side + gap) + (side - own) / 2, (sketch.height - words - own) / 2
        sketch.pixels(smaller(image, pixels), x, y, own)
        if sketch.large:
            middle = 8 + i * (side + gap) + side / 2
            sketch.text(middle, sketch.height - 6, f"{pixels} × {pixels}", anchor="middle")
    return "What the network sees in the course of the run, at a scale of one."


LAYERS, TIMES = 8, 22


def layers(sketch: Sketch, frozen: Array, words: str) -> None:
    """Which layers train when: (LAYERS, TIMES) truths; the first layer is the lowest row."""
    space = 22 if sketch.large else 0
    across = (sketch.width - 16) / TIMES
    down = (sketch.height - 8 - 2 * space) / LAYERS
    for i in range(LAYERS):
        for k in range(TIMES):
            x, y = 8 + k * across, 4 + space + (LAYERS - 1 - i) * down
            tone = "faint" if frozen[i, k] else "ink"
            sketch.rect(x + 0.5, y + 0.5, across - 1, down - 1, tone, round=1)
    if sketch.large:
        sketch.text(8, 15, "last layer")
        sketch.text(8, sketch.height - 6, "first layer")
        sketch.text(sketch.width - 8, sketch.height - 6, words, anchor="end")


def layer_freezing(sketch: Sketch, knobs: Knobs) -> str:
    now = (np.arange(TIMES) + 0.5) / TIMES
    start = knobs["start"]
    part = np.clip((now - start) / max(1 - start, 1e-9), 0, 1)
    count = np.minimum(LAYERS - 1, (knobs["level"] * part * LAYERS).astype(int))
    layers(sketch, np.arange(LAYERS)[:, None] < count, "the run")
    return "Dark: layers that are trained, from the start of the run to its end; light: frozen."


def multi_stage(sketch: Sketch, knobs: Knobs) -> str:
    now = (np.arange(TIMES) + 0.5) / TIMES
    first = max(0, LAYERS - int(knobs["layers"]))
    second = now >= knobs["start"]
    frozen = (np.arange(LAYERS)[:, None] < first) & second
    layers(sketch, frozen, f"then the last layers on {100 * knobs['keep']:.0f} % of the data")
    return "Dark: layers that are trained: all of them, then only the last."


def adversarial_training(sketch: Sketch, knobs: Knobs) -> str:
    """A three, the change that makes it more of a zero, and both together."""
    clean = digit(THREE)
    change = knobs["epsilon"] * np.sign(digit(ZERO) - clean)
    pictures = [(clean, ""), (np.abs(change), "+"), (np.clip(clean + change, 0, 1), "=")]
    words = 20 if sketch.large else 0
    side = min(sketch.height - 8 - words, (sketch.width - 16) / 4.2)
    span = side * 1.5
    for i, (picture, sign) in enumerate(pictures):
        x = sketch.width / 2 + (i - 1) * span - side / 2
        sketch.pixels(picture, x, 4, side)
        size = 22 if sketch.large else 15
        middle = x - (span - side) / 2
        sketch.text(middle, 4 + side / 2 + size / 3, sign, size=size, anchor="middle")
    if sketch.large:
        sketch.text(
            sketch.width / 2, sketch.height - 6, f"ε = {knobs['epsilon']:g}", anchor="middle"
        )
    return f"Each pixel moves by at most {knobs['epsilon']:g} of full brightness, here to a zero."


DRAWINGS: dict[str, Draw] = {
    "distillation": distillation,
    "self_distillation": self_distillation,
    "mean_teacher": mean_teacher,
    "progressive_resizing": progressive_resizing,
    "multi_stage": multi_stage,
    "layer_freezing": layer_freezing,
    "adversarial_training": adversarial_training,
}
