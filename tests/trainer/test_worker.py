"""A real worker with real processes: runs never vanish, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from sqlalchemy import select

from tests.faults.crew import has_ended
from tests.trainer.test_supervisor import until
from trainer.experiment import Tune, parse
from trainer.home import checkpoint_files
from trainer.processes import is_alive
from trainer.queue import Queue
from trainer.schema import runs
from trainer.store import Store
from trainer.workers import is_locked

READY = 200.0  # a machine that does much else loads torch slowly
TINY = {"network": {"kind": "mlp", "depth": 1, "width": 8}, "device": "cpu"}


def plan(arms=("baseline",), seeds=(0,), **setup):
    tricks = {"smooth": [{"id": "label_smoothing"}]}
    return parse(
        {
            "name": "A plan",
            "setup": TINY | setup,
            "arms": [{"name": arm, "tricks": tricks.get(arm, [])} for arm in arms],
            "seeds": list(seeds),
        }
    )


def start_worker(folder, **env):
    """A worker as a page starts it, but ours to wait for."""
    return subprocess.Popen(
        [sys.executable, "-m", "trainer", "worker", "--store", str(folder), "--workers", "2"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | env,
    )


def end_worker(process):
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("home"))


@pytest.fixture
def worker(store, crew):
    """A worker that is ready; started again if a test has killed the last one."""
    if not crew or crew[-1].poll() is not None:
        crew.append(start_worker(store.home))
    until(lambda: ready(store, crew[-1]), READY)
    return crew[-1]


@pytest.fixture(scope="module")
def crew():
    started = []
    yield started
    for process in started:
        if process.poll() is None:
            end_worker(process)


def ready(store, process):
    row = store.worker()
    return row and row.pid == process.pid and row.state == "ready"


def process_of(store, run_id):
    """Pid and birth of the process that trains a run, None while there is none."""
    with store.reads.connect() as db:
        found = select(runs.c.pid, runs.c.pid_created).where(runs.c.id == run_id, runs.c.step > 0)
        row = db.execute(found.where(runs.c.state == "running")).first()
    return tuple(row) if row and row[0] else None


def counted(store, id):
    return store.counts(id)[id]


def log_of(store, name):
    return (store.home / "logs" / f"{name}.log").read_text()


def test_an_experiment_is_trained_and_a_diverging_run_leaves_the_others_going(store, worker):
    fine = store.launch(plan(("baseline", "again"), (0, 1), steps=60))
    deep = {"kind": "mlp", "depth": 6, "width": 64}
    wild = store.launch(plan(steps=60, lr=1000.0, network=deep))
    until(lambda: counted(store, fine) == {"done": 4}, 60)
    until(lambda: counted(store, wild) == {"diverged": 1}, 60)
    (row,) = store.runs(wild)
    assert "not a number" in row.error_text and row.error_kind is None
    rows = store.runs(fine)
    assert rows[0].id == rows[2].id  # an A/A experiment trains each seed once
    assert rows[0].step == rows[0].steps == 60 and rows[0].seconds > 0
    assert 0 <= rows[0].metrics["test_accuracy"] <= 1
    assert all(run.memory > 1e6 and run.gpu_memory is None for run in (*rows, row))
    curve = store.read({rows[0].id: (0, 0)}, ["loss", "test_accuracy"])[rows[0].id].series
    assert curve["loss"][0] == list(range(1, 61))
    assert curve["test_accuracy"][0][-1] == 60
    assert "torch was loaded before" in log_of(store, rows[0].id)
    again = store.launch(plan(("baseline",), (0, 1), steps=60))
    assert counted(store, again) == {"done": 2}  # nothing is trained twice


def test_a_process_trains_one_run_after_the_other(store, worker):
    """And a run that fails gets none that another one has to share."""
    cnn = {"kind": "cnn", "width": 4}
    id = store.launch(plan(seeds=range(8), steps=10, train_size=200, network=cnn))
    until(lambda: counted(store, id) == {"done": 8}, 60)
    with store.reads.connect() as db:
        ids = [row.id for row in store.runs(id)]
        trained = db.execute(select(runs.c.stack).where(runs.c.id.in_(ids))).all()
    assert len(set(trained)) <= 4  # two at a time
    assert all("attempt 1" in log_of(store, one) for one in ids)


def test_a_killed_run_is_trained_again_to_its_end(store, worker):
    id = store.launch(plan(seconds=1.5))
    (row,) = store.runs(id)
    pid, _ = until(lambda: process_of(store, row.id), 60)
    os.kill(pid, signal.SIGKILL)
    until(lambda: counted(store, id) == {"done": 1}, 60)
    (row,) = store.runs(id)
    assert row.attempt == 2
    steps, _ = store.read({row.id: (0, 0)}, ["loss"])[row.id].series["loss"]
    assert steps == list(range(1, row.steps + 1))  # of one attempt, none missing


def test_stop_ends_runs_within_two_seconds_and_keeps_their_points(store, worker):
    id = store.launch(plan(seeds=(0, 1, 2), steps=10_000_000))
    ids = [row.id for row in store.runs(id)]
    until(lambda: all(process_of(store, one) for one in ids[:2]), 60)
    processes = [process_of(store, one) for one in ids[:2]]
    begun = time.monotonic()
    assert store.stop(id) == 3
    until(lambda: counted(store, id) == {"stopped": 3}, 10)
    until(lambda: not any(is_alive(*one) for one in processes), 10)
    assert time.monotonic() - begun < 2
    for row in store.runs(id)[:2]:
        steps, _ = store.read({row.id: (0, 0)}, ["loss"])[row.id].series["loss"]
        assert row.step > 0 and steps == list(range(1, row.step + 1))


def curves(store, run_id):
    """What two equal runs share, with the steps in order."""
    keys = ["loss", "grad_norm", "lr", "test_loss", "test_accuracy", "train_loss"]
    series = store.read({run_id: (0, 0)}, keys)[run_id].series
    assert all(steps == sorted(set(steps)) for steps, _ in series.values())
    return series


def test_a_paused_run_leaves_and_goes_on_as_if_nothing_had_been(store, worker, tmp_path):
    """Also after a kill; and from its first step if its checkpoint is damaged."""
    setup = {"steps": 4000, "network": {"kind": "mlp", "depth": 2, "width": 32}}
    plans = [plan(("smooth",), (seed,), **setup) for seed in (40, 41)]
    id, other = (store.launch(one) for one in plans)
    (row,), (damaged,) = store.runs(id), store.runs(other)
    process = until(lambda: process_of(store, row.id), 60)
    until(lambda: process_of(store, damaged.id), 60)
    assert store.pause(id) == store.pause(other) == 1
    until(lambda: counted(store, id) == counted(store, other) == {"paused": 1}, 10)
    until(lambda: not is_alive(*process), 10)
    (paused,) = store.runs(id)
    assert 0 < paused.saved_step == paused.step < 4000
    assert len(checkpoint_files(store.home, row.id)) == 1
    before = curves(store, row.id)
    (file,) = checkpoint_files(store.home, damaged.id)
    file.write_bytes(file.read_bytes()[:1000])

    assert store.go_on(id) == 1
    pid, _ = until(lambda: process_of(store, row.id), 60)
    until(lambda: store.runs(id)[0].step > paused.step, 60)
    os.kill(pid, signal.SIGKILL)
    store.go_on(other)
    until(lambda: counted(store, id) == counted(store, other) == {"done": 1}, 120)
    assert store.runs(id)[0].attempt == 3
    after = curves(store, row.id)
    assert after["loss"][1][: len(before["loss"][1])] == before["loss"][1]
    assert "goes on after step" in log_of(store, row.id)
    assert "begins at the first step" in log_of(store, damaged.id)
    assert not checkpoint_files(store.home, row.id) + checkpoint_files(store.home, damaged.id)

    fresh = Store(tmp_path)
    whole = [fresh.launch(one) for one in plans]
    second = start_worker(fresh.home)
    try:
        until(lambda: all(counted(fresh, one) == {"done": 1} for one in whole), READY)
        for ours in (row, damaged):
            assert curves(fresh, ours.id) == curves(store, ours.id)
    finally:
        end_worker(second)
        fresh.close()


def test_the_process_of_a_deleted_run_ends(store, worker):
    id = store.launch(plan(steps=9_999_999))
    (row,) = store.runs(id)
    process = until(lambda: process_of(store, row.id), 60)
    store.delete(id)
    until(lambda: not is_alive(*process), 10)


def test_an_error_ends_a_run_as_failed_and_the_traceback_is_in_its_log(store, worker, monkeypatch):
    id = store.launch(plan(dataset="cifar10_jpg", train_size=100, steps=5))
    until(lambda: counted(store, id) == {"failed": 1}, 60)
    (row,) = store.runs(id)
    assert row.error_kind == "data" and "cifar10-jpg.zip" in row.error_text
    assert "Traceback" in log_of(store, row.id)


def test_steps_are_timed_for_a_page(store, worker):
    setup = plan(epochs=3, batch_size=16).setup
    assert store.step_seconds(setup) is None
    store.ask_trial(setup)
    measured = until(lambda: store.step_seconds(setup), 60)
    assert 0 < measured < 1


def test_a_killed_supervisor_leaves_its_runs_to_the_next_one(store, worker):
    """One run goes on and is adopted, the other dies with nobody to see it."""
    id = store.launch(plan(seeds=(5, 6, 7), seconds=8))
    ids = [row.id for row in store.runs(id)]
    until(lambda: all(process_of(store, one) for one in ids[:2]), 60)
    lives, dies = (process_of(store, one) for one in ids[:2])
    worker.kill()
    worker.wait(10)
    os.kill(dies[0], signal.SIGKILL)
    step = store.runs(id)[0].step
    until(lambda: store.runs(id)[0].step > step, 10)  # it goes on without a supervisor
    assert is_alive(*lives) and not is_locked(store.path)
    second = start_worker(store.home)
    try:
        until(lambda: counted(store, id) == {"done": 3}, READY)
        assert [row.attempt for row in store.runs(id)] == [1, 2, 1]
        for row in store.runs(id):
            steps, _ = store.read({row.id: (0, 0)}, ["loss"])[row.id].series["loss"]
            assert steps == list(range(1, row.steps + 1))
    finally:
        end_worker(second)


def test_everything_is_killed_while_rates_are_tried_and_they_are_found_all_the_same(store, worker):
    tune = Tune(scales=(0.5, 1.0, 2.0), seeds=1)
    tuned = plan(("baseline", "smooth"), seeds=(30,), seconds=1.0).model_copy(update={"tune": tune})
    id = store.launch(tuned)
    assert not store.runs(id)  # no arm is trained before its rate is known
    tried = [trial.run.id for trial in store.trials(id)]
    until(lambda: any(process_of(store, one) for one in tried), 60)
    family = [worker, *psutil.Process(worker.pid).children(recursive=True)]
    for one in family:
        one.kill()
    worker.wait(10)
    assert store.experiment(id).tuning
    second = start_worker(store.home)
    try:
        until(lambda: [run.state for run in store.runs(id)] == ["done", "done"], READY)
        assert set(store.experiment(id).tuned) == {"baseline", "smooth"}
        for one in (*[trial.run for trial in store.trials(id)], *store.runs(id)):
            steps, _ = store.read({one.id: (0, 0)}, ["loss"])[one.id].series["loss"]
            assert one.state == "done" and steps == list(range(1, one.step + 1))
        assert max(trial.run.attempt for trial in store.trials(id)) == 2
    finally:
        end_worker(second)


def test_ending_a_worker_leaves_no_process_and_no_run_is_lost(store, worker):
    id = store.launch(plan(seeds=(8, 9), steps=9_999_998))
    ids = [row.id for row in store.runs(id)]
    until(lambda: all(process_of(store, one) for one in ids), 60)
    family = psutil.Process(worker.pid).children(recursive=True)
    assert len(family) >= 3  # the fork server and two runs
    end_worker(worker)
    until(lambda: all(has_ended(one) for one in family), 10)
    assert counted(store, id) == {"waiting": 2}
    assert not store.worker().alive
    store.delete(id)


def test_spawned_processes_do_the_same(store, crew):
    """The way of macOS and Windows: idle processes that wait for work."""
    process = start_worker(store.home, TRICKBOARD_START="spawn")
    try:
        id = store.launch(plan(seeds=(20, 21), steps=30))
        until(lambda: counted(store, id) == {"done": 2}, READY)
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.kill()
        process.wait(10)
        until(lambda: all(has_ended(one) for one in family), 30)  # idle ones end by themselves
    finally:
        if process.poll() is None:
            end_worker(process)


def test_a_second_worker_leaves_at_once(store, worker):
    second = start_worker(store.home)
    assert second.wait(60) == 0
    assert store.worker().pid == worker.pid and Queue(store).running() == []
