"""What the tests of the store share: a plan, hands that do a worker's work, and the backends."""

from __future__ import annotations

import pytest

from trainer.experiment import parse
from trainer.queue import Queue
from trainer.store import Store


def plan(arms=("baseline", "dropped"), seeds=(0, 1), name="A plan", **setup):
    tricks = {"dropped": [{"id": "dropout"}], "smooth": [{"id": "label_smoothing"}]}
    return parse(
        {
            "name": name,
            "setup": {"steps": 20} | setup,
            "arms": [{"name": arm, "tricks": tricks.get(arm, [])} for arm in arms],
            "seeds": list(seeds),
        }
    )


class Hands:
    """What a worker does, for a subclass that gives ``store``."""

    @pytest.fixture
    def queue(self, store):
        return Queue(store)

    def claim(self, queue):
        return queue.claim("w", "auto", "cpu")

    def train(self, queue, **how):
        claim = self.claim(queue)
        queue.write(claim, [(1, "loss", 2.0), (1, "lr", 0.1)])
        end = {"state": "done", "steps": 20, "seconds": 0.5, "metrics": {"test_accuracy": 0.5}}
        queue.finish(claim, [(2, "loss", 1.0)], **end | how)
        return claim


class SQLite:
    """The backend there is."""

    @pytest.fixture
    def store(self, home):
        store = Store(home)
        yield store
        store.close()
