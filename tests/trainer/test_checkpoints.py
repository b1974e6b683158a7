"""Checkpoints: what they hold, and what the store does with them. Real ones: test_worker.py."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from tests.trainer.stores import Hands, SQLite, plan
from trainer import checkpoint
from trainer.checkpoint import Unkept, capture, restore
from trainer.home import checkpoint_file, checkpoint_files
from trainer.leftovers import LEFTOVER, clear
from trainer.queue import DEATHS, Fenced


class Pair(NamedTuple):
    left: torch.Tensor
    right: int


def made(seed: int) -> dict:
    """Objects of many kinds, two of them shared."""
    draw = torch.Generator().manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    for weight in network.parameters():
        weight.data.normal_(generator=draw)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    own = SimpleNamespace(
        count=seed,
        name=f"seed {seed}",
        mean=torch.full((2,), float(seed)),
        pair=Pair(torch.ones(2) * seed, seed),
        past=deque([seed, seed + 1], maxlen=3),
        array=np.arange(3) + seed,
        first=network[0].weight,
        function=torch.relu,
        weights={"old": [torch.ones(1) * seed]},
    )
    return {"network": network, "optimizer": optimizer, "draws": [draw], "own": own}


def trained(seed: int, steps: int) -> dict:
    roots = made(seed)
    go_on(roots, steps)
    return roots


def go_on(roots: dict, steps: int) -> torch.Tensor:
    loss = torch.zeros(())
    for _ in range(steps):
        x = torch.randn(5, 3, generator=roots["draws"][0])
        roots["optimizer"].zero_grad()
        loss = roots["network"](x).square().mean()
        loss.backward()
        roots["optimizer"].step()
    return loss


def none(name, owner):
    raise Unkept(f"{name} cannot be made")


def through_a_file(state, folder):
    path = folder / "one.pt"
    checkpoint.write(path, state, 1)
    return checkpoint.read(path, "cpu")


def test_what_is_restored_goes_on_as_the_original_does(tmp_path):
    first, second = trained(1, 4), made(2)
    state = through_a_file(capture(first, []), tmp_path)
    network, own = second["network"], second["own"]
    restore(state, second, [], none)
    assert second["network"] is network and second["own"] is own
    assert own.first is network[0].weight  # shared as before
    assert (own.count, own.name, list(own.past)) == (1, "seed 1", [1, 2])
    assert own.past.maxlen == 3 and own.function is torch.relu
    assert isinstance(own.pair, Pair) and own.pair.right == 1 and own.pair.left.tolist() == [1, 1]
    assert own.array.tolist() == [1, 2, 3] and own.weights["old"][0].item() == 1
    assert torch.equal(go_on(first, 3), go_on(second, 3))


def test_what_is_known_is_not_stored_and_is_the_same_object():
    data = torch.arange(1000.0)
    state = capture({"own": SimpleNamespace(data=data, view=[data])}, [data])
    assert state["own"]["of"]["data"] == {"is": "known", "n": 0}
    again, other = SimpleNamespace(data=None, view=[]), torch.arange(1000.0)
    restore(state, {"own": again}, [other], none)
    assert again.data is other and again.view[0] is other


def test_what_was_shared_at_the_start_need_not_be_any_more():
    shared = [1, 2]
    state = capture({"a": SimpleNamespace(x=[1, 2], y=[3])}, [])
    again = SimpleNamespace(x=shared, y=shared)
    restore(state, {"a": again}, [], none)
    assert again.x == [1, 2] and again.y == [3]


def test_what_came_to_be_during_training_is_made_again():
    state = capture({"own": SimpleNamespace(best=nn.Linear(2, 1))}, [])
    again = SimpleNamespace(best=None)
    fresh = nn.Linear(2, 1)
    restore(state, {"own": again}, [], lambda name, owner: fresh if name == "best" else None)
    assert again.best is fresh
    with pytest.raises(Unkept, match="best cannot be made"):
        restore(state, {"own": SimpleNamespace(best=None)}, [], none)


def test_what_no_checkpoint_can_hold_is_named():
    with pytest.raises(Unkept, match=r"own\.running is a generator"):
        capture({"own": SimpleNamespace(running=(i for i in range(3)))}, [])


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_file_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "bad.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unkept, match=r"bad\.pt cannot be read"):
        checkpoint.read(path, "cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process has no such limit")
def test_where_there_is_no_room_the_last_one_stands_and_nothing_lies_beside(tmp_path):
    """torch itself would say RuntimeError, and the run would fail for it."""
    path = tmp_path / "a.pt"
    checkpoint.write(path, {"step": 1}, 1)
    me = psutil.Process()
    before = me.rlimit(psutil.RLIMIT_FSIZE)
    me.rlimit(psutil.RLIMIT_FSIZE, (5_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoint.write(path, {"step": 2, "weights": torch.zeros(10_000)}, 2)
    finally:
        me.rlimit(psutil.RLIMIT_FSIZE, before)
    assert checkpoint.read(path, "cpu") == {"step": 1}
    assert list(tmp_path.glob("a*")) == [path]


class Code:
    """What a pickle may do: anything."""

    def __reduce__(self):
        return os.mkdir, ("harm",)


def test_a_file_with_code_in_it_is_refused_and_the_code_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state": Code()}, tmp_path / "evil.pt")
    with pytest.raises(Unkept, match=r"evil\.pt cannot be read"):
        checkpoint.read(tmp_path / "evil.pt", "cpu")
    assert not (tmp_path / "harm").exists()


class CheckpointContract(Hands):
    """What every backend must do with them."""

    def begun(self, store, queue):
        """A run with points of three steps, a checkpoint after the second."""
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        queue.write(claim, [(1, "loss", 3.0)])
        queue.saved(claim, [(2, "loss", 2.0), (2, "seconds", 0.5)], 2)
        queue.write(claim, [(3, "loss", 1.0)])
        return id, claim

    def losses(self, store, claim):
        return store.read({claim.run.id: (0, 0)}, ["loss"])[claim.run.id].series["loss"]

    def test_a_new_attempt_keeps_what_the_checkpoint_knows(self, store, queue):
        id, first = self.begun(store, queue)
        queue.died(first.run.id, first.attempt, "killed")
        assert self.losses(store, first) == ([1, 2, 3], [3.0, 2.0, 1.0])
        second = self.claim(queue)
        assert (second.attempt, second.saved_step) == (2, 2)
        assert self.losses(store, first) == ([1, 2], [3.0, 2.0])
        (row,) = store.runs(id)
        assert (row.step, row.saved_step, row.seconds) == (2, 2, 0.5)
        queue.write(second, [(3, "loss", 1.0)])
        queue.finish(second, [(4, "loss", 0.5)], state="done", steps=4, seconds=1.0)
        assert self.losses(store, first) == ([1, 2, 3, 4], [3.0, 2.0, 1.0, 0.5])
        assert store.runs(id)[0].saved_step is None and not queue.checkpoints()
        with pytest.raises(Fenced):
            queue.saved(first, [(9, "loss", 9.0)], 9)

    def test_a_reader_in_between_sees_no_point_twice(self, store, queue):
        _, first = self.begun(store, queue)
        run = first.run.id
        seen = store.read({run: (0, 0)}, ["loss"])[run]
        queue.died(run, first.attempt, "killed")
        second = self.claim(queue)
        queue.write(second, [(3, "loss", 1.5)])
        new = store.read({run: (seen.attempt, seen.seq)}, ["loss"])[run]
        assert new.attempt == 2 and new.series["loss"] == ([1, 2, 3], [3.0, 2.0, 1.5])

    def test_without_a_usable_file_an_attempt_begins_at_the_start(self, store, queue):
        id, first = self.begun(store, queue)
        queue.died(first.run.id, first.attempt, "killed")
        second = self.claim(queue)
        queue.start_over(second)
        (row,) = store.runs(id)
        assert (row.step, row.saved_step, row.seconds) == (0, None, None)
        queue.write(second, [(1, "loss", 3.0)])
        assert self.losses(store, first) == ([1], [3.0])

    def test_paused_runs_wait_for_a_person(self, store, queue):
        id = store.launch(plan(("baseline",), (0, 1)))
        claim = self.claim(queue)
        assert store.pause(id) == 2
        assert store.counts(id) == {id: {"running": 1, "paused": 1}}
        assert queue.write(claim) == "pause" and self.claim(queue) is None
        queue.saved(claim, [(5, "loss", 1.0)], 5)
        queue.finish(claim, state="paused")
        assert store.counts(id) == {id: {"paused": 2}}
        assert store.go_on(id) == 2
        again = self.claim(queue)
        assert (again.run.id, again.saved_step, again.attempt) == (claim.run.id, 5, 2)

    def test_who_goes_on_before_the_run_has_left_has_it_wait_again(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        store.pause(id)
        assert store.go_on(id) == 1
        queue.finish(claim, state="paused")
        assert store.counts(id) == {id: {"waiting": 1}}

    def test_a_stop_is_stronger_than_a_pause(self, store, queue):
        id = store.launch(plan(("baseline",), (0, 1)))
        claim = self.claim(queue)
        store.pause(id)
        assert store.stop(id) == 2 and store.pause(id) == 0
        queue.died(claim.run.id, claim.attempt, "killed")
        assert store.counts(id) == {id: {"stopped": 2}}

    def test_a_run_whose_process_dies_while_it_pauses_is_paused(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        claim = self.claim(queue)
        store.pause(id)
        queue.died(claim.run.id, claim.attempt, "killed")
        assert store.counts(id) == {id: {"paused": 1}}

    def test_deaths_count_from_the_last_checkpoint(self, store, queue):
        id = store.launch(plan(("baseline",), (0,)))
        for step in range(1, 2 * DEATHS):
            claim = self.claim(queue)
            queue.saved(claim, [(step, "loss", 1.0)], step)
            queue.died(claim.run.id, claim.attempt, "killed")
        assert store.counts(id) == {id: {"waiting": 1}}

    def test_leftovers_go_and_what_is_needed_stays(self, store, queue):
        id, claim = self.begun(store, queue)
        run = claim.run.id
        needed = checkpoint_file(store.home, run, 2)
        needed.parent.mkdir()
        older, part = checkpoint_file(store.home, run, 1), needed.with_suffix(".7.part")
        young = checkpoint_file(store.home, run, 9)
        for file in (needed, older, part, young):
            file.write_bytes(b"")
        for file in (needed, older, part):
            os.utime(file, (0, time.time() - 2 * LEFTOVER))
        assert clear(queue) == 2
        assert set(checkpoint_files(store.home)) == {needed, young}
        store.delete(id)
        assert not checkpoint_files(store.home)


class TestSQLite(SQLite, CheckpointContract):
    pass
