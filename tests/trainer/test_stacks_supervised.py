"""What the supervisor does with processes that train several runs each."""

from __future__ import annotations

import time

import psutil
import pytest

from tests.trainer.stores import plan
from tests.trainer.test_stacks import claimed, deaths
from tests.trainer.test_stacks import together as together
from tests.trainer.test_supervisor import states, warmed
from trainer import supervisor
from trainer.processes import birth
from trainer.queue import DEATHS, DEATHS_TOGETHER, News


@pytest.fixture
def work(store):
    def make(*found, **options):
        made = warmed(store, *found, **options)
        made.sweep_from = 0.0
        return made

    return make


def sizes(made):
    return sorted(len(claims) for claims in made.children.values())


def finish(made, store):
    """The processes that run end, all their runs done."""
    for key, claims in list(made.children.items()):
        for claim in claims:
            made.queue.finish(claim, state="done", steps=20, seconds=0.1)
        made.executor.ends(key, "its process ended with status 0")


def test_a_slot_is_a_process(store, work):
    id = store.launch(plan(("baseline",), range(8)))
    made = work()
    made.tick()
    assert sizes(made) == [4, 4] and states(store, id) == ["running"] * 8
    made.last_beat = 0.0
    made.tick()
    row = store.worker()
    assert (row.busy, row.slots) == (2, 2) and len(made.executor.jobs) == 2
    job = next(iter(made.executor.jobs.values()))
    assert len(job.args[1]) == 4


def test_arms_stay_whole_where_there_are_enough_of_them(store, work):
    store.launch(plan(("baseline", "dropped", "smooth"), range(6)))
    store.launch(plan(("baseline",), range(6), steps=21))
    made, seen = work(), []
    for _ in range(2):
        made.tick()
        seen.append(sizes(made))
        finish(made, store)
    assert seen == [[6, 6], [6, 6]]


def test_what_is_left_is_shared_with_a_slot_that_is_free_soon(store, work):
    store.launch(plan(("baseline", "dropped", "smooth"), range(6)))
    made = work()
    made.tick()
    first, second = made.children
    for claim in made.children[second]:
        made.queue.write(claim, [(19, "loss", 1.0)])
    key, claims = first, made.children[first]
    for claim in claims:
        made.queue.finish(claim, state="done", steps=20, seconds=0.1)
    made.executor.ends(key)
    made.tick()
    assert sizes(made) == [3, 6]


def test_a_process_that_has_not_quite_left_leaves_its_share(store, work):
    """Its runs are over, and it is not gone yet: whoever takes all that waits leaves it idle."""
    store.launch(plan(("baseline", "dropped"), (100,)))
    made = work()
    made.tick()
    first, second = made.children
    for claims in made.children.values():
        made.queue.finish(claims[0], state="done", steps=20, seconds=0.1)
    made.executor.ends(first)
    store.launch(plan(("baseline",), range(6)))
    made.tick()
    assert sizes(made) == [1, 3]
    made.executor.ends(second)
    made.tick()
    assert sizes(made) == [3, 3]


def test_24_runs_on_2_slots(store, work):
    id = store.launch(plan(("baseline",), range(24)))
    made = work()
    made.tick()
    assert sizes(made) == [12, 12] and states(store, id) == ["running"] * 24


def test_gpus_take_as_many_processes_as_before_and_more_runs(store, work):
    store.launch(plan(("baseline",), range(24), device="cuda"))
    made = work("auto", "cpu", "cuda:0", slots=None)
    made.slots = 16
    made.tick()
    assert sizes(made) == [12, 12]


def test_a_process_that_dies_puts_all_its_runs_back_and_after_the_second_time_apart(store, work):
    id = store.launch(plan(("baseline",), range(3)))
    made = work(slots=1)
    sizes_seen = []
    for _ in range(DEATHS_TOGETHER):
        made.tick()
        sizes_seen.append(sizes(made))
        made.executor.ends(next(iter(made.executor.jobs)))
    made.tick()
    assert sizes_seen == [[3]] * DEATHS_TOGETHER and sizes(made) == [1]
    for _ in range(3 * (DEATHS - DEATHS_TOGETHER)):
        made.executor.ends(next(iter(made.executor.jobs), None)) if made.executor.jobs else None
        made.tick()
    rows = store.runs(id)
    assert {(row.state, row.error_kind, row.attempt) for row in rows} == {
        ("failed", "killed", DEATHS)
    }


def test_a_checkpoint_forgives_the_deaths_of_a_stack(store, work):
    store.launch(plan(("baseline",), range(3)))
    made = work(slots=1)
    for _ in range(4):
        made.tick()
        (claims,) = made.children.values()
        assert len(claims) == 3
        for claim in claims:
            made.queue.saved(claim, [(claim.attempt, "loss", 1.0)], claim.attempt)
        made.executor.ends(next(iter(made.executor.jobs)))


def test_a_run_that_does_not_hear_is_killed_and_the_others_wait_unharmed(store, work, monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_GRACE", {"stop": -1.0, "pause": -1.0})
    id = store.launch(plan(("baseline",), range(3)))
    made = work(slots=1)
    made.tick()
    (key,) = made.executor.jobs
    first = store.runs(id)[0]
    store.stop(id, [first.id])
    made.ready = False  # nothing is claimed anew
    made.tick()
    made.tick()
    assert made.executor.killed == [key]
    assert states(store, id) == ["stopped", "waiting", "waiting"]
    assert deaths(store) == {first.id: 1} | {row.id: 0 for row in store.runs(id)[1:]}
    made.ready = True
    made.tick()
    assert sizes(made) == [2]


def test_a_process_with_runs_left_is_not_killed_because_one_was_deleted(store, work, monkeypatch):
    monkeypatch.setattr(supervisor, "GONE_GRACE", -1.0)
    both = [store.launch(plan(("baseline",), (seed,)), owner="a#1") for seed in (0, 1)]
    made = work(slots=1)
    made.tick()
    assert sizes(made) == [2]
    store.delete(both[0])
    for _ in range(3):
        made.tick()
    assert not made.executor.killed
    store.delete(both[1])
    for _ in range(2):
        made.tick()
    assert len(made.executor.killed) == 1 and not made.children


def test_a_stack_of_a_supervisor_that_is_gone_is_adopted_as_one_slot(store, queue, work):
    id = store.launch(plan(("baseline",), range(6)))
    lives, dies = claimed(queue, room=2), claimed(queue, room=1)
    me = psutil.Process()
    queue.begin_all(lives, me.pid, birth(me))
    queue.begin_all(dies, me.pid, birth(me) - 1000)  # another process has its number now
    made = work()
    made.tick()
    assert states(store, id) == ["running"] * 3 + ["waiting"] * 3
    made.tick()
    assert sizes(made) == [3]  # one slot is the adopted process's
    made.last_beat = 0.0
    made.tick()
    assert store.worker().busy == 2


def test_a_stack_that_stands_still_dies_as_a_whole(store, queue, work, monkeypatch):
    id = store.launch(plan(("baseline",), range(3)))
    claims = claimed(queue)
    made = work(slots=1)
    made.last_tick += 16  # no gap: this machine did not sleep
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 16)
    made.tick()
    assert set(deaths(store).values()) == {1}
    made.tick()
    assert sizes(made) == [3] and {row.attempt for row in store.runs(id)} == {2}
    assert queue.write_all([News(claim=one) for one in claims]) == {}


def test_a_process_that_cannot_be_started_is_a_death_of_all(store, work):
    id = store.launch(plan(("baseline",), range(3)))
    made = work(slots=1)
    made.executor.fails = OSError("no processes left")
    for _ in range(3 * DEATHS):
        made.tick()
    rows = store.runs(id)
    assert {row.state for row in rows} == {"failed"}
    assert all("no processes left" in row.error_text for row in rows)


def test_closing_ends_the_process_and_all_its_runs_wait(store, work):
    id = store.launch(plan(("baseline",), range(4)))
    made = work(slots=1)
    made.tick()
    made.close()
    assert len(made.executor.killed) == 1 and states(store, id) == ["waiting"] * 4
    assert set(deaths(store).values()) == {0}
