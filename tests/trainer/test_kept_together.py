"""The checkpoints of runs that train together: all after the same step, however they are told."""

from __future__ import annotations

import time

import pytest

from tests.trainer.test_together import claim as claim
from tests.trainer.test_together import heard, log_of, states
from tests.trainer.test_together import stays as stays
from trainer.executors import keeper as keeping
from trainer.executors import together as room
from trainer.executors.keeper import Keeper, Left, Pace
from trainer.executors.writer import Writer
from trainer.home import checkpoint_files
from trainer.queue import Fenced


def test_all_are_kept_after_the_same_step_whoever_is_asked_first(monkeypatch):
    """Also where one is asked ahead of the others, as in turns."""
    monkeypatch.setattr(keeping, "EVERY", 0.0)
    for order in ("abcabcabc", "aabbccabc", "abcaabbcc"):
        pace, asked, kept = Pace(), dict.fromkeys("abc", 0), []
        pace.due = time.monotonic() + 1000
        for at, name in enumerate(order):
            if at == 1:
                pace.due = 0.0
            asked[name] += 1
            if pace.wanted(asked[name]):
                kept.append((asked[name], name))
                pace.due = time.monotonic() + 1000
        assert {name for _, name in kept} == set("abc") and len({step for step, _ in kept}) == 1


def test_those_that_are_told_at_once_leave_after_the_same_step(claim):
    """Also when they are told while some of them were asked and some were not."""
    _, writer = claim(3)
    pace = Pace()
    keepers = [Keeper(one, writer, pace) for one in writer.accounts]
    assert [keepers[0].wanted()] == [False]
    for one in writer.accounts:
        one.stopped.set()
    assert [one.wanted() for one in keepers[1:]] == [False, False]
    assert [one.wanted() for one in keepers] == [True, True, True]
    assert {one.asked for one in keepers} == {2}


def test_a_wish_between_question_and_checkpoint_is_heard_after_the_next_step(claim):
    _, writer = claim(2)
    keeper = Keeper(writer.accounts[0], writer, Pace())
    keeper.pace.due = 0.0
    assert keeper.wanted()
    writer.accounts[0].stopped.set()
    keeper.save(lambda: {"step": 1, "state": {}})
    assert keeper.wanted()
    with pytest.raises(Left):
        keeper.save(lambda: {"step": 2, "state": {}})


def test_checkpoints_of_many_take_no_more_of_the_time_than_one(monkeypatch):
    pace = Pace()
    now = time.monotonic()
    for _ in range(20):
        pace.spent(0.05)
    assert pace.due - now > 0.9 * 20 * 0.05 / keeping.SHARE


def test_a_damaged_checkpoint_has_its_run_wait_and_the_others_go_on(store, queue, claim):
    id, writer = claim(3, steps=200)
    heard(writer, lambda: store.pause(id))
    room.together(writer)
    damaged = store.runs(id)[1]
    (file,) = checkpoint_files(store.home, damaged.id)
    file.write_bytes(b"nothing")
    store.go_on(id)
    again = Writer(queue, queue.claim_together("w", "cpu", "cpu", room=1))
    again.thread.start = lambda: None
    again.start()
    room.together(again)
    assert states(store, id) == ["done", "waiting", "done"]
    assert store.runs(id)[1].saved_step is None
    assert "begins at the first step" in log_of(store, damaged)


def test_a_saver_that_is_to_leave_says_so(store, claim):
    _, writer = claim(2)
    keeper = Keeper(writer.accounts[0], writer, Pace())
    assert not keeper.wanted()
    writer.accounts[0].stopped.set()
    assert keeper.wanted()
    with pytest.raises(Left):
        keeper.save(lambda: {"step": 1, "state": {}})
    writer.lose(writer.accounts[0])
    with pytest.raises(Fenced):
        keeper.save(lambda: {"step": 2, "state": {}})
