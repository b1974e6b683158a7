"""What stands still and comes back, and clocks that are set: no run is lost, none drawn twice."""

from __future__ import annotations

import signal
import time

import pytest

from tests.faults.crew import READY, Crew, has_ended, plan, until
from trainer.processes import birth, is_alive
from trainer.queue import Queue

LEASE = 3.0  # a slow disk may take seconds for a write, and a run must not lose it by that
LONGER = 1.5 * LEASE
SHORT = {"trainer.queue.LEASE": LEASE, "trainer.supervisor.ASLEEP": 2.0}
LONG = 5_000  # steps: some seconds


@pytest.fixture(scope="module")
def crew(tmp_path_factory):
    """A worker whose runs lose their lease soon, and which notices soon that it slept."""
    home = tmp_path_factory.mktemp("home")
    one = Crew(home, set=SHORT, clock=str(home / "clock"))
    one.start()
    yield one
    one.end()


@pytest.fixture(autouse=True)
def goes_on(crew):
    """What a failing test leaves behind troubles no other: all go on, and nothing is trained."""
    yield
    for process in crew.processes():
        process.send_signal(signal.SIGCONT)
    crew.clock.write_text("0")
    for id, counts in crew.store.counts().items():
        if counts.keys() & {"running", "waiting"}:
            crew.store.delete(id)


def first_training(crew):
    """A run that makes steps, and its process."""
    return until(lambda: next(iter(crew.training().items()), None), READY, "a run makes steps")


def both_training(crew):
    """The processes of two runs that make steps, by run."""
    return until(lambda: len(found := crew.training()) == 2 and found, READY, "both make steps")


def row_of(crew, experiment, run):
    return next(row for row in crew.store.runs(experiment) if row.id == run)


def wait_longer_than_a_lease():
    begun = time.monotonic()
    until(lambda: time.monotonic() - begun > LONGER, 60, "longer than a lease")


def test_a_run_that_stands_still_loses_its_lease_and_is_trained_by_another_process(crew):
    id = crew.store.launch(plan(2, steps=LONG))
    run, process = first_training(crew)
    crew.halt(process)
    until(lambda: row_of(crew, id, run).attempt == 2, 60, "another process has it")
    until(lambda: has_ended(process), 20, "the one that stood still is gone")
    crew.all_done(id)
    crew.check(id)


def test_a_run_that_comes_back_too_late_is_fenced_and_leaves(crew):
    """Its supervisor stands still, too: nobody kills it, the fence alone must hold."""
    id = crew.store.launch(plan(1, first=10, steps=LONG))
    run, process = first_training(crew)
    supervisor = next(one for one in crew.processes() if one.pid == crew.started[0].pid)
    crew.halt(supervisor, process)
    Queue(crew.store).died(run, 1, "it stood still")  # what a supervisor elsewhere finds
    process.send_signal(signal.SIGCONT)
    until(lambda: has_ended(process), 20, "it leaves")
    assert f"attempt 1 of {run} is over" in crew.log(run)
    supervisor.send_signal(signal.SIGCONT)
    crew.all_done(id)
    assert row_of(crew, id, run).attempt == 2
    crew.check(id)


def test_runs_go_on_while_their_supervisor_stands_still(crew):
    id = crew.store.launch(plan(2, first=20, steps=3 * LONG))
    both = both_training(crew)
    supervisor = next(one for one in crew.processes() if one.pid == crew.started[0].pid)
    crew.halt(supervisor)
    steps = {run: row_of(crew, id, run).step for run in both}
    wait_longer_than_a_lease()
    assert all(row_of(crew, id, run).step > step for run, step in steps.items())
    supervisor.send_signal(signal.SIGCONT)
    crew.all_done(id)
    assert {row.attempt for row in crew.store.runs(id)} == {1}
    crew.check(id, reference=False)


def test_everything_stands_still_as_a_laptop_does(crew):
    id = crew.store.launch(plan(2, first=30, steps=LONG))
    run, _ = first_training(crew)
    crew.halt(*crew.processes())
    step = row_of(crew, id, run).step
    wait_longer_than_a_lease()
    assert row_of(crew, id, run).step == step
    for process in crew.processes():
        process.send_signal(signal.SIGCONT)
    crew.all_done(id)
    assert {row.attempt for row in crew.store.runs(id)} == {1}
    crew.check(id, reference=False)


def test_clocks_that_are_set_lose_no_run_and_start_none_again(crew, monkeypatch):
    """An hour on, then a day back, as all processes of the machine see it."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + float(crew.clock.read_text() or 0))
    id = crew.store.launch(plan(2, first=40, steps=3 * LONG))
    run, _ = first_training(crew)
    for jump in ("3600", "-86400"):
        crew.clock.write_text(jump)
        step = row_of(crew, id, run).step
        until(lambda step=step: row_of(crew, id, run).step > step, 30, "it goes on")
        until(lambda: crew.store.worker().alive, 30, "the worker shows that it lives")
    crew.all_done(id)
    assert {row.attempt for row in crew.store.runs(id)} == {1}
    crew.check(id, reference=False)
    assert "the clock jumped by +3" in crew.said() and "the clock jumped by -9" in crew.said()
    crew.store.note("page_seen", time.time())
    late = crew.store.launch(plan(1, first=50, steps=20))
    crew.all_done(late, 60)  # it still claims
    crew.clock.write_text("0")


def test_a_new_supervisor_under_another_clock_adopts_what_runs(crew, monkeypatch):
    """The clock is set while there is none: leases are a day off, and births as psutil tells."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + float(crew.clock.read_text() or 0))
    for first, jump in ((60, "-86400"), (70, "0")):
        id = crew.store.launch(plan(2, first=first, steps=100 * LONG))
        both = both_training(crew)
        crew.started[-1].kill()
        crew.started[-1].wait(10)
        crew.halt(*both.values())  # no sign of life meanwhile
        crew.clock.write_text(jump)
        worker = crew.start(ready=False)
        until(lambda worker=worker: crew.store.worker().pid == worker.pid, READY, "it has begun")
        for process in both.values():
            process.send_signal(signal.SIGCONT)
        wait_longer_than_a_lease()
        rows = crew.store.runs(id)
        assert {(row.state, row.attempt) for row in rows} == {("running", 1)}, crew.said()
        assert crew.training() == both
        crew.store.stop(id)
        until(lambda id=id: crew.counted(id) == {"stopped": 2}, 60, "they stop")


def test_a_worker_that_died_before_the_clock_was_set_back_does_not_seem_alive(crew, monkeypatch):
    supervisor = next(one for one in crew.processes() if one.pid == crew.started[-1].pid)
    until(lambda: crew.store.worker().alive, 30, "its clock is right again")
    born = birth(supervisor)
    supervisor.kill()
    until(lambda: not is_alive(supervisor.pid, born), 10, "it is dead")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    assert not crew.store.worker().alive
