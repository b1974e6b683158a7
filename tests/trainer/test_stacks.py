"""Seeds of an arm in one process: who is claimed together, and whose turn and death it is."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from sqlalchemy import func, select, update

from tests.trainer.stores import plan
from tests.trainer.test_supervisor import states
from trainer import portions as sizing
from trainer.portions import MOST, portion, portions
from trainer.queue import Fenced, News
from trainer.schema import links, points, runs


@pytest.fixture(autouse=True)
def together(monkeypatch):
    monkeypatch.delenv("TRICKBOARD_STACK", raising=False)


def claimed(queue, room=1, wish="auto", experiment_id=None):
    return queue.claim_together("w", wish, "cpu", experiment_id, room=room)


def named(claims):
    return [(one.run.arm.name, one.run.seed) for one in claims]


# How many.


@pytest.mark.parametrize(
    ("groups", "room", "wanted"),
    [
        ([8], 2, [4, 4]),
        ([6] * 4, 2, [6] * 4),
        ([24], 2, [12, 12]),
        ([3], 2, [2, 1]),
        ([1], 4, [1]),
        ([8, 8], 4, [4, 4, 4, 4]),
        ([2, 2], 8, [1, 1, 1, 1]),
        ([100], 1, [MOST, MOST, MOST, 100 - 3 * MOST]),
    ],
)
def test_equal_runs_are_shared_out_so_that_no_slot_is_idle(groups, room, wanted):
    assert sorted(size for _, size in portions(groups, room)) == sorted(wanted)


def test_whatever_waits_all_of_it_is_taken_and_no_slot_is_left_empty():
    for groups in ([1], [5], [7, 1], [2, 9, 4], [40, 3]):
        for room in (1, 2, 3, 8):
            found = portions(groups, room)
            taken = Counter()
            for group, size in found:
                taken[group] += size
            assert [taken[i] for i in range(len(groups))] == groups
            assert len(found) >= min(room, sum(groups)) and all(n <= MOST for _, n in found)


def test_there_is_a_most():
    assert portion(10_000, 1, 0, 1) == portion(10_000, 3, 9, 2) == MOST


# Who.


def test_seeds_of_an_arm_are_claimed_together_and_no_others(store, queue):
    store.launch(plan(seeds=range(4)))
    assert named(claimed(queue)) == [("baseline", seed) for seed in range(4)]
    assert named(claimed(queue)) == [("dropped", seed) for seed in range(4)]
    assert claimed(queue) == []


def test_what_differs_in_setup_or_tricks_is_another_stack(store, queue):
    store.launch(plan(("baseline",), range(2), steps=20))
    store.launch(plan(("baseline",), range(2), steps=21))
    store.launch(plan(("smooth",), range(2), steps=20))
    seen = [claimed(queue) for _ in range(3)]
    assert [len(one) for one in seen] == [2, 2, 2]
    for one in seen:
        assert all(c.run.setup == one[0].run.setup and c.run.arm == one[0].run.arm for c in one)
        assert len({c.stack for c in one}) == 1
    assert len({one[0].stack for one in seen}) == 3


def test_an_arm_with_another_name_elsewhere_is_the_same_arm(store, queue):
    first = plan(("baseline",), range(2)).model_dump(mode="json")
    first["arms"][0]["name"] = "something else"
    first["setup"] = {key: value for key, value in first["setup"].items() if value is not None}
    first = {key: value for key, value in first.items() if value is not None}
    from trainer.experiment import parse

    store.launch(parse(first), owner="a#1")
    store.launch(plan(("baseline",), range(4)), owner="a#1")
    found = claimed(queue)
    assert sorted(one.run.seed for one in found) == [0, 1, 2, 3]
    assert len({one.run.arm for one in found}) == 1
    assert {one.run.id for one in found} <= {
        id for row in store.experiments() for id in store.run_ids(row.id)
    }


def test_runs_that_go_on_from_another_step_are_not_with_those_that_begin(store, queue):
    store.launch(plan(("baseline",), range(4)))
    for claim in claimed(queue)[:2]:
        queue.saved(claim, [(1, "loss", 1.0), (5, "loss", 1.0)], 5)
    for one in queue.running():
        queue.put_back(one.id, one.attempt)
    found = [claimed(queue) for _ in range(2)]
    assert [{one.saved_step for one in some} for some in found] == [{5}, {None}]
    assert [sorted(one.run.seed for one in some) for some in found] == [[0, 1], [2, 3]]


def test_two_stacks_that_were_paused_go_on_as_two(store, queue):
    store.launch(plan(("baseline",), range(6)))
    for room, step in ((2, 5), (1, 7)):
        for claim in claimed(queue, room=room):
            queue.saved(claim, [(step, "loss", 1.0)], step)
    for one in queue.running():
        queue.put_back(one.id, one.attempt)
    found = [claimed(queue, room=room) for room in (2, 1)]
    assert [len(some) for some in found] == [3, 3]


def test_what_a_checkpoint_knows_stays_of_each(store, queue):
    id = store.launch(plan(("baseline",), range(3)))
    first = claimed(queue)
    for claim in first:
        queue.saved(claim, [(5, "loss", float(claim.run.seed))], 5)
        queue.write(claim, [(6, "loss", 9.0)])
    queue.give_back(first)
    second = claimed(queue)
    assert [(one.attempt, one.saved_step) for one in second] == [(2, 5)] * 3
    for row in store.runs(id):
        series = store.read({row.id: (0, 0)}, ["loss"])[row.id].series
        assert series["loss"] == ([5], [float(row.seed)])
        assert row.step == 5


def test_the_switch_trains_each_alone(store, queue, monkeypatch):
    monkeypatch.setenv("TRICKBOARD_STACK", "0")
    store.launch(plan(("baseline",), range(4)))
    assert len(claimed(queue)) == 1


def test_what_does_not_stack_is_claimed_alone(store, queue, monkeypatch):
    monkeypatch.setattr(sizing, "stackable", lambda setup, arm: "too strange")
    store.launch(plan(("baseline",), range(4)))
    assert len(claimed(queue)) == 1


def test_a_trick_that_is_gone_is_claimed_alone(store, queue, monkeypatch):
    """It fails where it is trained, with a sentence; the supervisor goes on."""
    store.launch(plan(("dropped",), range(4)))
    monkeypatch.setattr("trainer.experiment.catalog", dict)
    assert len(claimed(queue)) == 1


def test_a_limit_to_an_experiment_holds_for_all_of_a_stack(store, queue):
    store.launch(plan(("baseline",), range(6)))
    id = store.launch(plan(("baseline",), range(3, 9)))
    found = claimed(queue, experiment_id=id)
    assert {one.run.id for one in found} == store.run_ids(id)


def test_runs_of_a_store_from_before_are_trained_alone(store, queue):
    store.launch(plan(("baseline",), range(3)))
    with store.writes.begin() as db:
        db.execute(update(runs).values(recipe=None, stack=None, together=None))
    assert [len(claimed(queue)) for _ in range(4)] == [1, 1, 1, 0]


def test_the_trials_of_a_rate_are_trained_together(store, queue):
    from trainer.experiment import Tune

    tuned = plan(("baseline",), (0,)).model_copy(update={"tune": Tune(scales=(0.5, 1.0), seeds=3)})
    store.launch(tuned)
    found = [claimed(queue) for _ in range(2)]
    assert [len(one) for one in found] == [3, 3]
    assert [len({c.run.arm.lr_scale for c in one}) for one in found] == [1, 1]


# In turn.


def test_a_stack_is_one_turn_and_everybodys_first_comes_before_anybodys_second(store, queue):
    owner_of = {}
    for i in range(5):
        id = store.launch(plan(("baseline",), range(40), steps=20 + i), owner=f"p{i}#{i}")
        owner_of |= dict.fromkeys(store.run_ids(id), i)
    order = []
    for _ in range(5):
        order.append({owner_of[one.run.id] for one in claimed(queue, room=2)})
    assert sorted(order, key=min) == [{i} for i in range(5)]
    late = store.launch(plan(("baseline",), (0,), steps=99), owner="late#1")
    assert {one.run.id for one in claimed(queue, room=2)} == store.run_ids(late)


def test_a_stack_holds_runs_of_its_owner_only(store, queue):
    store.launch(plan(("baseline",), range(3)), owner="a#1")
    store.launch(plan(("baseline",), range(3, 6)), owner="b#2")
    found = [sorted(one.run.seed for one in claimed(queue)) for _ in range(2)]
    assert sorted(found) == [[0, 1, 2], [3, 4, 5]]


def test_ten_thousand_runs_that_wait_cost_a_claim_little_more_than_one_run_did(store, queue):
    """Both in the same store, in turns; the extra is a small part of what a turn costs anyway."""
    for i in range(4):
        store.launch(plan(("baseline", "dropped"), range(1250), steps=20 + i))
    times = {0: [], 2: []}
    for _ in range(7):
        for room, took in times.items():
            begun = time.perf_counter()
            found = claimed(queue, room)
            took.append((time.perf_counter() - begun) / (1 + 0.1 * len(found)))
            queue.give_back(found)
    assert sorted(times[2])[3] < 3 * sorted(times[0])[3], times


# What the process writes.


def test_one_transaction_for_all_and_a_fence_for_each(store, queue):
    id = store.launch(plan(("baseline",), range(4)))
    claims = claimed(queue)
    queue.died(claims[1].run.id, 1, "x")  # somebody else's from now on
    store.stop(id, [claims[2].run.id])
    news = [News(claim=one, batch=[(3, "loss", 0.5), (3, "seconds", 2.0)]) for one in claims]
    told = queue.write_all(news)
    ids = [one.run.id for one in claims]
    assert told == {ids[0]: "run", ids[2]: "stop", ids[3]: "run"}
    rows = {row.id: row for row in store.runs(id)}
    assert (rows[ids[0]].step, rows[ids[0]].seconds) == (3, 2.0)
    assert (rows[ids[1]].step, rows[ids[1]].seconds) == (0, None)
    with store.reads.connect() as db:
        of = select(points.c.run_id, func.count()).group_by(points.c.run_id)
        assert dict(map(tuple, db.execute(of))) == dict.fromkeys([ids[0], *ids[2:]], 2)
    queue.write_all([News(claim=one) for one in claims])
    assert store.runs(id)[0].step == 3  # a sign of life alone moves nothing
    with pytest.raises(Fenced, match="attempt 1 of"):
        queue.write(claims[1])


def test_a_write_for_24_runs_is_a_handful_of_statements(store, queue):
    from sqlalchemy import event

    store.launch(plan(("baseline",), range(24)))
    claims, seen = claimed(queue), []
    event.listen(store.writes, "before_cursor_execute", lambda *given: seen.append(given[2]))
    queue.write_all([News(claim=one, batch=[(1, "loss", 1.0)]) for one in claims])
    assert len(claims) == 24 and len(seen) <= 5, seen


def test_what_is_given_back_waits_for_another_process(store, queue):
    id = store.launch(plan(("baseline",), range(4)))
    first, *rest = claimed(queue)
    queue.give_back(rest[:1], alone=True)
    queue.give_back(rest[1:])
    assert states(store, id) == ["running", "waiting", "waiting", "waiting"]
    assert set(deaths(store).values()) == {0}
    found = [claimed(queue), claimed(queue)]
    assert sorted(len(one) for one in found) == [1, 2]
    assert all(one.attempt == 2 for some in found for one in some)
    assert queue.write(first) == "run"


def test_what_is_given_back_and_was_told_to_stop_has_stopped(store, queue):
    id = store.launch(plan(("baseline",), range(2)))
    claims = claimed(queue)
    store.stop(id, [claims[0].run.id])
    queue.give_back(claims)
    assert states(store, id) == ["stopped", "waiting"]


def test_of_no_use_together_holds_for_all_that_are_equal(store, queue):
    store.launch(plan(seeds=range(6)))
    claims = claimed(queue)[:2]
    queue.apart(claims)
    queue.give_back(claims)
    with store.reads.connect() as db:
        known = select(runs.c.recipe, links.c.arm, func.count()).join(
            links, links.c.run_id == runs.c.id
        )
        of = known.where(runs.c.state == "waiting").group_by(runs.c.recipe, links.c.arm)
        found = {(arm, recipe is None): count for recipe, arm, count in db.execute(of)}
    assert found == {(0, True): 2, (1, False): 6}


def deaths(store):
    with store.reads.connect() as db:
        return {id: count for id, count in db.execute(select(runs.c.id, runs.c.deaths))}
