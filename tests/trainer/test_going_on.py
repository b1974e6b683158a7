"""A process whose runs are over takes the next ones by itself, where nothing speaks against it."""

from __future__ import annotations

import time

import pytest

from tests.trainer.stores import plan
from tests.trainer.test_supervisor import alone as alone
from tests.trainer.test_supervisor import work as work
from trainer import claiming, queue
from trainer import supervisor as supervisors
from trainer.executors import process as processes
from trainer.executors.writer import Writer
from trainer.queue import Queue
from trainer.store import Store


def in_turn(store, id):
    """The runs of an experiment as they are trained, seed by seed."""
    return sorted(store.runs(id), key=lambda run: (run.seed, run.arm))


def states(store, id):
    return [run.state for run in in_turn(store, id)]


DONE = {"state": "done", "steps": 20, "seconds": 0.5, "metrics": {"test_accuracy": 0.5}}


@pytest.fixture
def first(work, queue):
    """A supervisor with one slot, and the claim of the run that it has started and that is over."""

    def make(**options):
        made = work(slots=1, **options)
        made.tick()
        ((claim,),) = made.children.values()
        queue.finish(claim, **DONE)
        return made, claim

    return make


def test_it_takes_the_run_that_its_supervisor_would_have_started(store, queue, first):
    id = store.launch(plan())
    made, claim = first()
    (after,) = queue.go_on(claim, worker=made.id)
    assert (after.run.id, after.stack) == (in_turn(store, id)[1].id, claim.stack)
    made.tick()
    made.tick()
    assert len(made.executor.jobs) == 1 and made.executor.killed == []
    assert states(store, id) == ["done", "running", "waiting", "waiting"]


@pytest.mark.parametrize(("slots", "share"), [(1, 6), (2, 3), (3, 2)])
def test_it_leaves_their_share_to_slots_that_are_free(
    store, queue, work, monkeypatch, slots, share
):
    monkeypatch.setenv("TRICKBOARD_STACK", "1")
    store.launch(plan(("baseline",), (90,)))
    made = work(slots=slots)
    made.tick()
    ((claim,),) = made.children.values()
    queue.finish(claim, **DONE)
    store.launch(plan(("baseline",), range(6)))
    assert len(queue.go_on(claim, worker=made.id)) == share
    made.tick()
    sizes = [len(claims) for claims in made.children.values()][1:]
    assert sizes == [share] * (slots - 1)  # the supervisor fills the others


def test_when_it_dies_the_run_that_it_has_by_then_waits_again(store, queue, first):
    id = store.launch(plan())
    made, claim = first()
    queue.go_on(claim, worker=made.id)
    (key,) = made.executor.jobs
    made.ready = False  # nothing is started while we look
    made.executor.ends(key)
    made.tick()
    assert states(store, id) == ["done", "waiting", "waiting", "waiting"]
    assert not made.children


def test_it_is_killed_for_the_run_that_it_has_by_then(store, queue, first, monkeypatch):
    monkeypatch.setattr(supervisors, "STOP_GRACE", {"stop": 0.01, "pause": 0.01})
    id = store.launch(plan())
    made, claim = first()
    queue.go_on(claim, worker=made.id)
    store.stop(id)
    time.sleep(0.02)
    made.sweep_from = 0.0
    made.tick()
    assert len(made.executor.killed) == 1
    assert states(store, id) == ["done", "stopped", "stopped", "stopped"]


def test_between_two_runs_it_is_given_its_time_anew(store, queue, first, monkeypatch):
    store.launch(plan())
    made, claim = first()
    made.tick()  # nothing of it runs
    assert made.over
    (after,) = queue.go_on(claim, worker=made.id)
    made.tick()
    assert not made.over
    queue.finish(after, **DONE)
    made.tick()
    assert made.over and made.executor.killed == []


def test_it_ends_where_nobody_watches(store, queue, first, monkeypatch):
    id = store.launch(plan())
    made, claim = first()
    assert queue.go_on(claim, worker="another") == []
    made.queue.ask_end()
    assert queue.go_on(claim, worker=made.id) == []
    made.queue.enter(made.id, pid=1, created=1.0, slots=1)
    made.queue.beat(made.id, busy=0, state="ready", devices=None)
    monkeypatch.setattr("trainer.queue.WATCHED", -1.0)  # the last sign of life is too long ago
    assert queue.go_on(claim, worker=made.id) == []
    monkeypatch.undo()
    monkeypatch.setenv("TRICKBOARD_STACK", "0")
    assert len(queue.go_on(claim, worker=made.id)) == 1
    made.queue.leave(made.id)
    assert queue.go_on(claim, worker=made.id) == []
    assert states(store, id) == ["done", "running", "waiting", "waiting"]


def test_turns_are_taken_as_ever(store, queue, first):
    mine = store.launch(plan(seeds=(0, 1, 2)))
    made, claim = first()
    yours = store.launch(plan(seeds=(5, 6), name="Another"))
    order = []
    for _ in range(4):
        (claim,) = queue.go_on(claim, worker=made.id)
        order.append(claim.run.seed)
        queue.finish(claim, **DONE)
    assert order == [5, 0, 5, 1]  # one after the other, since both have had as many
    assert states(store, mine).count("done") == 3 and states(store, yours).count("done") == 2


def test_a_supervisor_of_one_experiment_keeps_to_it(store, queue, first):
    other = store.launch(plan(seeds=(7,)))
    id = store.launch(plan(("baseline",), (0,), name="Mine"))
    made, claim = first(experiment_id=id)
    assert queue.go_on(claim, worker=made.id, experiment_id=id) == []
    assert states(store, other) == ["waiting"] * 2


def test_another_device_that_is_asked_for_first_is_left_to_the_supervisor(store, queue, first):
    store.launch(plan(("baseline",), (0,)))
    made, claim = first()
    store.launch(plan(("baseline",), (0,), device="cpu"))
    assert claim.run.setup.device == "auto"
    assert queue.go_on(claim, worker=made.id) == []


def test_a_trick_of_ones_own_gets_a_process_of_its_own(store, queue, first, monkeypatch):
    id = store.launch(plan())
    made, claim = first()
    monkeypatch.setattr(claiming, "version", lambda trick: "edited")
    assert in_turn(store, id)[1].arm_name == "dropped"
    before = turns_of(queue)
    assert queue.go_on(claim, worker=made.id) == []
    assert turns_of(queue) == before  # that was nobody's turn
    assert claiming.own_tricks(store.experiment(id).experiment.arms[1]) == ["dropout"]


def turns_of(queue):
    with queue.store.reads.connect() as db:
        return db.exec_driver_sql("SELECT value FROM notes WHERE key LIKE 'served:%'").all()


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("done", "done"),
        ("diverged", "diverged"),
        ("failed", "failed"),
        ("stopped", "waiting"),  # nobody wants it to stop any more
    ],
)
def test_it_goes_on_only_after_an_ordinary_end(store, queue, first, monkeypatch, state, shown):
    id = store.launch(plan())
    made, claim = first()
    (claim,) = queue.go_on(claim, worker=made.id)
    began = []

    def train(writer, account):
        began.append(account.claim.run.id)
        writer.end(account, **DONE | {"state": state if len(began) == 1 else "failed"})

    monkeypatch.setattr(processes, "write_to_log", lambda store, name: None)
    monkeypatch.setattr(processes, "alone", train)
    processes.train_runs(str(store.path), [claim], made.id)
    rows = in_turn(store, id)
    goes_on = state in ("done", "diverged")
    assert began == [row.id for row in rows[1 : 3 if goes_on else 2]]
    assert [row.state for row in rows[1:3]] == [shown, "failed" if goes_on else "waiting"]


def test_a_writer_whose_runs_are_over_does_not_end_the_process(store, queue, first):
    """Its thread may still be busy with a store that refused."""
    store.launch(plan())
    _, claim = first()
    writer = Writer(Queue(Store(store.path)), [claim])
    writer.accounts[0].over = True
    writer.closed.set()
    writer.refused(None, since=float("-inf"))  # neither os._exit nor anything written


def test_the_watch_is_longer_than_a_beat():
    assert queue.WATCHED > 2 * supervisors.BEAT
