"""The contract of the store about runs: attempts, fences, points, ends."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen

from tests.trainer.stores import Hands, SQLite, plan
from trainer.processes import Footprint
from trainer.queue import DEATHS, Fenced, News


class RunsContract(Hands):
    """What every backend must do with runs."""

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

    def test_the_most_memory_of_an_attempt_is_kept(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))

        def told() -> tuple[int | None, int | None]:
            (run,) = store.runs(id)
            return run.memory, run.gpu_memory

        claim = self.claim(queue)
        queue.write(claim)
        assert told() == (None, None)
        for seen, kept in [((30, None), (30, None)), ((50, 7), (50, 7)), ((40, 9), (50, 9))]:
            queue.write_all([News(claim=claim, footprint=Footprint(*seen))])
            assert told() == kept
        queue.write(claim)
        queue.finish(claim, state="stopped", footprint=Footprint(60))
        assert told() == (60, 9)
        store.launch(plan(("baseline",), (0,)))
        self.claim(queue)
        assert told() == (None, None)

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

    def test_nan_is_stored_as_null_and_read_as_nan(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        queue.write(claim, [(1, "loss", 1.5), (2, "loss", math.nan), (3, "loss", math.inf)])
        how = {"text": "the loss is not a number at step 3", "metrics": {"test_loss": math.nan}}
        with store.reads.connect() as db:
            assert "NaN" not in db.scalar(text("SELECT vals FROM points"))
        queue.finish(claim, state="diverged", steps=3, seconds=0.1, **how)
        steps, values = store.read({claim.run.id: (0, 0)}, ["loss"])[claim.run.id].series["loss"]
        assert steps == [1, 2, 3] and values[0] == 1.5
        assert math.isnan(values[1]) and math.isnan(values[2])
        (row,) = store.runs(id)
        assert row.state == "diverged" and math.isnan(row.metrics["test_loss"])
        assert row.error_text == "the loss is not a number at step 3"

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


class TestSQLite(SQLite, RunsContract):
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
