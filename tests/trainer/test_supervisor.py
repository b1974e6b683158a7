"""The supervisor's decisions, with an executor that starts no processes."""

from __future__ import annotations

import signal
import sys
import time

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from tests.trainer.stores import plan
from trainer import supervisor
from trainer.executors.base import Ended
from trainer.processes import birth
from trainer.store import Store
from trainer.supervisor import Supervisor


class NoProcesses:
    """An executor whose processes exist in its books only."""

    def __init__(self, *found):
        self.found = found or ("auto", "cpu")
        self.jobs = {}
        self.killed = []
        self.ended = []
        self.fails = None

    def warm(self):
        return {"devices": self.found, "preloaded": True, "threads": 1}

    def start(self, job):
        if self.fails:
            raise self.fails
        self.jobs[job.key] = job

    def stop(self, key):
        if key in self.jobs:
            self.killed.append(key)
            self.ends(key)

    def ends(self, key, how="its process was killed (SIGKILL)"):
        del self.jobs[key]
        self.ended.append(Ended(key=key, how=how))

    def poll(self):
        ended, self.ended = self.ended, []
        return ended

    def close(self):
        self.killed += self.jobs
        self.jobs.clear()


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """A process for each run; what is trained together: test_stacks.py."""
    monkeypatch.setenv("TRICKBOARD_STACK", "0")


@pytest.fixture
def work(store):
    """Makes a supervisor that is warm."""
    return lambda *found, **options: warmed(store, *found, **options)


def warmed(store, *found, **options):
    made = Supervisor(store, NoProcesses(*found), **{"slots": 2} | options)
    made.begin()
    until(lambda: made.ready)
    return made


def until(condition, seconds=20.0):
    """Poll until something is so; fail if it is not in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return value


def states(store, id):
    return [row.state for row in store.runs(id)]


def test_it_starts_as_many_runs_as_it_has_slots(store, work):
    id = store.launch(plan())
    made = work()
    assert made.tick()
    assert states(store, id).count("running") == 2
    assert set(made.executor.jobs) == {f"{row.id}/1" for row in store.runs(id) if row.attempt}
    made.tick()
    assert len(made.executor.jobs) == 2
    row = store.worker()
    assert (row.state, row.slots, row.devices) == ("ready", 2, ("auto", "cpu"))


def test_nothing_starts_before_it_is_warm(store):
    id = store.launch(plan())
    made = Supervisor(store, NoProcesses(), slots=2)
    made.queue.enter(made.id, pid=1, created=1.0, slots=2)
    made.tick()
    assert states(store, id) == ["waiting"] * 4
    assert store.worker().state == "starting"


def test_an_executor_that_does_not_get_warm_still_tries(store, caplog):
    executor = NoProcesses()
    executor.warm = lambda: (_ for _ in ()).throw(OSError("no torch"))
    made = Supervisor(store, executor, slots=2)
    made.begin()
    until(lambda: made.ready)
    assert made.devices == ("auto", "cpu")
    assert made.tick()


def test_a_process_that_dies_puts_its_run_back_and_the_others_go_on(store, work):
    id = store.launch(plan())
    made = work()
    made.tick()
    dies, stays = sorted(made.executor.jobs)
    made.executor.ends(dies)
    made.tick()
    rows = {row.id: row for row in store.runs(id)}
    assert (rows[dies[:-2]].state, rows[dies[:-2]].attempt) == ("running", 2)
    assert (rows[stays[:-2]].state, rows[stays[:-2]].attempt) == ("running", 1)


def test_a_run_that_does_not_hear_is_killed(store, queue, work, monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_GRACE", {"stop": -1.0, "pause": -1.0})
    id = store.launch(plan(("baseline",), (0,)))
    made = work()
    made.tick()
    made.sweep_from = 0.0
    (key,) = made.executor.jobs
    store.stop(id)
    made.tick()
    assert made.executor.killed == [key]
    assert states(store, id) == ["stopped"]


def test_the_process_of_a_deleted_run_is_killed(store, work, monkeypatch):
    monkeypatch.setattr(supervisor, "GONE_GRACE", -1.0)
    id = store.launch(plan(("baseline",), (0,)))
    made = work()
    made.tick()
    (key,) = made.executor.jobs
    store.delete(id)
    made.tick()
    made.tick()
    assert made.executor.killed == [key] and not made.children


def test_a_process_that_cannot_be_started_counts_as_a_death(store, work):
    id = store.launch(plan(("baseline",), (0,)))
    made = work()
    made.executor.fails = OSError("no processes left")
    for _ in range(5):
        made.tick()
    (row,) = store.runs(id)
    assert row.state == "failed" and row.error_kind == "killed"
    assert "no processes left" in row.error_text


def test_closing_ends_the_processes_and_their_runs_wait(store, work):
    id = store.launch(plan())
    made = work()
    made.tick()
    made.close()
    assert len(made.executor.killed) == 2
    assert states(store, id) == ["waiting"] * 4
    assert not store.worker().alive


def test_it_ends_when_nobody_needs_it(store, work):
    made = work(linger=5.0)
    assert made.tick()
    made.last_work -= 10
    made.last_beat = 0.0
    store.page_seen()
    assert made.tick()
    store.note("page_seen", time.time() - 6)
    made.last_beat = 0.0
    assert not made.tick()


def test_it_does_not_end_while_it_gets_warm(store, work):
    """On a busy machine the imports may take longer than it waits for work."""
    made = work(linger=5.0)
    made.ready = False
    made.last_work -= 10
    made.last_beat = 0.0
    assert made.tick()
    made.ready = True
    made.last_work -= 10
    made.last_beat = 0.0
    assert not made.tick()


def test_it_ends_when_it_is_asked_to(store, queue, work):
    made = work()
    assert made.tick()
    queue.ask_end()
    made.last_beat = 0.0
    assert not made.tick()


def test_it_can_be_limited_to_an_experiment(store, work):
    other = store.launch(plan(("baseline",)))
    mine = store.launch(plan(("dropped",)))
    made = work(experiment_id=mine)
    made.tick()
    assert states(store, mine) == ["running"] * 2 and states(store, other) == ["waiting"] * 2


def test_gpus_are_shared_evenly_and_a_cpu_run_passes(store, work):
    cuda = store.launch(plan(("baseline",), range(8), device="cuda"))
    cpu = store.launch(plan(("baseline",), (0,), device="cpu"))
    made = work("auto", "cpu", "cuda:0", "cuda:1", slots=None)
    made.slots = 16
    made.tick()
    used = [row.device for row in store.runs(cuda) if row.state == "running"]
    assert sorted(used) == ["cuda:0", "cuda:0", "cuda:1", "cuda:1"]
    assert store.runs(cpu)[0].device == "cpu"


def test_a_device_that_is_not_there_fails_the_run_with_a_sentence(store, work):
    id = store.launch(plan(("baseline",), (0,), device="cuda:3"))
    made = work("auto", "cpu", "cuda:0")
    made.tick()
    (row,) = store.runs(id)
    assert row.state == "failed"
    assert row.error_text == "There is no cuda:3 on this machine; it has auto, cpu, cuda:0"


def test_steps_are_timed_when_it_is_idle(store, queue, work):
    setup = plan().setup
    store.ask_trial(setup)
    made = work()
    made.last_beat = 0.0
    made.tick()
    made.last_beat = 0.0
    until(lambda: made.tick() and made.executor.jobs)
    job = made.executor.jobs["trial"]
    assert job.args[2] == setup
    made.executor.ends("trial", "its process ended with status 1")
    made.tick()
    assert queue.next_trial() is None and store.step_seconds(setup) is None


HALTS = """
import os, signal, sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("BEGIN IMMEDIATE")
store.execute("UPDATE runs SET step = 1")
os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be halted here")
def test_a_process_that_is_halted_while_it_writes_does_not_hold_the_others_up(home, monkeypatch):
    monkeypatch.setattr("trainer.schema.BUSY_SECONDS", 0.2)
    store = Store(home)
    id = store.launch(plan(("baseline",), (0, 1)))
    made = Supervisor(store, NoProcesses(), slots=2)
    made.begin()
    until(lambda: made.ready)
    made.tick()
    halts = psutil.Popen([sys.executable, "-c", HALTS, str(store.path)])
    lives = psutil.Process()
    first, second = (claims[0] for claims in made.children.values())
    made.queue.begin(first, halts.pid, birth(halts))
    made.queue.begin(second, lives.pid, birth(lives))
    made.tick()
    until(lambda: halts.status() == psutil.STATUS_STOPPED)
    with pytest.raises(OperationalError):  # this is what the other runs meet, too
        store.stop(id)
    made.last_beat = 0.0  # a sign of life is due
    assert made.tick_or_wait()
    assert halts.wait(10) == -signal.SIGKILL
    assert made.executor.killed == [f"{first.run.id}/1"]
    made.tick_or_wait()
    found = {row.id: (row.state, row.attempt) for row in store.runs(id)}
    assert found == {first.run.id: ("running", 2), second.run.id: ("running", 1)}
    store.close()
