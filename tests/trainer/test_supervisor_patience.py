"""Whom the supervisor adopts, and what it lets pass: a sleep, a clock that jumps, a full disk."""

from __future__ import annotations

import time

import psutil
from sqlalchemy.exc import OperationalError

from tests.trainer.stores import plan
from tests.trainer.test_supervisor import alone as alone
from tests.trainer.test_supervisor import states
from tests.trainer.test_supervisor import work as work
from trainer import supervisor
from trainer.processes import birth


def test_a_run_of_a_supervisor_that_is_gone_is_adopted(store, queue, work):
    id = store.launch(plan(("baseline",), (0, 1, 2)))
    lives, dies = (queue.claim("gone", "auto", "cpu") for _ in range(2))
    me = psutil.Process()
    queue.begin(lives, me.pid, birth(me))
    queue.begin(dies, me.pid, birth(me) - 1000)  # another process has its number now
    made = work()
    made.tick()
    rows = {row.id: row for row in store.runs(id)}
    assert (rows[lives.run.id].state, rows[lives.run.id].attempt) == ("running", 1)
    assert (rows[dies.run.id].state, rows[dies.run.id].attempt) == ("waiting", 1)
    made.tick()
    assert list(made.executor.jobs) == [f"{dies.run.id}/2"]  # one slot is the adopted run's


def test_a_run_whose_process_never_came_up_waits_again_when_its_lease_is_over(
    store, queue, work, monkeypatch
):
    id = store.launch(plan(("baseline",), (0,)))
    queue.claim("gone", "auto", "cpu")
    made = work()
    made.tick()
    assert states(store, id) == ["running"] and not made.executor.jobs
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 4)
    made.tick()
    assert states(store, id) == ["running"]
    made.last_tick += 12  # no gap: this machine did not sleep
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 16)
    made.tick()
    assert states(store, id) == ["running"] and len(made.executor.jobs) == 1


def test_after_a_sleep_of_the_machine_runs_may_first_renew_their_leases(
    store, queue, work, monkeypatch
):
    id = store.launch(plan(("baseline",), (0,)))
    queue.claim("gone", "auto", "cpu")
    made = work()
    made.tick()
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3600)
    made.tick()
    assert states(store, id) == ["running"] and not made.executor.jobs


def test_a_supervisor_that_stood_still_within_a_round_takes_no_run_for_lost(
    store, queue, work, monkeypatch
):
    """Between its look at the clock and its look at the store, while the runs renewed theirs."""
    id = store.launch(plan(("baseline",), (0,)))
    made = work()
    made.tick()
    claim = next(iter(made.children.values()))[0]
    made.sweep_from = 0.0
    real, look = time.time, made.queue.running

    def slow():
        monkeypatch.setattr(time, "time", lambda: real() + 40)
        queue.begin(claim, 1, 1.0)  # a sign of life
        return look()

    monkeypatch.setattr(made.queue, "running", slow)
    made.tick()
    monkeypatch.setattr(made.queue, "running", look)
    made.tick()
    assert [row.attempt for row in store.runs(id)] == [1] and not made.executor.killed


def test_a_new_supervisor_lets_adopted_runs_renew_their_leases_first(
    store, queue, work, monkeypatch
):
    """While there was none the machine slept, or its clock was set."""
    me, real = psutil.Process(), time.time
    id = store.launch(plan(("baseline",), (0, 1)))
    for jump in (-3600, 3600):
        monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
        queue.begin(queue.claim("gone", "auto", "cpu"), me.pid, birth(me))
    monkeypatch.setattr(time, "time", real)
    monkeypatch.setattr(supervisor, "end_process", lambda *who: None)  # these are this process
    made = work()
    made.tick()
    assert [row.attempt for row in store.runs(id)] == [1, 1]
    made.sweep_from = 0.0
    made.tick()  # they had time and gave no sign
    assert states(store, id) == ["waiting", "waiting"]


class Refused(OperationalError):
    def __init__(self):
        super().__init__("UPDATE", {}, Exception("database or disk is full"))


def test_while_the_store_refuses_no_run_is_taken_for_lost(store, queue, work, monkeypatch):
    id = store.launch(plan(("baseline",), (0,)))
    made = work()
    made.tick()
    (key,) = made.executor.jobs
    made.sweep_from = 0.0
    queue.begin(next(iter(made.children.values()))[0], 1, 1.0)  # its process is up
    monkeypatch.setattr(supervisor.time, "sleep", lambda seconds: None)
    beat, real = made.queue.beat, time.time

    def refuse(*given, **named):
        raise Refused

    monkeypatch.setattr(made.queue, "beat", refuse)
    for second in range(2, 60, 2):  # the lease runs out meanwhile
        monkeypatch.setattr(time, "time", lambda second=second: real() + second)
        assert made.tick_or_wait()
    monkeypatch.setattr(made.queue, "beat", beat)
    assert made.tick_or_wait()
    assert states(store, id) == ["running"] and not made.executor.killed
    made.sweep_from = 0.0  # it had time to renew its lease, and did not
    made.tick()
    assert made.executor.killed == [key]


def test_an_end_that_the_store_refuses_to_hear_of_is_told_again(store, work, monkeypatch):
    id = store.launch(plan(("baseline",), (0,)))
    made = work()
    made.tick()
    (key,) = made.executor.jobs
    made.executor.ends(key)
    died, refusals = made.queue.died, [Refused(), Refused()]

    def refuse(*given):
        if refusals:
            raise refusals.pop()
        died(*given)

    monkeypatch.setattr(made.queue, "died", refuse)
    monkeypatch.setattr(supervisor.time, "sleep", lambda seconds: None)
    for _ in range(3):
        made.tick_or_wait()
    (row,) = store.runs(id)
    assert row.attempt == 2 and list(made.executor.jobs) == [f"{row.id}/2"]
