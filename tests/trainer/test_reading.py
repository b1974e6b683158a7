"""How points are kept and read: an ended run in one row for each key, whoever had read how much."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.event import listen

from tests.trainer.stores import Hands, SQLite, plan
from trainer import queue as queue_module
from trainer.schema import curves, points


def rows(store, table):
    with store.reads.connect() as db:
        return db.scalar(select(func.count()).select_from(table))


class TestReading(Hands, SQLite):
    def begun(self, store, queue):
        """A run with three batches in the store, one of them without its second key."""
        store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        queue.write(claim, [(1, "loss", 2.0), (1, "lr", 0.1), (2, "loss", 1.5)])
        queue.write(claim, [(3, "loss", 1.2)])
        queue.write(claim, [(4, "loss", math.nan), (4, "lr", 0.2)])
        return claim

    @pytest.mark.parametrize("state", ["done", "diverged"])
    def test_an_ended_run_is_one_row_for_each_key(self, store, queue, state):
        claim = self.begun(store, queue)
        before = rows(store, points)
        queue.finish(claim, [(5, "loss", 1.0)], state=state)
        assert before == 5 and rows(store, points) == 0 and rows(store, curves) == 2
        found = store.read({claim.run.id: (0, 0)}, ["loss", "lr", "other"])[claim.run.id].series
        assert found["lr"] == ([1, 4], [0.1, 0.2])
        steps, values = found["loss"]
        assert steps == [1, 2, 3, 4, 5]
        np.testing.assert_array_equal(values, [2.0, 1.5, 1.2, math.nan, 1.0])

    @pytest.mark.parametrize("state", ["failed", "stopped"])
    def test_a_run_that_may_start_again_stays_as_it_is(self, store, queue, state):
        claim = self.begun(store, queue)
        store.stop_run(claim.run.id)
        queue.finish(claim, state=state)
        assert rows(store, points) == 5 and rows(store, curves) == 0

    @pytest.mark.parametrize(
        ("seen", "rest"),
        [
            (0, {"loss": [1, 2, 3, 4, 5], "lr": [1, 4]}),
            (1, {"loss": [3, 4, 5], "lr": [4]}),
            (2, {"loss": [4, 5], "lr": [4]}),
            (3, {"loss": [5]}),
        ],
    )
    def test_a_reader_gets_the_rest_however_far_it_was(self, store, queue, seen, rest):
        claim = self.begun(store, queue)
        queue.finish(claim, [(5, "loss", 1.0)], state="done")
        id = claim.run.id
        news = store.read({id: (claim.attempt, seen)}, ["loss", "lr"])[id]
        assert {key: steps for key, (steps, _) in news.series.items()} == rest
        assert store.read({id: (news.attempt, news.seq)}, ["loss", "lr"]) == {}

    def test_runs_of_an_older_store_are_read_as_before(self, store, queue, monkeypatch):
        monkeypatch.setattr(queue_module, "pack", lambda db, run_id: None)
        claim = self.begun(store, queue)
        queue.finish(claim, [(5, "loss", 1.0)], state="done")
        assert rows(store, curves) == 0
        found = store.read({claim.run.id: (0, 0)}, ["loss"])[claim.run.id].series
        assert found["loss"][0] == [1, 2, 3, 4, 5]

    def test_a_deleted_run_leaves_nothing(self, store, queue):
        id = store.launch(plan(("baseline",), (0, 1)))
        self.train(queue)
        queue.write(self.claim(queue), [(1, "loss", 2.0)])
        store.delete(id)
        assert rows(store, points) == rows(store, curves) == 0

    def test_reading_ended_runs_takes_as_many_statements_however_many_there_are(self, store, queue):
        said = []
        listen(store.reads, "before_cursor_execute", lambda *args: said.append(args[2]))
        counts = []
        for seeds in (range(2), range(20)):
            id = store.launch(plan(("baseline",), seeds))
            while claim := self.claim(queue):
                queue.write(claim, [(1, "loss", 2.0)])
                queue.finish(claim, [(2, "loss", 1.0)], state="done", steps=20)
            said.clear()
            found = store.news({row.id: (0, 0) for row in store.runs(id)}, ["loss"])
            assert len(found) == len(seeds)
            counts.append(len(said))
        assert counts[0] == counts[1]
