"""The contract of the store, as its first lines state it: experiments, wishes, the worker."""

from __future__ import annotations

import time

import pytest

from tests.trainer.stores import Hands, SQLite
from tests.trainer.stores import plan as plan
from trainer.home import log_file


class StoreContract(Hands):
    """What every backend must do with experiments."""

    def test_launch_queues_the_runs_arm_by_arm(self, store):
        id = store.launch(plan())
        rows = store.runs(id)
        assert [(row.arm_name, row.seed) for row in rows] == [
            ("baseline", 0), ("baseline", 1), ("dropped", 0), ("dropped", 1)
        ]  # fmt: skip
        assert {row.state for row in rows} == {"waiting"}
        assert [row.steps for row in rows] == [20] * 4
        assert store.counts() == {id: {"waiting": 4}}
        assert store.experiment(id).experiment == plan()
        assert len(id) == 8 and int(id, 16) >= 0

    def test_the_experiments_are_newest_first(self, store):
        ids = [store.launch(plan(name=name)) for name in ("one", "two")]
        assert [row.id for row in store.experiments()] == ids[::-1]

    def test_experiments_share_runs(self, store, queue):
        first = store.launch(plan(("baseline", "dropped"), (0, 1)))
        self.train(queue)
        other = plan(("baseline", "smooth"), (0, 1))
        assert set(store.known(other).values()) == {"done", "waiting"}
        second = store.launch(other)
        assert store.counts()[second] == {"done": 1, "waiting": 3}
        assert store.delete(first) == 2  # the dropped ones
        assert store.counts() == {second: {"done": 1, "waiting": 3}}
        assert store.delete(second) == 4
        assert store.experiments() == [] and store.runs(second) == []

    def test_arms_of_the_same_content_share_their_runs(self, store, queue):
        id = store.launch(plan(("baseline", "again"), (0, 1)))
        rows = store.runs(id)
        assert len(rows) == 4 and len({row.id for row in rows}) == 2
        self.train(queue)
        self.train(queue)
        assert self.claim(queue) is None
        assert store.counts()[id] == {"done": 4}

    def test_the_worker_is_wanted_while_runs_wait_or_are_trained(self, store, queue):
        queue.enter("w", pid=1, created=0.0, slots=2)
        assert not store.worker().wanted
        id = store.launch(plan(("baseline",), (0,)))
        assert store.worker().wanted, "it waits"
        claim = self.claim(queue)
        assert store.worker().wanted, "it is trained"
        queue.finish(claim, state="done", steps=20, seconds=1.0)
        assert not store.worker().wanted
        store.delete(id)

    def test_deleting_takes_points_and_log(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.train(queue)
        log = log_file(store.home, claim.run.id)
        log.write_text("a line")
        store.delete(id)
        assert not log.exists()
        assert store.read({claim.run.id: (0, 0)}, ["loss"]) == {}

    def test_stop_ends_waiting_runs_and_tells_running_ones(self, store, queue):
        id = store.launch(plan())
        claim = self.claim(queue)
        assert queue.write(claim, [(1, "loss", 2.0)]) == "run"
        assert store.stop(id) == 4
        assert store.counts()[id] == {"running": 1, "stopped": 3}
        assert queue.write(claim) == "stop"
        queue.finish(claim, [(2, "loss", 1.0)], state="stopped")
        assert store.counts()[id] == {"stopped": 4}
        curve = store.read({claim.run.id: (0, 0)}, ["loss"])[claim.run.id].series["loss"]
        assert curve == ([1, 2], [2.0, 1.0])
        assert store.go_on(id) == 4
        assert store.counts()[id] == {"waiting": 4}
        assert self.claim(queue).attempt == 2

    def test_some_runs_can_be_stopped(self, store):
        id = store.launch(plan())
        assert store.stop(id, [store.runs(id)[2].id]) == 1
        assert [row.state[0] for row in store.runs(id)] == ["w", "w", "s", "w"]
        assert store.stop(id, ["of another experiment"]) == 0

    def test_going_on_while_a_run_is_stopping_has_it_trained_after_all(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        store.stop(id)
        assert queue.write(claim) == "stop"  # its process ends now, but the person goes on
        assert store.go_on(id) == 1
        queue.finish(claim, state="stopped")
        assert store.counts()[id] == {"waiting": 1}

    def test_launching_again_has_stopped_and_failed_runs_wait(self, store, queue):
        id = store.launch(plan(("baseline",), (0, 1)))
        claim = self.claim(queue)
        queue.finish(claim, state="failed", kind="error", text="ValueError at step 0: no")
        store.stop(id)
        assert store.counts()[id] == {"failed": 1, "stopped": 1}
        store.launch(plan(("baseline",), (0, 1)))
        assert store.counts()[id] == {"waiting": 2}
        row = store.runs(id)[0]
        assert row.error_kind is None and row.error_text is None

    def test_rename(self, store):
        id = store.launch(plan())
        store.rename(id, " Another name ")
        assert store.experiment(id).name == store.experiment(id).experiment.name == "Another name"
        with pytest.raises(ValueError, match="1 to 80"):
            store.rename(id, " ")

    def test_step_seconds_are_the_median_of_finished_runs_or_a_trial(self, store, queue):
        setup = plan().setup
        assert store.step_seconds(setup) is None
        store.ask_trial(setup)
        store.ask_trial(setup)
        kind, asked = queue.next_trial()
        assert asked == setup and store.step_seconds(setup) is None
        queue.timed(kind, 0.25)
        queue.timed(kind, None)  # changes nothing
        assert queue.next_trial() is None
        assert store.step_seconds(setup) == 0.25
        store.launch(plan(("baseline", "dropped"), range(3)))
        for seconds in (20.0, 4.0, 40.0, 6.0, 60.0, 8.0):  # baseline and dropped in turn
            self.train(queue, seconds=seconds)
        longer = plan(epochs=3, steps=None, train_size=100).setup
        assert store.step_seconds(longer, plan().arms[0]) == 2.0
        assert store.step_seconds(longer, plan().arms[1]) == 0.3
        assert store.step_seconds(longer, plan(("baseline", "smooth")).arms[1]) == 0.7
        assert store.step_seconds(plan(batch_size=64).setup) is None

    def test_the_worker_tells_of_itself(self, store, queue):
        assert store.worker() is None
        queue.enter("w", pid=7, created=1.0, slots=2)
        row = store.worker()
        assert (row.state, row.slots, row.busy, row.devices) == ("starting", 2, 0, None)
        assert row.alive
        queue.beat("w", busy=1, state="ready", devices=["auto", "cpu"])
        row = store.worker()
        assert (row.state, row.busy, row.devices) == ("ready", 1, ("auto", "cpu"))
        queue.leave("w")
        assert not store.worker().alive

    def test_the_page_is_seen(self, store, queue):
        assert queue.page_seen_at() == 0
        before = time.time()
        store.page_seen()
        store.page_seen()
        assert before <= queue.page_seen_at() <= time.time()


class TestSQLite(SQLite, StoreContract):
    """Nothing of its own."""
