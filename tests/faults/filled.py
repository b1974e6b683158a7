"""A store with thousands of finished runs, made in seconds.

    python tests/faults/filled.py HOME [EXPERIMENTS] [SEEDS]

The experiments are launched as ever; then what their processes would have written is written in
one go: a run that is done, its numbers and its packed curves.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if __name__ == "__main__":
    sys.path.pop(0)
    sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy import bindparam, insert, select, update

from trainer.experiment import parse
from trainer.schema import curves, runs
from trainer.store import Store

if TYPE_CHECKING:
    from trainer.experiment import Experiment

STEPS = 40
GRID = np.arange(0, STEPS + 1, 10)
ARMS = ("dropout", "label_smoothing", "mixup")


def plan(i: int, seeds: int) -> Experiment:
    """One of many experiments: four arms, its own learning rate, so that none shares runs."""
    tricks = [{"name": one, "tricks": [{"id": one}]} for one in ARMS]
    return parse(
        {
            "name": f"Experiment {i}",
            "setup": {"steps": STEPS, "train_size": 320, "batch_size": 32, "lr": 0.1 + 1e-6 * i},
            "arms": [{"name": "baseline", "tricks": []}, *tricks],
            "seeds": list(range(seeds)),
        }
    )


def finish(store: Store) -> int:
    """Everything that waits is done. Gives how many runs."""
    rng = np.random.default_rng(0)
    with store.writes.begin() as db:
        ids = list(db.scalars(select(runs.c.id).where(runs.c.state == "waiting")))
        accuracy = 0.7 + 0.05 * rng.standard_normal(len(ids))
        ended = update(runs).where(runs.c.id == bindparam("run"))
        ended = ended.values(
            state="done", attempt=1, seq=1, step=STEPS, seconds=1.5, metrics=bindparam("found"),
            started_at=time.time(), ended_at=time.time(), device="cpu",
        )  # fmt: skip
        found = [
            {"run": id, "found": json.dumps({"test_accuracy": a, "test_loss": 1 - a})}
            for id, a in zip(ids, accuracy.tolist(), strict=True)
        ]
        db.execute(ended, found)
        steps = GRID.astype("<i8").tobytes()
        batches = np.array([1, len(GRID)], "<i8").tobytes()
        rows = [
            {
                "run_id": id, "key": key, "steps": steps, "batches": batches,
                "vals": (0.1 + (a - 0.1) * GRID / STEPS).astype("<f8").tobytes(),
            }
            for id, a in zip(ids, accuracy.tolist(), strict=True)
            for key in ("test_accuracy", "test_loss", "train_accuracy", "train_loss", "seconds")
        ]  # fmt: skip
        db.execute(insert(curves), rows)
    return len(ids)


def fill(store: Store, experiments: int, seeds: int = 8) -> int:
    """So many experiments of four arms, all done. Gives how many runs."""
    for i in range(experiments):
        store.launch(plan(i, seeds))
    return finish(store)


if __name__ == "__main__":
    where, *numbers = sys.argv[1:]
    print(fill(Store(where), *map(int, numbers or ["313"])))
