"""Whose run is next: nobody waits for another's tenth run."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from sqlalchemy import select

from tests.trainer.stores import plan
from trainer import fairqueue
from trainer.fairqueue import Turn, in_turn
from trainer.queue import Queue
from trainer.schema import runs
from trainer.store import Store

PEOPLE, EACH = 30, 10


@pytest.fixture
def store(home):
    one = Store(home)
    yield one
    one.close()


def waiting(wish="auto"):
    of = select(runs.c.id).where(runs.c.state == "waiting")
    return of.where(runs.c.wish == wish) if wish else of


def start(store, wish="auto"):
    """Claim the run whose turn it is, as far as its place in the queue goes."""
    with store.writes.begin() as db:
        found = fairqueue.first(db, waiting(wish))
        if found is None:
            return None
        db.execute(runs.update().where(runs.c.id == found[0]).values(state="running"))
    return found[0]


def end(store, run):
    with store.writes.begin() as db:
        db.execute(runs.update().where(runs.c.id == run).values(state="done"))


def crowd(store):
    """Thirty people launch ten runs each, one after the other; whose run is whose."""
    owner_of = {}
    for i in range(PEOPLE):
        one = plan(arms=("baseline",), seeds=range(EACH), steps=20 + i)
        id = store.launch(one, owner=f"person {i}#{i:08x}")
        owner_of |= dict.fromkeys(store.run_ids(id), i)
    return owner_of


def order_of(store, slots=2):
    """All runs in the order in which they begin, with so many at once, of random lengths."""
    rng, begun, going = random.Random(0), [], []
    while True:
        while len(going) < slots and (run := start(store)):
            begun.append(run)
            going.append(run)
        if not going:
            return begun
        end(store, going.pop(rng.randrange(len(going))))


# Pure: who is next.


def test_the_fewest_running_then_the_longest_unserved():
    turns = [
        Turn(name="busy", running=1),
        Turn(name="served late", served=9),
        Turn(name="served early", served=2),
        Turn(name="new"),
    ]
    names = [one.name for one in in_turn(turns)]
    assert names == ["new", "served early", "served late", "busy"]


def test_turns_go_in_a_circle():
    served = dict.fromkeys("abc", 0.0)
    order = ""
    for i in range(1, 13):
        turn = in_turn([Turn(name=one, served=when) for one, when in served.items()])[0]
        served[turn.name] = i
        order += turn.name
    assert order == "abc" * 4


# In a store.


def test_everybodys_first_run_comes_before_anybodys_second(store):
    owner_of = crowd(store)
    order = [owner_of[run] for run in order_of(store)]
    assert len(order) == PEOPLE * EACH
    for turn in range(EACH):
        part = order[turn * PEOPLE : (turn + 1) * PEOPLE]
        assert Counter(part) == dict.fromkeys(range(PEOPLE), 1), f"in round {turn}"


def test_who_comes_late_goes_first_once(store):
    crowd(store)
    for _ in range(45):
        end(store, start(store))
    late = store.launch(plan(arms=("baseline",), seeds=range(5), steps=99), owner="late#1")
    ours = store.run_ids(late)
    begun = [start(store) for _ in range(2)]
    assert begun[0] in ours
    assert begun[1] not in ours, "others wait, too"


def test_where_nobody_is_named_experiments_take_turns(store):
    first = store.launch(plan(arms=("baseline",), seeds=range(6)))
    second = store.launch(plan(arms=("baseline",), seeds=range(2), steps=21))
    ids = {run: one for one in (first, second) for run in store.run_ids(one)}
    order = [ids[run] for run in order_of(store, slots=1)]
    assert Counter(order[:4]) == {first: 2, second: 2}
    assert order[4:] == [first] * 4


def test_one_persons_experiments_share_their_turn(store):
    many = {
        run
        for steps in (20, 21, 22)
        for run in store.run_ids(store.launch(plan(seeds=(0, 1), steps=steps), owner="many#1"))
    }
    one = store.run_ids(store.launch(plan(seeds=(0, 1), steps=30), owner="one#2"))
    order = order_of(store, slots=1)
    assert sum(run in one for run in order[:8]) == 4
    assert set(order[8:]) <= many


def test_the_runs_of_one_turn_keep_their_order(store):
    id = store.launch(plan(seeds=(0, 1, 2)))
    wanted = [run.id for run in sorted(store.runs(id), key=lambda run: (run.seed, run.arm))]
    assert order_of(store, slots=1) == wanted


def test_a_run_that_two_need_is_trained_in_the_turn_of_whoever_comes_first(store):
    shared = plan(arms=("baseline",), seeds=(0,), steps=50)
    store.launch(plan(arms=("baseline",), seeds=range(9)), owner="slow#1")
    store.launch(shared, owner="slow#1")
    for _ in range(2):
        end(store, start(store))
    id = store.launch(shared, owner="quick#2")
    assert {start(store)} == store.run_ids(id), "behind seven of the one, first of the other"


def test_trials_take_turns_too(store):
    tuned = plan(seeds=(0,)).model_copy(update={"tune": plan_tune()})
    store.launch(plan(arms=("baseline",), seeds=range(5), steps=31), owner="a#1")
    id = store.launch(tuned, owner="b#2")
    first = [start(store), start(store)]
    assert sum(run in store.run_ids(id) for run in first) == 1


def plan_tune():
    from trainer.experiment import Tune

    return Tune()


def test_no_device_waits_for_all_runs_of_another(store):
    store.launch(plan(arms=("baseline",), seeds=range(5)), owner="a#1")
    end(store, start(store))
    store.launch(plan(arms=("baseline",), seeds=range(5), device="cpu"), owner="b#2")
    with store.reads.connect() as db:
        assert fairqueue.wishes(db, waiting(None)) == ["cpu", "auto"]
    end(store, start(store, "cpu"))
    with store.reads.connect() as db:
        assert fairqueue.wishes(db, waiting(None)) == ["auto", "cpu"]


def test_a_limit_to_one_experiment_is_kept(store):
    store.launch(plan(seeds=(0,)), owner="a#1")
    id = store.launch(plan(seeds=(0,), steps=33), owner="b#2")
    own = store.run_ids(id)
    for _ in own:
        with store.writes.begin() as db:
            found = fairqueue.first(db, waiting().where(runs.c.id.in_(own)))
            db.execute(runs.update().where(runs.c.id == found[0]).values(state="running"))
        assert found[0] in own
    with store.writes.begin() as db:
        assert fairqueue.first(db, waiting().where(runs.c.id.in_(own))) is None


def test_what_a_query_asks_for_is_what_comes(store):
    store.launch(plan(seeds=(0,)))
    columns = select(runs.c.id, runs.c.attempt, runs.c.spec).where(runs.c.state == "waiting")
    with store.writes.begin() as db:
        id, attempt, spec = fairqueue.first(db, columns)
    assert store.has_run(id) and attempt == 0 and "steps" in spec


def test_turns_long_past_are_forgotten(store, monkeypatch):
    monkeypatch.setattr(fairqueue, "REMEMBERED", 3)
    for i in range(8):
        store.launch(plan(arms=("baseline",), seeds=(0,), steps=20 + i), owner=f"p#{i}")
    while run := start(store):
        end(store, run)
    with store.reads.connect() as db:
        kept = db.scalars(select(fairqueue.notes.c.key)).all()
    assert sum(key.startswith(fairqueue.SERVED) for key in kept) <= 5


def test_the_worker_asks_here(store):
    """The worker's own way to a run takes turns."""
    owner_of = crowd(store)
    queue = Queue(store)
    order = []
    while len(order) < PEOPLE:
        claim = queue.claim("w", "auto", "cpu")
        order.append(owner_of[claim.run.id])
        queue.finish(claim, state="done", steps=20, seconds=0.1)
    assert sorted(order) == list(range(PEOPLE))
