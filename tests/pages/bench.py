"""A store with runs in it, without a worker: what the tests of the watching face share."""

from __future__ import annotations

import numpy as np

from pages.parts import view
from pages.parts.curves import figure
from pages.parts.reader import Reader
from pages.parts.results import results
from trainer.experiment import parse
from trainer.queue import Queue
from trainer.store import Store

GRID = [0, 10, 20, 30, 40]
ACCURACY = {"baseline": 0.70, "dropout": 0.80, "mixup": 0.70}


def plan(arms=("baseline", "dropout"), seeds=8, **more):
    tricks = {name: [{"id": name}] for name in arms if name != "baseline"}
    return parse(
        {
            "name": more.pop("name", "Which *one* wins?"),
            "metric": more.pop("metric", "test_accuracy"),
            "setup": {"steps": 40, "train_size": 320, "batch_size": 32} | more,
            "arms": [{"name": arm, "tricks": tricks.get(arm, [])} for arm in arms],
            "seeds": list(range(seeds)),
        }
    )


def points(accuracy, grid=GRID, slow=1.0):
    """The points of a run that learns from 0.1 to its accuracy, judged at ``grid``."""
    found = []
    for step in grid:
        part = step / grid[-1]
        found += [
            (step, "test_accuracy", 0.1 + (accuracy - 0.1) * part),
            (step, "test_loss", 2.3 - 1.5 * part),
            (step, "train_accuracy", 0.1 + 0.8 * part),
            (step, "train_loss", 2.3 - 2.0 * part),
            (step, "seconds", 0.1 * step * slow),
        ]
    return found


class Bench:
    """A real store, and hands that do a worker's work in it."""

    def __init__(self, home):
        self.store = Store(home)
        self.queue = Queue(self.store)
        self.noise = np.random.default_rng(0)

    def launch(self, experiment) -> str:
        self.id = self.store.launch(experiment)
        return self.id

    def claim(self):
        return self.queue.claim("bench", "auto", "cpu")

    def train(self, claim, *, accuracy=None, grid=GRID, **end):
        """Train a claimed run to its end."""
        known = ACCURACY.get(claim.run.arm.name, 0.7) + 0.01 * self.noise.standard_normal()
        accuracy = known if accuracy is None else accuracy
        metrics = {"test_accuracy": accuracy, "test_loss": 1 - accuracy}
        how = {"state": "done", "steps": 40, "seconds": 4.0, "metrics": metrics} | end
        self.queue.finish(claim, points(accuracy, grid), **how)

    def train_all(self):
        while claim := self.claim():
            self.train(claim)

    def reader(self, worker=("ready", None)):
        return Reader(self.store, self.store.experiment(self.id), lambda: worker)

    def look(self, worker=("ready", None)):
        return self.reader(worker).look()


def curves(look, **settings):
    """The figure's data, and its charts by name, with the grids put in."""
    shown = view.View(**settings)
    data = figure(look, results(look), shown)
    for chart in data["charts"]:
        for one in chart["lines"]:
            one["x"] = data["grids"][one["x"]]
    return data, {chart["id"]: chart for chart in data["charts"]}
