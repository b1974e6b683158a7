"""Previews of the data tricks: what is read, in which order, what is bought, what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Array = np.ndarray
    Knobs = dict[str, float]

FILE = 60  # examples of the drawn file, of ten classes
STANDS_FOR = 1000  # examples of a real one

MIXED = np.random.default_rng(4).permutation(FILE)


def read_order(order: Callable[[Knobs], Array], words: str) -> Draw:
    """The classes of the examples as they are read, one bar each."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        of_class = np.arange(FILE) * 10 // FILE
        file = of_class if knobs.get("sorted", 0.0) else of_class[MIXED]
        axes = sketch.axes(
            (-0.6, FILE - 0.4), (0, 10.3), across="read one after the other", up="class"
        )
        axes.bars(file + 1.0, "faint", share=0.9)
        axes.bars(file[order(knobs)] + 1.0, share=0.6)
        return f"The classes of the examples as they are read, {words}; behind: the file."

    return draw


def skipped(knobs: Knobs) -> Array:
    start = 0.37 * knobs["rand_skip"] % STANDS_FOR / STANDS_FOR
    return np.roll(np.arange(FILE), -round(start * FILE))


def buffered(knobs: Knobs) -> Array:
    """What a buffer of that size hands out, the file standing for one of 1,000 examples."""
    size = max(1, round(knobs["size"] / STANDS_FOR * FILE))
    dice, waiting, read = np.random.default_rng(1), [], []
    for one in range(FILE):
        waiting.append(one)
        if len(waiting) > size:
            read.append(waiting.pop(int(dice.integers(size))))
    dice.shuffle(waiting)
    return np.array(read + waiting)


def cloud(correlation: float, count: int = 90) -> Array:
    """Points of two correlated inputs, (count, 2), mean 0 and deviation 1."""
    z = np.random.default_rng(2).standard_normal((count, 2))
    z = (z - z.mean(0)) / z.std(0)
    return np.column_stack([z[:, 0], correlation * z[:, 0] + np.sqrt(1 - correlation**2) * z[:, 1]])


def clouds(sketch: Sketch, raw: Array, own: Array) -> None:
    """Inputs before and after, around the crossing of the axes; the scale is the same both ways."""
    wide = 3.4 * sketch.width / sketch.height
    axes = sketch.axes((-wide, wide), (-3.4, 3.4), zero=True)
    axes.dots(*raw.T, "gray", r=1.1)
    axes.dots(*own.T, r=1.3)


def zero_center_norm(sketch: Sketch, knobs: Knobs) -> str:
    centered = cloud(0.5) * [1.9, 0.45]
    own = centered / centered.std(0) if knobs["divide"] else centered
    clouds(sketch, centered * 0.8 + [-0.62 * 3.4 * sketch.width / sketch.height, 1.4], own)
    return "Two inputs around zero" + (
        ", with deviation 1; gray: as they come." if knobs["divide"] else "; gray: as they come."
    )


def pca_whitening(sketch: Sketch, knobs: Knobs) -> str:
    raw = cloud(0.93) * [1.6, 1.1]
    variance, directions = np.linalg.eigh(np.cov(raw.T))
    own = raw @ directions / np.sqrt(variance + knobs["epsilon"])
    clouds(sketch, raw, own)
    return "Two inputs without correlation, with variance one; gray: as they come."


def label_cleaning(sketch: Sketch, knobs: Knobs) -> str:
    """A column is an example, a row a model; what enough models contradict is framed."""
    models, columns = int(knobs["models"]), 15
    luck = np.random.default_rng(11)
    wrong = np.arange(columns) % 4 == 1
    against = luck.random((10, columns)) < np.where(wrong, 0.85, 0.12)
    words = 20 if sketch.large else 0
    across, down = (sketch.width - 16) / columns, (sketch.height - 8 - 2 * words) / models
    r = min(across, down) * 0.3
    for column in range(columns):
        x = 8 + (column + 0.5) * across
        votes = against[:models, column]
        for row, vote in enumerate(votes):
            sketch.dot(x, 4 + words + (row + 0.5) * down, r, "ink" if vote else "faint")
        if votes.sum() >= knobs["agree"]:
            left = x - across * 0.44
            sketch.rect(left, 3 + words, across * 0.88, models * down + 2, round=3, hollow=True)
    if sketch.large:
        sketch.text(8, 15, "a row is a model, a column an example")
    count = int((against[:models].sum(0) >= knobs["agree"]).sum())
    return f"Dark: a model contradicts the label; framed: the {count} that are cleaned."


def confident_learning(sketch: Sketch, knobs: Knobs) -> str:
    """The folds, one of them judged by a network trained on the rest, and the joint it fills."""
    folds, size = int(knobs["folds"]), 6
    noise = np.random.default_rng(3).random((size, size)) ** 3
    words = 20 if sketch.large else 0
    side = sketch.height - 8 - 2 * words
    cell = side / size
    left = sketch.width - 16 - side
    for i in range(size):
        for j in range(size):
            at = left + j * cell + 1, 4 + words + i * cell + 1
            tone = "gray" if i == j else "ink"
            sketch.rect(*at, cell - 2, cell - 2, "faint", round=1)
            shown = 0.55 if i == j else noise[i, j]
            sketch.rect(*at, cell - 2, cell - 2, tone, opacity=float(shown), round=1)
    wide = left - 24
    high = side / folds
    for fold in range(folds):
        tone = "ink" if fold == folds // 2 else "gray"
        top = 4 + words + fold * high
        sketch.rect(8, top + 0.1 * high, wide, 0.8 * high, tone, round=2, hollow=tone == "gray")
    if sketch.large:
        sketch.text(8, 15, f"{folds} folds, one is judged")
        sketch.text(sketch.width - 16, 15, "given label → true label", anchor="end")
    return "Each fold is judged by the rest; off the diagonal stand the labels that are wrong."


def more_data(sketch: Sketch, knobs: Knobs) -> str:
    """All images of a data set: those at hand, those that are bought, those left."""
    have, rows = 12, 8 if sketch.large else 5
    columns = 30 if sketch.large else 48
    step = min((sketch.width - 16) / columns, (sketch.height - 8) / rows)
    left, top = (sketch.width - columns * step) / 2, (sketch.height - rows * step) / 2
    for i in range(rows * columns):
        x, y = left + (i // rows + 0.5) * step, top + (i % rows + 0.5) * step
        tone = "gray" if i < have else "ink" if i < have * knobs["times"] else "faint"
        sketch.dot(x, y, step * 0.34, tone)
    return f"{knobs['times']:g} times as many examples; gray: those of the other arms."


def farthest(x: Array, have: Array, count: int) -> list[int]:
    """k-center greedy: each time the point farthest from all that is there."""
    far = np.linalg.norm(x[:, None] - have[None], axis=-1).min(1)
    chosen: list[int] = []
    for _ in range(min(count, len(x))):
        chosen.append(int(far.argmax()))
        far = np.minimum(far, np.linalg.norm(x - x[chosen[-1]], axis=-1))
        far[chosen] = -1
    return chosen


def variety(sketch: Sketch, knobs: Knobs) -> str:
    dice = np.random.default_rng(6)
    have = dice.normal([0.3, 0.5], [0.06, 0.12], (8, 2))
    pool = np.clip(dice.normal([0.55, 0.5], [0.2, 0.22], (76, 2)), 0.02, 0.98)
    axes = sketch.axes((0, 1), (0, 1), floor=False)
    axes.dots(*pool.T, "faint", r=2.0)
    axes.dots(*have.T, "gray", r=2.4)
    count = round((knobs["times"] - 1) * len(have))
    axes.dots(*pool[farthest(pool, have, count)].T, r=2.4)
    return "Dark: the images that are bought, each as far as can be from all others; gray: at hand."


def active_selection(sketch: Sketch, knobs: Knobs) -> str:
    dice = np.random.default_rng(8)
    pool = dice.random((100, 2))
    unsure = np.abs(pool[:, 0] - 0.5 - 0.18 * np.sin(5 * pool[:, 1]))
    order = dice.permutation(100) if knobs["random"] else unsure.argsort()
    axes = sketch.axes((0, 1), (0, 1), floor=False)
    t = np.linspace(0, 1, 40)
    axes.line(0.5 + 0.18 * np.sin(5 * t), t, "gray", width=1, dash="4 4")
    axes.dots(*pool.T, "faint", r=2.0)
    axes.dots(*pool[order[: round(10 * knobs["share"])]].T, r=2.4)
    where = "at random" if knobs["random"] else "where the network is unsure, near its border"
    return f"Dark: the images whose labels are bought, {where}."


def pseudo_label(sketch: Sketch, knobs: Knobs) -> str:
    count = max(1, round(6 * knobs["ratio"]))
    sure = np.sort(1 - 0.9 * np.random.default_rng(9).random(count) ** 2.6)[::-1]
    tau = knobs["tau"]
    axes = sketch.axes((-0.6, count - 0.4), (0, 1.04), across="unlabeled images", up="surest class")
    axes.bars(np.where(sure > tau, sure, 0.0))
    axes.bars(np.where(sure > tau, 0.0, sure), "gray", hollow=True)
    axes.line([-0.6, count - 0.4], [tau, tau], "gray", width=1, dash="4 4")
    return f"Dark: what the network is surer of than {tau:g} becomes a label."


def selective_backprop(sketch: Sketch, knobs: Knobs) -> str:
    rank = np.linspace(0, 1, 101)
    axes = sketch.axes(
        (0, 1), (0, 1.04), across="loss, from the smallest to the largest", up="kept"
    )
    axes.line(rank, np.ones_like(rank), "gray", width=1.25)
    axes.line(rank, rank ** knobs["beta"])
    return "The chance that an example is learned from, by the rank of its loss; gray: plain."


def rho_loss(sketch: Sketch, knobs: Knobs) -> str:
    dice = np.random.default_rng(12)
    helper = np.concatenate([0.12 + 0.25 * dice.random(26), 0.65 + 0.3 * dice.random(8)])
    loss = np.clip(np.concatenate([0.95 * dice.random(26), 0.6 + 0.35 * dice.random(8)]), 0.03, 1)
    kept = (helper - loss).argsort()[: max(1, round(knobs["keep"] * len(loss)))]
    words = {"across": "loss of the helper, which cannot go away", "up": "loss now"}
    axes = sketch.axes((0, 1), (0, 1.04), **words)
    axes.line([0, 1], [0, 1], "gray", width=1, dash="4 4")
    axes.dots(helper, loss, "faint", r=2.4)
    axes.dots(helper[kept], loss[kept], r=2.4)
    return "Dark: the examples with the most loss that can still go away; far right: wrong labels."


def paced(sketch: Sketch, start: float, final: float, end: float) -> None:
    """The share of examples in use over the run, those in use below the line."""
    t = np.linspace(0, 1, 41)
    share = np.where(t >= end, final, start + (final - start) * t / max(end, 1e-9))
    axes = sketch.axes(
        (0, 1), (0, 1.04), across="the run", up="examples in use, the easy ones first"
    )
    axes.line(t, np.ones_like(t), "gray", width=1.25)
    for at, value in zip(t[:-1], share[:-1], strict=True):
        x, top = axes.along(at), axes.across(value)
        sketch.rect(x, top, axes.along(at + 0.025) - x + 0.3, axes.bottom - top, opacity=0.12)
    axes.line(t, share)


def curriculum(sketch: Sketch, knobs: Knobs) -> str:
    paced(sketch, knobs["start"], 1.0, knobs["end"])
    return f"It begins with the easiest {100 * knobs['start']:.0f} % and lets in the rest."


def self_paced(sketch: Sketch, knobs: Knobs) -> str:
    paced(sketch, knobs["start"], knobs["final"], knobs["end"])
    return f"At the end {100 * knobs['final']:.0f} % of the examples are in; gray: all of them."


def shuffled(knobs: Knobs) -> Array:
    return np.random.default_rng(1).permutation(FILE)


def as_it_is(knobs: Knobs) -> Array:
    return np.arange(FILE)


def shuffle(sketch: Sketch, knobs: Knobs) -> str:
    return read_order(shuffled, "in a new random order")(sketch, {"sorted": 1.0})


DRAWINGS: dict[str, Draw] = {
    "zero_center_norm": zero_center_norm,
    "pca_whitening": pca_whitening,
    "label_cleaning_ensemble": label_cleaning,
    "confident_learning": confident_learning,
    "more_data": more_data,
    "variety": variety,
    "active_selection": active_selection,
    "pseudo_label": pseudo_label,
    "shuffle": shuffle,
    "shuffle_buffer": read_order(buffered, "from a buffer"),
    "sequential": read_order(as_it_is, "from front to back"),
    "rand_skip": read_order(skipped, "from a random place on"),
    "selective_backprop": selective_backprop,
    "rho_loss": rho_loss,
    "curriculum": curriculum,
    "self_paced": self_paced,
}
