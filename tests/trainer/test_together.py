"""What a process does with several runs, in this process and with a training that obeys."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.trainer import in_turns
from tests.trainer.stores import plan
from trainer import stacking
from trainer.executors import together as room
from trainer.executors import writer as writing
from trainer.executors.writer import Writer
from trainer.home import checkpoint_files
from trainer.queue import Fenced
from trainer.schema import runs

TINY = {"network": {"kind": "mlp", "depth": 1, "width": 8}, "device": "cpu", "batch_size": 64}


class Gone(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def stays(monkeypatch):
    """Nothing may end the process of the tests."""

    def leave(status):
        raise Gone(status)

    monkeypatch.setattr(writing.os, "_exit", leave)
    monkeypatch.setattr(room, "worth", lambda runs, **where: True)
    monkeypatch.setattr(room, "WORTH", set())
    monkeypatch.setattr(room, "train_together", in_turns.train_together)


@pytest.fixture
def claim(store, queue):
    """Launches, claims all seeds and signs them, without a thread that writes."""

    def make(seeds=3, arms=("baseline",), **setup):
        id = store.launch(plan(arms, range(seeds), **{**TINY, "steps": 30, **setup}))
        claims = queue.claim_together("w", "cpu", "cpu", room=1)
        assert len(claims) == seeds
        writer = Writer(queue, claims)
        writer.thread.start = lambda: None
        writer.start()
        return id, writer

    return make


def obeys(monkeypatch, *does):
    """Training that does what a test says: a list of steps (i, told), or functions to call."""

    def together(runs, *, savers, **rest):
        for one in does:
            if callable(one):
                yield from one(savers) or ()
            else:
                yield one

    monkeypatch.setattr(room, "train_together", together)


def states(store, id):
    return [row.state for row in store.runs(id)]


def known(store, what):
    with store.reads.connect() as db:
        return [row[0] for row in db.execute(select(what).order_by(runs.c.position))]


def log_of(store, row):
    return (store.home / "logs" / f"{row.id}.log").read_text()


def outcome(steps=30):
    from trainer.engine import Outcome

    return Outcome(state="done", steps=steps, seconds=0.5, metrics={"test_accuracy": 0.5})


def test_all_are_trained_and_each_tells_of_the_others(store, claim):
    id, writer = claim(3)
    room.together(writer)
    rows = store.runs(id)
    assert [(row.state, row.step, row.together) for row in rows] == [("done", 30, 3)] * 3
    for row in rows:
        steps, _ = store.read({row.id: (0, 0)}, ["loss"])[row.id].series["loss"]
        assert steps == list(range(1, 31))
        assert store.report(row.id)["stacked"] == 3
        assert "3 runs in one process: seeds 0, 1, 2" in log_of(store, row)


def test_the_points_of_all_are_written_while_they_train(store, claim):
    id, writer = claim(3)
    for one in writer.accounts:
        one.add((1, "loss", 2.0))
    writer.write()
    assert [row.step for row in store.runs(id)] == [1, 1, 1]


def test_what_is_not_quicker_together_is_trained_alone_and_the_others_wait(
    store, queue, claim, monkeypatch
):
    monkeypatch.setattr(room, "worth", lambda runs, **where: False)
    id, writer = claim(3)
    room.together(writer)
    assert states(store, id) == ["done", "waiting", "waiting"]
    first = store.runs(id)[0]
    assert first.together == 1 and "stacked" not in store.report(first.id)
    assert known(store, runs.c.deaths) == [0, 0, 0]
    assert len(queue.claim_together("w", "cpu", "cpu", room=1)) == 1  # not asked again


def test_one_that_fails_is_tried_alone_and_the_others_go_on(store, queue, claim, monkeypatch):
    obeys(
        monkeypatch,
        (1, ValueError("a bad number")),
        *((i, (1, "loss", 0.5)) for i in (0, 2)),
        *((i, outcome()) for i in (0, 2)),
    )
    id, writer = claim(3)
    room.together(writer)
    assert states(store, id) == ["done", "waiting", "done"]
    assert known(store, runs.c.deaths) == [0, 0, 0]
    assert "ValueError: a bad number" in log_of(store, store.runs(id)[1])
    assert "ValueError" not in log_of(store, store.runs(id)[0])
    (alone,) = queue.claim_together("w", "cpu", "cpu", room=1)
    assert alone.run.seed == 1


def test_nothing_more_is_heard_of_one_that_has_left(store, claim, monkeypatch):
    def keeps(savers):
        savers[0].save(lambda: {"step": 1, "state": {}})

    late = ((0, (2, "loss", 0.5)), (0, outcome()), (1, outcome()))
    obeys(monkeypatch, (0, (1, "loss", 0.5)), keeps, (0, ValueError("bad")), *late)
    id, writer = claim(2)
    room.together(writer)
    assert states(store, id) == ["waiting", "done"]
    assert len(checkpoint_files(store.home, store.runs(id)[0].id)) == 1


@pytest.mark.parametrize("error", [MemoryError("no room"), ValueError("unequal sizes")])
def test_what_concerns_all_has_each_trained_alone(store, queue, claim, monkeypatch, error):
    def fails(savers):
        raise error

    obeys(monkeypatch, (0, (1, "loss", 0.5)), (0, outcome()), fails)
    id, writer = claim(3)
    room.together(writer)
    assert states(store, id) == ["done", "waiting", "waiting"]
    assert known(store, runs.c.deaths) == [0, 0, 0]
    assert str(error) in log_of(store, store.runs(id)[2])
    assert [len(queue.claim_together("w", "cpu", "cpu", room=1)) for _ in range(3)] == [1, 1, 0]


def test_a_process_measures_a_kind_once(claim, monkeypatch):
    asked = []
    monkeypatch.setattr(room, "worth", lambda runs, **where: bool(asked.append(len(runs))) or True)
    for rate in (0.1, 0.2):  # a step takes as long at any rate
        assert room.is_worth(claim(3, lr=rate)[1])
    assert room.is_worth(claim(3, batch_size=16)[1])
    assert asked == [3, 3]


def test_what_went_together_is_not_measured_again(store, queue, claim, monkeypatch):
    asked = []
    monkeypatch.setattr(room, "worth", lambda runs, **where: bool(asked.append(len(runs))) or True)
    room.together(claim(3)[1])
    assert asked == [3]
    room.WORTH.clear()  # as in another process
    assert room.is_worth(claim(3, lr=0.2)[1])
    assert asked == [3]
    assert room.is_worth(claim(3, ("dropped",))[1]), "other tricks are measured"
    assert asked == [3, 3]


def test_a_failing_measurement_has_each_trained_alone(store, claim, monkeypatch):
    def fails(runs, **where):
        raise MemoryError("no room")

    monkeypatch.setattr(room, "worth", fails)
    id, writer = claim(2)
    room.together(writer)
    assert states(store, id) == ["waiting", "waiting"] and known(store, runs.c.recipe) == [None] * 2


def test_a_run_without_an_end_waits_again(store, claim, monkeypatch):
    obeys(monkeypatch, (0, outcome()))
    id, writer = claim(2)
    room.together(writer)
    assert states(store, id) == ["done", "waiting"]


def test_tricks_that_are_gone_end_their_runs(store, claim, monkeypatch):
    monkeypatch.setattr(room, "other_tricks", lambda run: "the file is gone")
    id, writer = claim(2)
    room.together(writer)
    assert {(row.state, row.error_text) for row in store.runs(id)} == {
        ("failed", "the file is gone")
    }


# Wishes, with the training that there is.


def heard(writer, then, after=3):
    """Calls ``then`` after some steps and has the store's answer heard at once."""
    count = 0
    add = writer.accounts[0].add

    def counting(point):
        nonlocal count
        add(point)
        count += point[1] == "test_loss"
        if count == after:
            count += 1
            then()
            with writer.writing:
                writer.written = 0.0
                writer.write()

    writer.accounts[0].add = counting


def test_one_that_is_stopped_leaves_with_a_checkpoint_and_the_others_go_on(store, claim):
    id, writer = claim(3, steps=200)
    second = store.runs(id)[1]
    heard(writer, lambda: store.stop(id, [second.id]))
    room.together(writer)
    rows = store.runs(id)
    assert [row.state for row in rows] == ["done", "stopped", "done"]
    assert 0 < rows[1].step == rows[1].saved_step < 200
    assert [len(checkpoint_files(store.home, row.id)) for row in rows] == [0, 1, 0]
    assert store.report(rows[0].id)["stacked"] == 3


def test_paused_together_they_go_on_together_with_the_curve_that_they_would_have_had(
    store, queue, claim
):
    id, writer = claim(3, steps=200)
    heard(writer, lambda: store.pause(id))
    room.together(writer)
    rows = store.runs(id)
    assert {row.state for row in rows} == {"paused"}
    store.go_on(id)
    found = []
    while claims := queue.claim_together("w", "cpu", "cpu", room=1):
        found.append(len(claims))
        again = Writer(queue, claims)
        again.thread.start = lambda: None
        again.start()
        room.together(again)
    assert states(store, id) == ["done"] * 3
    assert found == [3], "after the same step"
    for row in store.runs(id):
        series = store.read({row.id: (0, 0)}, ["loss"])[row.id].series
        assert series["loss"][0] == list(range(1, 201))


def test_a_deleted_run_leaves_and_the_others_go_on(store, queue, claim):
    id, writer = claim(3, steps=200)
    gone = store.runs(id)[1]
    heard(writer, lambda: queue.died(gone.id, 1, "somebody thought so"))
    room.together(writer)
    assert states(store, id) == ["done", "waiting", "done"]
    assert f"attempt 1 of {gone.id} is over" in log_of(store, gone)


def test_where_all_are_lost_the_process_ends(store, queue, claim):
    id, writer = claim(2, steps=200)
    ids = [row.id for row in store.runs(id)]
    heard(writer, lambda: [queue.died(one, 1, "somebody thought so") for one in ids])
    with pytest.raises(Gone):
        room.together(writer)
    assert states(store, id) == ["waiting"] * 2


def test_one_that_does_not_hear_has_ended_and_the_others_go_on(store, claim):
    """A slow disk or a long call keeps it from leaving by itself; it leaves when it can."""
    id, writer = claim(3, steps=200)
    first = store.runs(id)[0]

    def stop():
        store.stop(id, [first.id])
        with writer.writing:
            writer.written = 0.0
            writer.write()
        writer.accounts[0].stop_seen -= 100

    heard(writer, stop)
    room.together(writer)
    assert states(store, id) == ["stopped", "done", "done"]
    assert known(store, runs.c.deaths) == [0, 0, 0]
    assert len(known(store, runs.c.recipe)) == 3 and None not in known(store, runs.c.recipe)


def test_where_none_hears_the_process_ends(store, claim):
    id, writer = claim(2)
    store.stop(id)
    writer.written = 0.0
    writer.write()
    for one in writer.accounts:
        one.stop_seen -= 100
    with pytest.raises(Gone):
        writer.write()
    assert states(store, id) == ["stopped", "stopped"]


def test_a_late_process_signs_those_that_are_left(store, queue):
    id = store.launch(plan(("baseline",), range(3), **TINY))
    claims = queue.claim_together("w", "cpu", "cpu", room=1)
    queue.died(claims[0].run.id, 1, "too slow")
    writer = Writer(queue, claims)
    writer.thread.start = lambda: None
    writer.start()
    assert [one.claim.run.seed for one in writer.accounts] == [1, 2]
    room.together(writer)
    assert states(store, id) == ["waiting", "done", "done"]
    with pytest.raises(Fenced):
        Writer(queue, claims[:1]).start()


@pytest.mark.parametrize("way", [stacking, in_turns])
def test_the_training_keeps_its_word(home, way):
    """What this room relies on, whoever writes it: one end each, and points in order."""
    made = plan(("baseline",), range(3), **TINY, steps=5).runs()
    seen = {i: [] for i in range(3)}
    for i, told in way.train_together(made, home=home):
        assert not seen[i] or isinstance(seen[i][-1], tuple)
        seen[i].append(told)
    for told in seen.values():
        assert told[-1].state == "done" and told[-1].steps == 5
        assert [p[0] for p in told[:-1] if p[1] == "loss"] == [1, 2, 3, 4, 5]
