"""Looking for each arm's learning rate: what is tried, what is chosen, what follows."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.trainer.stores import Hands, SQLite, plan
from tests.trainer.test_supervisor import NoProcesses, until
from trainer.experiment import ExperimentError, Tune, identity, parse
from trainer.launching import settle
from trainer.results import as_json, table, untunable
from trainer.supervisor import Supervisor
from trainer.tuning import Outcome, best, planned, scaled, untuned

BEST = {"baseline": 1.0, "dropped": 0.5, "smooth": 2.0}  # the scale with which each arm is best


def tuned_plan(arms=("baseline", "dropped"), seeds=(0, 1), scales=(0.5, 1.0, 2.0), tries=2, **more):
    tune = Tune(scales=scales, seeds=tries)
    return plan(arms, seeds, **more).model_copy(update={"tune": tune})


# Which scale is chosen.


@pytest.mark.parametrize(
    ("outcomes", "higher", "scale"),
    [
        ([(0.5, 0.7), (0.5, 0.9), (1.0, 0.6), (1.0, 0.8)], True, 0.5),
        ([(0.5, 0.7), (0.5, 0.9), (1.0, 0.6), (1.0, 0.8)], False, 1.0),
        ([(0.5, 0.8), (1.0, 0.8), (2.0, 0.8)], True, 1.0),  # a tie: the nearest to 1
        ([(0.25, 0.8), (2.0, 0.8)], True, 2.0),
        ([(0.5, 0.8), (2.0, 0.8)], True, 0.5),  # as near: the smaller
        ([(0.5, 0.2), (0.5, 0.2), (1.0, 0.9), (1.0, None)], True, 0.5),  # lost is worst
        ([(0.5, 0.2), (1.0, float("nan"))], False, 0.5),
        ([(0.5, None), (2.0, None)], True, 1.0),  # nothing was learned
    ],
)
def test_the_best_mean_is_chosen(outcomes, higher, scale):
    assert best([Outcome(*one) for one in outcomes], higher_is_better=higher) == scale


def test_trials_are_runs_on_seeds_of_their_own():
    experiment = tuned_plan(seeds=(0, 1_000_000))
    tried = planned(experiment)
    assert [one.run.seed for one in tried[::6]] == [1_000_001, 1_000_002]
    assert [(one.arm, one.scale) for one in tried[:4]] == [(0, 0.5), (1, 0.5), (0, 1.0), (1, 1.0)]
    assert [one.run.arm.lr_scale for one in tried[:3]] == [0.5, 0.5, 1.0]
    assert tried[2].run.id == identity(experiment.setup, experiment.arms[0], 1_000_001)
    assert planned(plan()) == []


def test_what_is_looked_for_cannot_be_given():
    given = scaled(tuned_plan(), {"dropped": 4.0})
    assert [arm.lr_scale for arm in given.arms] == [1.0, 4.0]
    assert untuned(given) == tuned_plan()
    kept = scaled(plan(), {"dropped": 4.0})
    assert untuned(kept) == kept


def test_a_scale_twice_and_too_many_trials_are_refused():
    data = tuned_plan().dump()
    with pytest.raises(ExperimentError, match=r"tune.scales\[2\] = 1.0: every scale may be given"):
        parse(data | {"tune": {"scales": [1.0, 2.0, 1.0], "seeds": 1}})
    with pytest.raises(ExperimentError, match="20 scales x 100 seeds are 12,000 runs"):
        many = {"arms": [{"name": str(i)} for i in range(6)], "seeds": [0]}
        parse(data | many | {"tune": {"scales": [1 + i for i in range(20)], "seeds": 100}})


# In the store.


class TuningContract(Hands):
    """What every backend must do for an experiment that asks for tuning."""

    def take(self, queue, **how):
        """Train the next run: an arm is the better the nearer its scale is to its best one."""
        claim = self.claim(queue)
        if claim is None:
            return None
        off = abs(claim.run.arm.lr_scale - BEST[claim.run.arm.name])
        end = {"state": "done", "steps": 20, "seconds": 0.5}
        queue.finish(claim, **end | {"metrics": {"test_accuracy": 0.9 - 0.1 * off}} | how)
        return claim

    def all_trials(self, store, queue, id):
        for _ in store.trials(id):
            self.take(queue)

    def test_first_only_the_trials_are_queued(self, store):
        id = store.launch(scaled(tuned_plan(), {"baseline": 4.0}))
        assert store.runs(id) == [] and store.counts() == {id: {"waiting": 12}}
        rows = store.trials(id)
        assert [(one.arm_name, one.scale) for one in rows[:4]] == [
            ("baseline", 0.5), ("baseline", 1.0), ("baseline", 2.0), ("baseline", 0.5)
        ]  # fmt: skip
        assert [one.seed for one in rows[:4]] == [1_000_000] * 3 + [1_000_001]
        assert store.run_ids(id) == {one.run.id for one in rows}
        row = store.experiment(id)
        assert row.tuning and row.tuned is None and row.experiment == tuned_plan()
        assert store.settle() == []

    def test_the_best_scales_are_written_and_the_compared_runs_queued_once(self, store, queue):
        id = store.launch(tuned_plan())
        self.all_trials(store, queue, id)
        assert store.settles(id)
        assert store.settle() == [id] and store.settle() == []
        row = store.experiment(id)
        assert row.tuned == {"baseline": 1.0, "dropped": 0.5} and not row.tuning
        assert [arm.lr_scale for arm in row.experiment.arms] == [1.0, 0.5]
        runs = store.runs(id)
        assert {one.state for one in runs} == {"waiting"} and len(runs) == 4
        assert store.counts() == {id: {"done": 12, "waiting": 4}}
        trained = {self.claim(queue).run.arm.lr_scale for _ in runs}
        assert trained == {1.0, 0.5}

    def test_two_supervisors_settle_it_once(self, store, queue):
        id = store.launch(tuned_plan())
        self.all_trials(store, queue, id)
        other = type(store)(store.path)
        assert other.settle() == [id]
        with store.writes.begin() as db:
            settle(db, id, 0.0)  # it had seen the same, and comes second
        assert len(store.runs(id)) == 4
        other.close()

    def test_a_lost_trial_is_the_worst_and_an_arm_that_lost_all_keeps_its_rate(self, store, queue):
        id = store.launch(tuned_plan(tries=1))
        for one in range(6):
            lost = {"state": "diverged", "metrics": None, "text": "no number at step 3"}
            self.take(queue, **(lost if one % 2 or not one else {}))
        assert store.settle() == [id]
        assert store.experiment(id).tuned == {"baseline": 1.0, "dropped": 1.0}
        assert untunable(store.trials(id)) == ["dropped"]
        said = table(store.experiment(id), store.runs(id), store.trials(id))
        assert "baseline × 1, dropped × 1. No trial of dropped came to its end" in said

    def test_where_every_trial_failed_nothing_is_compared(self, store, queue):
        id = store.launch(tuned_plan(tries=1))
        for _ in store.trials(id):
            queue.finish(self.claim(queue), state="failed", kind="data", text="no data")
        assert not store.settles(id) and store.settle() == []
        assert store.counts() == {id: {"failed": 6}}
        store.run_again(store.trials(id)[0].run.id)
        self.take(queue)
        assert store.settle() == [id]

    def test_a_stopped_trial_stops_the_experiment_until_it_goes_on(self, store, queue):
        id = store.launch(tuned_plan())
        for _ in range(5):
            self.take(queue)
        assert store.stop(id) == 7
        assert store.counts() == {id: {"done": 5, "stopped": 7}}
        assert store.settle() == []
        assert store.go_on(id) == 7
        while self.take(queue):
            pass
        assert store.settle() == [id]

    def test_launched_again_nothing_is_trained_twice(self, store, queue):
        first = store.launch(tuned_plan())
        self.all_trials(store, queue, first)
        store.settle()
        while self.take(queue):
            pass
        second = store.launch(store.experiment(first).experiment)  # with the scales it found
        assert store.counts()[second] == store.counts()[first] == {"done": 16}
        assert store.experiment(second).tuned == store.experiment(first).tuned
        assert [one.id for one in store.runs(second)] == [one.id for one in store.runs(first)]

    def test_trials_are_deleted_with_the_last_experiment_that_tries_them(self, store, queue):
        first = store.launch(tuned_plan())
        second = store.launch(tuned_plan(("baseline", "smooth")))
        assert store.delete(first) == 6  # the dropped ones
        assert store.counts() == {second: {"waiting": 12}}
        assert store.delete(second) == 12
        assert self.claim(queue) is None

    def test_a_trial_that_another_experiment_compares_stays(self, store):
        tuned = store.launch(tuned_plan(("baseline",), tries=1))
        other = store.launch(plan(("baseline",), (1_000_000,)))
        assert store.runs(other)[0].id in store.run_ids(tuned)
        assert store.delete(tuned) == 2
        assert store.counts() == {other: {"waiting": 1}}

    def test_the_known_runs_are_those_of_the_trials_too(self, store, queue):
        id = store.launch(tuned_plan())
        self.take(queue)
        assert sorted(store.known(tuned_plan()).values()) == ["done"] + ["waiting"] * 11
        assert store.known(tuned_plan()).keys() == store.run_ids(id)

    def test_a_trick_that_is_gone_ends_it_without_runs(self, store, queue, monkeypatch, caplog):
        id = store.launch(tuned_plan())
        self.all_trials(store, queue, id)
        monkeypatch.setattr("trainer.experiment.catalog", dict)
        assert store.settle() == [id] and store.settle() == []
        assert store.runs(id) == [] and not store.experiment(id).tuning
        assert "cannot be trained" in caplog.text

    def test_the_supervisor_settles_and_one_for_another_experiment_does_not(self, store, queue):
        id = store.launch(tuned_plan())
        self.all_trials(store, queue, id)
        other = store.launch(plan(("baseline",)))
        limited = Supervisor(store, NoProcesses(), slots=1, experiment_id=other)
        limited.begin()
        until(lambda: limited.ready)
        limited.tick()
        assert store.settles(id)
        limited.close()
        whole = Supervisor(store, NoProcesses(), slots=3)  # it was killed before it could settle
        whole.begin()
        until(lambda: whole.ready)
        whole.tick()
        assert len(store.runs(id)) == 4 and not store.experiment(id).tuning
        whole.close()


class TestSQLite(SQLite, TuningContract):
    """Nothing of its own."""


# From a file to the verdict.


def test_an_experiment_is_tuned_and_compared_from_the_command_line(home, tmp_path):
    data = {
        "name": "Tuned",
        "setup": {
            "dataset": "digits",
            "train_size": 100,
            "network": {"kind": "mlp", "depth": 1, "width": 8},
            "steps": 20,
            "batch_size": 10,
            "device": "cpu",
        },
        "arms": [{"name": "baseline"}],
        "seeds": [0, 1],
        "tune": {"scales": [1e-6, 1], "seeds": 1},
    }
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps(data))
    done = subprocess.run(
        [sys.executable, "-m", "trainer", "run", str(path), "--workers", "2", "--json"],
        capture_output=True, text=True, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert [(one["arm"], one["scale"], one["seed"], one["state"]) for one in shown["tuning"]] == [
        ("baseline", 1e-6, 1_000_000, "done"), ("baseline", 1.0, 1_000_000, "done")
    ]  # fmt: skip
    small, usual = (one["metrics"]["test_accuracy"] for one in shown["tuning"])
    assert usual > small
    assert shown["experiment"]["tune"] == data["tune"]
    assert "lr_scale" not in shown["experiment"]["arms"][0]  # 1 was chosen
    assert [run["state"] for run in shown["arms"][0]["runs"]] == ["done", "done"]


def test_tuning_is_told_only_where_it_was_asked_for(home):
    from trainer.store import Store

    store = Store(home)
    row = store.experiment(store.launch(plan()))
    assert "tuning" not in as_json(row, store.runs(row.id))
    assert "Learning rates" not in table(row, store.runs(row.id))
    store.close()
