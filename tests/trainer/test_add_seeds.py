"""Seeds that are added to an experiment after somebody has looked at it."""

from __future__ import annotations

import pytest

from tests.trainer.stores import Hands, SQLite, plan
from tests.trainer.test_tuning import tuned_plan
from trainer.experiment import MOST_RUNS
from trainer.results import looked, took


class SeedsContract(Hands):
    """What every backend must do."""

    def test_the_next_unused_seeds_are_appended_and_the_old_runs_stay(self, store, queue):
        id = store.launch(plan(seeds=(1, 4)))
        for _ in range(4):
            self.train(queue)
        before = store.runs(id)
        assert store.add_seeds(id, 3) == 6
        row = store.experiment(id)
        assert row.experiment.seeds == (1, 4, 0, 2, 3) and row.added == (2,)
        runs = store.runs(id)
        assert [one for one in runs if one.seed in (1, 4)] == before
        assert [one.seed for one in runs] == [1, 4, 0, 2, 3] * 2
        assert store.counts() == {id: {"done": 4, "waiting": 6}}
        claimed = [self.claim(queue).run for _ in range(6)]
        assert [(run.arm.name, run.seed) for run in claimed[:3]] == [
            ("baseline", 0), ("dropped", 0), ("baseline", 2)
        ]  # fmt: skip

    def test_it_is_known_how_often_somebody_had_looked(self, store):
        id = store.launch(plan(seeds=range(6)))
        assert looked(store.experiment(id)) == ""
        store.add_seeds(id, 6)
        assert looked(store.experiment(id)).startswith(
            "Seeds were added once after looking (at 6): p values and intervals assume"
        )
        store.add_seeds(id, 2)
        assert "added 2 times after looking (at 6, then 12)" in looked(store.experiment(id))

    def test_runs_of_other_experiments_are_shared(self, store, queue):
        store.launch(plan(seeds=range(3)))
        while self.claim(queue):
            pass
        id = store.launch(plan(seeds=(0, 1)))
        assert store.add_seeds(id, 2) == 2  # seed 3 of both arms; seed 2 is under way
        assert store.counts()[id] == {"running": 6, "waiting": 2}

    def test_arms_of_the_same_content_share_their_new_runs(self, store):
        id = store.launch(plan(("baseline", "again"), (0,)))
        assert store.add_seeds(id, 2) == 2
        assert len(store.runs(id)) == 6

    def test_too_many_or_none_are_refused_and_nothing_changes(self, store):
        id = store.launch(plan())
        before = store.experiment(id), store.runs(id)
        with pytest.raises(ValueError, match="10,000 runs"):
            store.add_seeds(id, MOST_RUNS)
        with pytest.raises(ValueError, match="at least one"):
            store.add_seeds(id, 0)
        with pytest.raises(ValueError, match="no experiment"):
            store.add_seeds("nobody", 1)
        assert (store.experiment(id), store.runs(id)) == before

    def test_not_while_rates_are_looked_for(self, store):
        id = store.launch(tuned_plan())
        with pytest.raises(ValueError, match="still looked for"):
            store.add_seeds(id, 1)

    def test_a_tuned_experiment_keeps_its_rates(self, store, queue):
        id = store.launch(tuned_plan(("baseline",), (0,), scales=(1.0, 2.0), tries=1))
        for accuracy in (0.5, 0.9):
            self.train(queue, metrics={"test_accuracy": accuracy})
        store.settle()
        assert store.add_seeds(id, 1) == 1
        assert [self.claim(queue).run.arm.lr_scale for _ in range(2)] == [2.0, 2.0]
        assert store.experiment(id).tuned == {"baseline": 2.0}

    def test_an_arm_that_was_changed_since_is_refused(self, store, monkeypatch):
        id = store.launch(plan())
        monkeypatch.setattr("trainer.experiment.ENGINE", 99)  # as an edited trick would
        with pytest.raises(ValueError, match="baseline was changed since it was trained"):
            store.add_seeds(id, 1)
        assert store.experiment(id).added == () and len(store.runs(id)) == 4

    def test_what_it_took_is_what_was_new_at_the_launch(self, store, queue, monkeypatch):
        clock = [1000.0]
        monkeypatch.setattr("time.time", lambda: clock[0])
        store.launch(plan(("baseline",), (0,)))
        self.run_for(queue, clock, 50.0)
        clock[0] += 100
        id = store.launch(plan(("baseline",), (0, 1, 2)), estimate=20.0)
        assert took(store.experiment(id), store.runs(id)) is None
        self.run_for(queue, clock, 8.0)
        clock[0] += 600  # it was stopped meanwhile, and nobody worked on it
        self.run_for(queue, clock, 9.0)
        row = store.experiment(id)
        assert row.estimate == 20.0 and took(row, store.runs(id)) == pytest.approx(17.0)
        store.add_seeds(id, 1)
        self.run_for(queue, clock, 400.0)
        assert took(store.experiment(id), store.runs(id)) == pytest.approx(17.0)

    def run_for(self, queue, clock, seconds):
        claim = self.claim(queue)
        clock[0] += seconds
        queue.finish(claim, state="done", steps=20, seconds=0.9 * seconds, metrics={"a": 1.0})


class TestSQLite(SQLite, SeedsContract):
    """Nothing of its own."""
