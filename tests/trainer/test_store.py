"""The contract of the store, as its first lines state it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen

from trainer.experiment import parse
from trainer.home import log_file
from trainer.queue import DEATHS, Fenced, Queue
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


class StoreContract:
    """What every backend of the store must do; a subclass gives ``store``."""

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

    def test_claims_come_seed_by_seed(self, store, queue):
        store.launch(plan())
        seen = [self.claim(queue).run for _ in range(4)]
        assert [(run.arm.name, run.seed) for run in seen] == [
            ("baseline", 0), ("dropped", 0), ("baseline", 1), ("dropped", 1)
        ]  # fmt: skip
        assert self.claim(queue) is None

    def test_claims_can_be_limited_to_an_experiment(self, store, queue):
        store.launch(plan(("baseline",)))
        mine = store.launch(plan(("dropped",)))
        claim = queue.claim("w", "auto", "cpu", mine)
        assert claim.run.arm.name == "dropped"

    def test_the_experiments_are_newest_first(self, store):
        ids = [store.launch(plan(name=name)) for name in ("one", "two")]
        assert [row.id for row in store.experiments()] == ids[::-1]

    def test_a_finished_run_never_changes(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.train(queue)
        before = store.runs(id)
        assert before[0].state == "done" and before[0].metrics == {"test_accuracy": 0.5}
        with pytest.raises(Fenced):
            queue.write(claim, [(3, "loss", 0.0)])
        with pytest.raises(Fenced):
            queue.finish(claim, state="failed")
        queue.died(claim.run.id, claim.attempt, "killed")
        assert store.stop(id) == 0 and store.go_on(id) == 0
        store.run_again(claim.run.id)
        store.launch(plan(("baseline",), (0,)))
        assert store.runs(id) == before
        assert store.read({claim.run.id: (0, 0)}, ["loss"])[claim.run.id].series == {
            "loss": ([1, 2], [2.0, 1.0])
        }

    def test_a_report_is_kept_and_read_only_when_asked_for(self, store, queue):
        id = store.launch(plan(("baseline",), (0, 1)))
        told = {"ece": math.nan, "layers": [{"name": "ReLU 1", "dead": 0.5}], "killed": None}
        claim = self.train(queue, report=told)
        self.train(queue)
        rows = store.runs(id)
        assert not hasattr(rows[0], "report")
        assert store.report(claim.run.id) == told | {"ece": None}
        assert list(store.reports([row.id for row in rows])) == [claim.run.id]
        assert store.report(rows[1].id) is None and store.report("nobody") is None
        seen = []
        listen(store.reads, "before_cursor_execute", lambda *args: seen.append(args[2]))
        store.runs(id)
        assert seen and not any("report" in statement for statement in seen)

    def test_a_late_attempt_is_fenced_off(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        old = self.claim(queue)
        queue.write(old, [(1, "loss", 9.0)])
        queue.died(old.run.id, old.attempt, "killed")
        new = self.claim(queue)
        assert new.attempt == old.attempt + 1
        queue.write(new, [(1, "loss", 1.0)])
        with pytest.raises(Fenced):
            queue.write(old, [(2, "loss", 9.0)])
        with pytest.raises(Fenced):
            queue.begin(old, 1, 1.0)
        found = store.read({old.run.id: (0, 0)}, ["loss"])[old.run.id]
        assert (found.attempt, found.series) == (2, {"loss": ([1], [1.0])})
        assert store.runs(id)[0].step == 1

    def test_a_deleted_run_is_fenced_off_even_when_launched_anew(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        old = self.claim(queue)
        assert store.delete(id) == 1
        with pytest.raises(Fenced):
            queue.write(old)
        store.launch(plan(("baseline",), (0,)))
        new = self.claim(queue)
        assert new.attempt > old.attempt
        with pytest.raises(Fenced):
            queue.write(old)

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

    def test_deleting_takes_points_and_log(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.train(queue)
        log = log_file(store.home, claim.run.id)
        log.write_text("a line")
        store.delete(id)
        assert not log.exists()
        assert store.read({claim.run.id: (0, 0)}, ["loss"]) == {}

    def test_nan_is_stored_as_null_and_read_as_nan(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        queue.write(claim, [(1, "loss", 1.5), (2, "loss", math.nan), (3, "loss", math.inf)])
        how = {"text": "the loss is not a number at step 3", "metrics": {"test_loss": math.nan}}
        queue.finish(claim, state="diverged", steps=3, seconds=0.1, **how)
        steps, values = store.read({claim.run.id: (0, 0)}, ["loss"])[claim.run.id].series["loss"]
        assert steps == [1, 2, 3] and values[0] == 1.5
        assert math.isnan(values[1]) and math.isnan(values[2])
        (row,) = store.runs(id)
        assert row.state == "diverged" and math.isnan(row.metrics["test_loss"])
        assert row.error_text == "the loss is not a number at step 3"
        with store.reads.connect() as db:
            assert "NaN" not in db.scalar(text("SELECT vals FROM points"))

    def test_cursors_read_only_what_is_new(self, store, queue):
        store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        id = claim.run.id
        assert store.read({id: (1, 0)}, ["loss"]) == {}
        queue.write(claim, [(0, "test_loss", 2.3), (1, "loss", 2.0), (2, "loss", 1.9)])
        first = store.read({id: (0, 0)}, ["loss", "test_loss"])[id]
        assert first.series == {"test_loss": ([0], [2.3]), "loss": ([1, 2], [2.0, 1.9])}
        cursor = {id: (first.attempt, first.seq)}
        assert store.read(cursor, ["loss"]) == {}
        queue.write(claim)  # a sign of life is no news
        assert store.read(cursor, ["loss"]) == {}
        queue.write(claim, [(3, "loss", 1.8), (3, "lr", 0.1)])
        news = store.read(cursor, ["loss"])[id]
        assert news.series == {"loss": ([3], [1.8])}
        assert (news.attempt, news.seq) == (1, first.seq + 1)

    def test_a_newer_attempt_gives_its_whole_series(self, store, queue):
        store.launch(plan(("baseline",), (0,)))
        old = self.claim(queue)
        id = old.run.id
        for step in (1, 2, 3):
            queue.write(old, [(step, "loss", 9.0)])
        cursor = {id: (1, 3)}
        queue.put_back(id, old.attempt)
        assert store.read(cursor, ["loss"]) == {}  # the old curve stays while the run waits
        new = self.claim(queue)
        emptied = store.read(cursor, ["loss"])[id]
        assert (emptied.attempt, emptied.series) == (2, {})
        queue.write(new, [(1, "loss", 1.0)])
        assert store.read(cursor, ["loss"])[id].series == {"loss": ([1], [1.0])}

    def test_more_runs_than_a_statement_may_list(self, store, queue, monkeypatch):
        monkeypatch.setattr("trainer.statements.CHUNK", 4)
        id = store.launch(plan(("baseline",), range(10)))
        for _ in range(9):
            claim = self.claim(queue)
            queue.write(claim, [(1, "loss", float(claim.run.seed))])
        found = store.read({row.id: (0, 0) for row in store.runs(id)}, ["loss"])
        assert {one.series["loss"][1][0] for one in found.values()} == set(map(float, range(9)))
        assert store.stop(id) == store.go_on(id) == store.delete(id) == 10

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

    def test_one_run_can_be_run_again(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        queue.finish(claim, state="failed", kind="data", text="mnist is not here")
        assert store.runs(id)[0].error_kind == "data"
        store.run_again(claim.run.id)
        assert store.runs(id)[0].state == "waiting"

    def test_a_run_that_dies_waits_again_and_the_fifth_time_fails(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        for death in range(1, DEATHS + 1):
            claim = self.claim(queue)
            assert claim.attempt == death
            queue.died(claim.run.id, claim.attempt, "its process was killed (SIGKILL)")
            (row,) = store.runs(id)
            assert row.state == ("waiting" if death < DEATHS else "failed")
        assert row.error_kind == "killed" and "SIGKILL" in row.error_text
        assert row.ended_at is not None

    def test_a_run_that_dies_while_it_should_stop_is_stopped(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        store.stop(id)
        queue.died(claim.run.id, claim.attempt, "killed")
        assert store.runs(id)[0].state == "stopped"

    def test_put_back_is_no_death(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        for _ in range(DEATHS + 1):
            claim = self.claim(queue)
            queue.put_back(claim.run.id, claim.attempt)
        assert store.runs(id)[0].state == "waiting"

    def test_stop_does_not_wait_for_a_process_that_is_gone(self, store, queue, monkeypatch):
        monkeypatch.setattr("trainer.queue.LEASE", -1.0)
        id = store.launch(plan(("baseline",), (0,)))
        self.claim(queue)
        store.stop(id)
        assert store.runs(id)[0].state == "stopped"

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

    def test_threads_can_share_a_store(self, store, queue):
        id = store.launch(plan(("baseline",), range(20)))
        claimed, errors = [], []

        def take():
            try:
                while claim := self.claim(queue):
                    claimed.append((claim.run.id, claim.attempt))
                    queue.write(claim, [(1, "loss", 1.0)])
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(claimed) == len(set(claimed)) == 20
        assert store.counts()[id] == {"running": 20}


CLAIMER = """
import json, sys
from trainer.queue import Queue
from trainer.store import Store
queue = Queue(Store(sys.argv[1]))
sys.stdin.readline()
seen = []
while claim := queue.claim("w", "auto", "cpu"):
    queue.write(claim, [(1, "loss", 1.0)])
    seen.append(claim.run.id)
print(json.dumps(seen))
"""


class TestSQLite(StoreContract):
    @pytest.fixture
    def store(self, home):
        store = Store(home)
        yield store
        store.close()

    def test_two_processes_never_claim_the_same_run(self, store):
        store.launch(plan(("baseline",), range(30)))
        both = [
            subprocess.Popen(
                [sys.executable, "-c", CLAIMER, str(store.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for one in both:
            one.stdin.write("go\n")
            one.stdin.flush()
        seen = [json.loads(one.communicate(timeout=60)[0]) for one in both]
        assert len(seen[0]) + len(seen[1]) == 30
        assert not set(seen[0]) & set(seen[1])
