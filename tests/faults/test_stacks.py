"""Real processes with several seeds of an arm each: kill, stop, pause, delete some of the runs."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.faults.crew import READY, Crew, plan, trained_alone, until
from trainer.processes import birth, is_alive

OFTEN = {"trainer.executors.keeper.EVERY": 0.4}  # seconds between checkpoints
LONG = 3_000  # steps: some seconds


@pytest.fixture(scope="module")
def crew(tmp_path_factory):
    one = Crew(tmp_path_factory.mktemp("home"), set=OFTEN)
    one.start()
    yield one
    one.end()


def together(crew, count):
    """The processes that train so many runs each, and their runs; waits until one does."""

    def found():
        stacks = {}
        for run, process in crew.training().items():
            stacks.setdefault(process, []).append(run)
        return {one: ids for one, ids in stacks.items() if len(ids) == count}

    return until(found, READY, f"{count} runs make steps in one process")


def rows_of(crew, id):
    return {row.id: row for row in crew.store.runs(id)}


def all_saved(crew, id, runs):
    return all(rows_of(crew, id)[run].saved_step for run in runs)


def as_alone(crew, id, wanted):
    """Bit for bit the curve that one run would have drawn with nobody beside it."""
    (run,) = [one for one in crew.store.experiment(id).experiment.runs() if one.id == wanted]
    alone, curve = trained_alone(run, crew.home), crew.curve(run.id)
    assert {at: alone[at] for at in curve} == curve


def test_24_runs_on_2_slots_are_done_in_2_processes(crew):
    id = crew.store.launch(plan(24, first=100, steps=300))
    crew.all_done(id)
    crew.check(id, reference=False)
    rows = crew.store.runs(id)
    as_alone(crew, id, rows[5].id)
    assert {(row.attempt, row.together) for row in rows} == {(1, 12)}
    assert {crew.store.report(row.id)["stacked"] for row in rows} == {12}
    for row in rows:
        assert f"attempt 1 on cpu, seed {row.seed}" in crew.log(row.id)
        assert "trained together with others, 12 runs in one process: seeds" in crew.log(row.id)


def test_a_killed_process_has_all_its_runs_go_on_from_their_checkpoints(crew):
    id = crew.store.launch(plan(6, steps=2 * LONG))
    process, runs = next(iter(together(crew, 3).items()))
    until(lambda: all_saved(crew, id, runs), 60, "all three have checkpoints")
    process.send_signal(signal.SIGKILL)
    crew.all_done(id)
    crew.check(id, reference=False)
    rows = rows_of(crew, id)
    assert {rows[run].attempt for run in runs} == {2}
    assert {row.attempt for row in rows.values() if row.id not in runs} == {1}
    for run in runs:
        assert "goes on after step" in crew.log(run)
        assert crew.log(run).count("trained together with others, 3 runs") == 2
    as_alone(crew, id, runs[1])


def test_one_of_a_stack_is_stopped_and_goes_on_later(crew):
    id = crew.store.launch(plan(6, first=10, steps=LONG))
    process, runs = next(iter(together(crew, 3).items()))
    created = birth(process)
    assert crew.store.stop(id, [runs[1]]) == 1
    until(lambda: rows_of(crew, id)[runs[1]].state == "stopped", 10, "it has stopped")
    rows = rows_of(crew, id)
    assert {rows[run].state for run in runs if run != runs[1]} == {"running"}
    assert rows[runs[1]].step > 0
    assert is_alive(process.pid, created)
    assert crew.store.go_on(id) == 1
    crew.all_done(id)
    crew.check(id, reference=False)
    assert {row.attempt for row in crew.store.runs(id)} == {1, 2}
    assert [row.attempt for row in crew.store.runs(id) if row.id != runs[1]] == [1] * 5


def test_all_are_paused_and_go_on_together(crew):
    id = crew.store.launch(plan(6, first=20, steps=LONG))
    together(crew, 3)
    assert crew.store.pause(id) == 6
    until(lambda: crew.counted(id) == {"paused": 6}, 20, "all have paused")
    until(lambda: not crew.training(), 20, "their processes have ended")
    rows = crew.store.runs(id)
    assert all(row.step == row.saved_step for row in rows)
    assert len({row.step for row in rows}) == 2  # one for each process
    assert crew.store.go_on(id) == 6
    crew.all_done(id)
    crew.check(id, reference=False)
    assert {crew.store.report(row.id)["stacked"] for row in rows} == {3}
    as_alone(crew, id, rows[0].id)


def test_a_pause_of_one_experiment_leaves_the_other_in_the_same_process(crew):
    ids = [crew.store.launch(plan(3, first=first, steps=LONG), owner="a#1") for first in (30, 33)]
    until(lambda: all(crew.counted(id) == {"running": 3} for id in ids), READY, "all run")
    together(crew, 3)
    crew.store.pause(ids[0])
    until(lambda: crew.counted(ids[0]) == {"paused": 3}, 20, "they have paused")
    assert crew.counted(ids[1]) == {"running": 3}
    crew.store.go_on(ids[0])
    for id in ids:
        crew.all_done(id)
        crew.check(id, reference=False)


def test_a_deleted_run_leaves_its_stack_alone(crew):
    gone = crew.store.launch(plan(1, first=40, steps=LONG), owner="a#1")
    stays = crew.store.launch(plan(3, first=41, steps=LONG), owner="a#1")
    (run,) = crew.store.run_ids(gone)
    until(lambda: crew.training().keys() >= {run} | crew.store.run_ids(stays), READY, "all run")
    crew.store.delete(gone)
    crew.all_done(stays)
    crew.check(stays, reference=False)
    assert {row.attempt for row in crew.store.runs(stays)} == {1}


def test_a_stopped_run_of_the_command_line_leaves_the_others(crew):
    id = crew.store.launch(plan(4, first=50, steps=1_000_000))
    process, runs = next(iter(together(crew, 2).items()))
    born = birth(process)
    assert "Stopped 1 run" in crew.command("stop", runs[0]).stdout
    rows = rows_of(crew, id)
    assert (rows[runs[0]].state, rows[runs[1]].state) == ("stopped", "running")
    assert rows[runs[1]].attempt == 1 and is_alive(process.pid, born)
    crew.store.stop(id)
    until(lambda: crew.counted(id) == {"stopped": 4}, 20, "all have stopped")


def test_a_process_that_hears_nothing_is_killed_and_its_other_runs_are_unharmed(crew):
    id = crew.store.launch(plan(4, first=60, steps=LONG))
    process, runs = next(iter(together(crew, 2).items()))
    crew.halt(process)
    crew.store.stop(id, runs[:1])
    until(lambda: rows_of(crew, id)[runs[0]].state == "stopped", 20, "it was ended")
    assert crew.deaths()[runs[1]] == 0
    crew.store.go_on(id)
    crew.all_done(id)
    crew.check(id, reference=False)


def test_a_killed_supervisor_leaves_its_stacks_to_the_next_one(crew):
    id = crew.store.launch(plan(8, first=70, steps=2 * LONG))
    stacks = until(lambda: len(found := together(crew, 4)) == 2 and found, READY, "two stacks")
    (lives, lucky), (dies, unlucky) = stacks.items()
    created = birth(lives)
    crew.started[-1].kill()
    crew.started[-1].wait(10)
    dies.kill()
    step = rows_of(crew, id)[lucky[0]].step
    until(lambda: rows_of(crew, id)[lucky[0]].step > step, 20, "it goes on without a supervisor")
    assert is_alive(lives.pid, created)
    crew.start()
    crew.all_done(id)
    crew.check(id, reference=False)
    rows = rows_of(crew, id)
    assert {rows[run].attempt for run in lucky} == {1}
    assert {rows[run].attempt for run in unlucky} == {2}


def test_the_command_line_trains_stacks_too(tmp_path):
    crew = Crew(tmp_path / "home", set=OFTEN)
    file = tmp_path / "plan.json"
    experiment = plan(6, first=80, steps=200).dump()
    file.write_text(json.dumps(experiment))
    try:
        said = crew.command("run", str(file), "--workers", "2", "--json")
        assert said.returncode == 0, said.stderr
        told = json.loads(said.stdout)
        (arm,) = told["arms"]
        assert [run["state"] for run in arm["runs"]] == ["done"] * 6
        assert all(run["seconds"] > 0 for run in arm["runs"])
        crew.check(told["experiment"]["id"], reference=False)
        rows = crew.store.runs(told["experiment"]["id"])
        assert {row.together for row in rows} == {3}
    finally:
        crew.end()


def test_the_switch_trains_each_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "TRICKBOARD_STACK", "0")
    crew = Crew(tmp_path / "home")
    try:
        crew.start()
        id = crew.store.launch(plan(4, first=90, steps=100))
        crew.all_done(id)
        crew.check(id)  # bit for bit
        rows = crew.store.runs(id)
        assert {row.together for row in rows} == {1}
        assert not any("stacked" in crew.store.report(row.id) for row in rows)
        assert not any("together" in crew.log(row.id) for row in rows)
    finally:
        crew.end()
