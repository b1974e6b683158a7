"""An experiment trained by hand, for what is taken away of it."""

from __future__ import annotations

import math

import numpy as np

from trainer.experiment import parse
from trainer.queue import Queue

GRID = (0, 10, 20, 30, 40)


MADE = {
    "trickboard": "0.1.0", "engine": 1, "torch": "2.14.1", "torchvision": "0.29.1",
    "numpy": "2.3.0", "python": "3.11.4", "system": "Linux", "device": "cpu",
    "processor": "Abacus 9", "threads": 1,
}  # fmt: skip


def plan(seeds=8, **more):
    """A baseline, an arm that is better, and one of which two runs diverge."""
    arms = [
        {"name": "baseline", "tricks": []},
        {"name": "mixup, a/b", "tricks": [{"id": "mixup"}]},
        {"name": "<b>AUX</b>", "tricks": [{"id": "one_cycle"}, {"id": "label_smoothing"}]},
    ]
    return {
        "name": "Which *one* <wins>?",
        "setup": {"steps": 40, "train_size": 320, "batch_size": 32, "device": "cpu"},
        "arms": arms,
        "seeds": list(range(seeds)),
    } | more


def points(accuracy, seed, grid=GRID):
    """Points as a run has them: some of every step, some of every evaluation."""
    rng = np.random.default_rng(seed)
    found = [(step, "loss", float(rng.random())) for step in range(1, grid[-1] + 1)]
    found += [(step, "lr", 0.1) for step in range(1, grid[-1] + 1)]
    for step in grid:
        part = step / grid[-1]
        found += [
            (step, "test_accuracy", 0.1 + (accuracy - 0.1) * part),
            (step, "test_loss", 2.3 - part + float(rng.random()) / 7),
            (step, "ece", math.nan if step == 0 else part / 3),
            (step, "seconds", 0.1 * step),
        ]
    return found


def next_run(store, queue):
    """The next run; when all trials are done, the first of those that are compared."""
    claim = queue.claim("bench", "cpu", "cpu")
    return claim or (queue.claim("bench", "cpu", "cpu") if store.settle() else None)


def train(store, data, *, lost=2, grid=GRID, report=None, made=MADE):
    """Launch an experiment and train it by hand; gives its id.

    ``report`` gives what a run tells of itself, beside what it was ``made`` with.
    """
    id = store.launch(parse(data))
    queue = Queue(store)
    while claim := next_run(store, queue):
        tricks, seed = len(claim.run.arm.tricks), claim.run.seed
        if tricks == 2 and seed < lost:
            text = "the loss is not a number at step 7"
            queue.finish(
                claim,
                points(0.1, seed, (0, 7)),
                state="diverged",
                steps=7,
                text=text,
                report={"made_with": made},
            )
            continue
        accuracy = 0.7 + 0.1 * (tricks == 1) + 0.01 * math.sin(7 * seed + tricks)
        metrics = {"test_accuracy": accuracy, "test_loss": 1 - accuracy}
        end = {"steps": grid[-1], "seconds": 4.0, "metrics": metrics}
        end["report"] = (report(claim.run) if report else {}) | {"made_with": made}
        queue.finish(claim, points(accuracy, seed + 100 * tricks, grid), state="done", **end)
    return id
