"""A disk that is full, for real: the system lets the processes write no larger file."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import psutil
import pytest
from sqlalchemy import select

from tests.faults.crew import READY, Crew, has_ended, plan, until
from trainer.schema import runs

LEASE = 2.0
LONG = 5_000  # steps: some seconds
SOON = {  # a run soon loses its lease, and is soon to be kept
    "trainer.queue.LEASE": LEASE,
    "trainer.supervisor.LEASE": LEASE,
    "trainer.schema.BUSY_SECONDS": 0.5,
    "trainer.executors.keeper.EVERY": 1.0,
}
GRACE = {"trainer.executors.writer.STORE_GRACE": 2.0, "trainer.supervisor.STORE_GRACE": 2.0}


@pytest.fixture(scope="module")
def crew(tmp_path_factory):
    one = Crew(tmp_path_factory.mktemp("home"), set=SOON)
    one.start()
    yield one
    one.end()


def fill(process, size):
    """No file may become larger than ``size`` bytes; None: as large as it likes."""
    most = psutil.RLIM_INFINITY if size is None else size
    process.rlimit(psutil.RLIMIT_FSIZE, (most, psutil.RLIM_INFINITY))


def training(crew):
    return until(lambda: next(iter(crew.training().items()), None), READY, "a run makes steps")


def lease(crew, run):
    """Seconds for which a run still belongs to its process; below 0: it has lost it."""
    with crew.store.reads.connect() as db:
        return db.scalar(select(runs.c.lease_until).where(runs.c.id == run)) - time.time()


def heartbeat(crew):
    return crew.store.worker().heartbeat


def test_a_run_keeps_its_points_until_there_is_room(crew):
    """It alone is refused, for longer than its lease: it says that it lives all the same."""
    id = crew.store.launch(plan(1, steps=LONG))
    run, process = training(crew)
    fill(process, crew.store.path.stat().st_size)
    until(lambda: crew.store.runs(id)[0].message, 30, "the store takes no points")
    begun = time.monotonic()
    until(lambda: time.monotonic() - begun > 2 * LEASE, 30, "longer than a lease")
    (row,) = crew.store.runs(id)
    assert row.state == "running" and not has_ended(process) and lease(crew, run) > 0
    assert "free some space" in row.message
    assert "the store refuses, trying again" in crew.log(run)
    fill(process, None)
    crew.all_done(id)
    (row,) = crew.store.runs(id)
    assert row.attempt == 1 and row.message is None
    crew.check(id)


def test_nobody_is_declared_dead_while_nobody_can_write(crew):
    """The disk is full for all, until every lease is long over. Then there is room again."""
    id = crew.store.launch(plan(2, first=10, steps=LONG))
    run, _ = training(crew)
    for process in crew.processes():
        fill(process, 4096)  # not even a journal
    until(lambda: lease(crew, run) < -LEASE, 60, "its lease is over")
    assert time.time() - heartbeat(crew) > LEASE
    for process in crew.processes():
        fill(process, None)
    crew.all_done(id)
    assert {row.attempt for row in crew.store.runs(id)} == {1}
    crew.check(id)


def test_nobody_is_declared_dead_while_another_program_has_the_store(crew):
    id = crew.store.launch(plan(2, first=20, steps=LONG))
    run, _ = training(crew)
    with closing(sqlite3.connect(crew.store.path, timeout=60)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")  # all may read, nobody else may write
        until(lambda: lease(crew, run) < -LEASE, 60, "its lease is over")
        other.execute("ROLLBACK")
    crew.all_done(id)
    assert {row.attempt for row in crew.store.runs(id)} == {1}
    crew.check(id)


def test_a_run_for_which_there_is_no_room_gives_up_and_is_trained_again(home):
    crew = Crew(home, set=GRACE)
    try:
        crew.start()
        id = crew.store.launch(plan(1, steps=LONG))
        _, process = training(crew)
        fill(process, crew.store.path.stat().st_size)
        until(lambda: crew.store.runs(id)[0].attempt == 2, 60, "another process has it")
        until(lambda: has_ended(process), 10, "the first one has left")
        assert set(crew.deaths().values()) == {0}, "no death: it was the disk"
        crew.all_done(id)
        crew.check(id)
    finally:
        crew.end()


def test_a_worker_for_which_there_is_no_room_ends_and_the_next_one_finishes_its_runs(home):
    crew = Crew(home, set=GRACE)
    try:
        worker = crew.start()
        id = crew.store.launch(plan(2, steps=LONG))
        training(crew)
        for process in crew.processes():
            fill(process, 4096)  # not even a journal
        assert worker.wait(60) == 3
        until(lambda: not crew.processes(), 30, "no process is left")
        said = crew.said().splitlines()
        assert any("the store refuses" in line for line in said)
        assert "takes nothing more" in said[-1] and "Free some space" in said[-1]
        assert "Traceback" not in crew.said()
        crew.start()
        crew.all_done(id)
        crew.check(id)
    finally:
        crew.end()
