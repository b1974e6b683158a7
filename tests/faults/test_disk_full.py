"""A disk that is full, for real: the system lets the processes write no larger file."""

from __future__ import annotations

import psutil
import pytest

from tests.faults.crew import READY, Crew, plan, until

LONG = 5_000  # steps: some seconds
GRACE = {"trainer.executors.writer.STORE_GRACE": 2.0, "trainer.supervisor.STORE_GRACE": 2.0}


@pytest.fixture
def crew(home):
    one = Crew(home)
    yield one
    one.end()


def fill(process, size):
    """No file may become larger than ``size`` bytes; None: as large as it likes."""
    most = psutil.RLIM_INFINITY if size is None else size
    process.rlimit(psutil.RLIMIT_FSIZE, (most, psutil.RLIM_INFINITY))


def training(crew):
    return until(lambda: next(iter(crew.training().items()), None), READY, "a run makes steps")


def test_a_run_keeps_its_points_until_there_is_room(crew):
    crew.start()
    id = crew.store.launch(plan(1, steps=LONG))
    run, process = training(crew)
    fill(process, crew.store.path.stat().st_size)
    until(lambda: "the store refuses, trying again" in crew.log(run), 30, "the store refuses")
    (row,) = crew.store.runs(id)
    assert row.state == "running" and process.is_running()
    fill(process, None)
    crew.all_done(id)
    (row,) = crew.store.runs(id)
    assert row.attempt == 1
    crew.check(id)


def test_a_run_for_which_there_is_no_room_gives_up_and_is_trained_again(home):
    crew = Crew(home, set=GRACE)
    try:
        crew.start()
        id = crew.store.launch(plan(1, steps=LONG))
        _, process = training(crew)
        fill(process, crew.store.path.stat().st_size)
        until(lambda: crew.store.runs(id)[0].attempt == 2, 60, "another process has it")
        assert not process.is_running()
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
