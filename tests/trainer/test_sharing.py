"""Several people on one store: what each of them may see and change, and whose runs a stop ends."""

from __future__ import annotations

import inspect
import itertools
import re
from pathlib import Path

import pytest

from tests.trainer.stores import plan
from trainer import limits
from trainer.experiment import Tune, parse
from trainer.limits import HOME, WORKSHOP, LimitReached
from trainer.queue import Queue
from trainer.sharing import NAME, NotYours, Person, SharedStore, clean_name, name_of
from trainer.store import Store
from trainer.wanting import wanted_elsewhere
from tricks import LOOKS
from tricks.own import SWITCH

ROOT = Path(__file__).resolve().parents[2]
ADA = Person(name="Ada", id="00000001")
BOB = Person(name="Ada", id="00000002")  # the same name, another person
HOST = Person(name="Teacher", id="00000003", host=True)

# Methods of a store that say nothing of anybody: of single runs, of the machine, of the file.
FREE = {
    "close", "known", "step_seconds", "ask_trial", "settle", "settles", "worker", "page_seen",
    "note", "report", "reports", "read", "news", "has_run", "named_runs", "open", "file",
}  # fmt: skip


@pytest.fixture
def whole(home):
    one = Store(home)
    yield one
    one.close()


@pytest.fixture
def ada(whole):
    return SharedStore(whole, ADA)


@pytest.fixture
def bob(whole):
    return SharedStore(whole, BOB)


@pytest.fixture
def host(whole):
    return SharedStore(whole, HOST)


def states(store, id):
    return [run.state for run in store.runs(id)]


def test_every_method_of_a_store_is_decided_about():
    """A new one has to be put into FREE or be guarded: this test asks which."""
    methods = {
        name
        for name, _ in inspect.getmembers(Store, inspect.isfunction)
        if not name.startswith("_")
    }
    guarded = {name for name in vars(SharedStore) if name in methods}
    assert methods - guarded - FREE == set()
    assert not FREE - methods


def test_a_pause_is_ours_and_spares_what_another_person_needs(ada, bob):
    mine, theirs = ada.launch(plan(("baseline",), (0, 1))), bob.launch(plan(("baseline",), (1,)))
    with pytest.raises(NotYours):
        ada.pause(theirs)
    assert ada.pause(mine) == 1
    assert ada.counts(mine) == {mine: {"paused": 1, "waiting": 1}}
    assert bob.pause(theirs) == 1 and bob.counts(theirs) == {theirs: {"paused": 1}}


# Who sees what.


def test_everybody_sees_their_own_and_the_host_sees_all(ada, bob, host):
    mine, theirs = ada.launch(plan(steps=20)), bob.launch(plan(steps=21))
    assert [row.id for row in ada.experiments()] == [mine]
    assert [row.id for row in bob.experiments()] == [theirs]
    assert {row.id for row in host.experiments()} == {mine, theirs}
    assert set(ada.counts()) == {mine} and ada.counts(theirs) == {}
    assert set(host.counts()) == {mine, theirs}


def test_an_address_of_somebody_elses_shows_nothing_of_it(ada, bob, host):
    id = bob.launch(plan())
    assert ada.experiment(id) is None
    assert (ada.runs(id), ada.trials(id), ada.run_ids(id)) == ([], [], set())
    assert ada.is_elsewhere(id) and not host.is_elsewhere(id) and not bob.is_elsewhere(id)
    assert not ada.is_elsewhere("no such")
    assert len(host.runs(id)) == 4


def test_a_launch_carries_its_owner(ada, whole):
    assert whole.experiment(ada.launch(plan())).owner == "Ada#00000001"
    assert whole.experiment(ada.launch(plan(), owner="Bob#1")).owner == "Ada#00000001"
    assert whole.experiment(whole.launch(plan())).owner is None
    assert name_of("Ada#00000001") == "Ada" and name_of(None) == ""


def test_what_was_launched_without_a_name_is_the_hosts(whole, ada, host):
    id = whole.launch(plan())
    assert ada.experiment(id) is None and host.experiment(id) is not None
    with pytest.raises(NotYours):
        ada.stop(id)


# Who changes what.


@pytest.mark.parametrize(
    ("wish", "more"),
    [("stop", ()), ("go_on", ()), ("rename", ("Mine now",)), ("add_seeds", (1,)), ("delete", ())],
)
def test_nobody_touches_somebody_elses(ada, bob, whole, wish, more):
    id = bob.launch(plan())
    before = whole.experiment(id), states(whole, id)
    with pytest.raises(NotYours):
        getattr(ada, wish)(id, *more)
    with pytest.raises(NotYours):
        getattr(ada, wish)("no such", *more)
    assert (whole.experiment(id), states(whole, id)) == before


def test_a_guest_deletes_nothing_not_even_their_own(ada, host):
    id = ada.launch(plan())
    with pytest.raises(NotYours, match="Only the host"):
        ada.delete(id)
    assert host.delete(id) == 4


def test_the_host_stops_renames_and_extends_all(ada, host, whole):
    id = ada.launch(plan())
    host.rename(id, "Renamed")
    assert host.add_seeds(id, 1) == 2
    assert host.stop(id) == 6
    assert whole.experiment(id).name == "Renamed"
    assert whole.experiment(id).owner == ADA.owner


def test_single_runs_belong_to_those_whose_experiments_need_them(ada, bob, whole):
    id = bob.launch(plan())
    run = whole.runs(id)[0].id
    whole.stop(id)
    with pytest.raises(NotYours):
        ada.run_again(run)
    with pytest.raises(NotYours):
        bob.stop_run(run)
    bob.run_again(run)
    assert sorted(states(whole, id)) == ["stopped"] * 3 + ["waiting"]


def test_tricks_in_the_hosts_files_are_the_hosts(ada, host, home, monkeypatch):
    monkeypatch.delenv(SWITCH, raising=False)
    LOOKS.clear()
    guide = (ROOT / "docs" / "your-own-trick.md").read_text(encoding="utf-8")
    (home / "tricks").mkdir()
    (home / "tricks" / "my_own.py").write_text(re.search(r"```python\n(.*?)```", guide, re.S)[1])
    one = plan(arms=("baseline",)).model_dump(mode="json")
    one["arms"].append({"name": "own", "tricks": [{"id": "my_own"}]})
    experiment = parse(one)
    with pytest.raises(NotYours, match="Only the host"):
        ada.launch(experiment)
    assert host.launch(experiment)


# Shared runs.


def test_a_stop_leaves_what_somebody_else_wants(ada, bob, whole):
    mine, theirs = ada.launch(plan(seeds=(0, 1))), bob.launch(plan(seeds=(1, 2)))
    assert ada.stop(mine) == 2, "seed 0 of two arms"
    assert sorted(states(whole, mine)) == ["stopped"] * 2 + ["waiting"] * 2
    assert set(states(whole, theirs)) == {"waiting"}
    assert ada.kept(mine) == 2 and bob.kept(theirs) == 0


@pytest.mark.parametrize("order", list(itertools.permutations((0, 1))))
def test_it_ends_when_both_have_stopped_in_whichever_order(ada, bob, whole, order):
    both = [(ada, ada.launch(plan())), (bob, bob.launch(plan()))]
    first, last = (both[i] for i in order)
    assert first[0].stop(first[1]) == 0
    assert set(states(whole, first[1])) == {"waiting"}
    assert last[0].stop(last[1]) == 4
    assert set(states(whole, first[1])) == {"stopped"}
    assert first[0].kept(first[1]) == 0


def test_a_running_run_goes_on_for_the_other(ada, bob, whole):
    queue = Queue(whole)
    mine, _ = ada.launch(plan()), bob.launch(plan())
    claim = queue.claim("w", "auto", "cpu")
    ada.stop(mine)
    assert queue.write(claim) == "run"
    whole.stop(bob.experiments()[0].id)
    assert queue.write(claim) == "stop"


def test_going_on_wants_again(ada, bob, whole):
    mine, theirs = ada.launch(plan()), bob.launch(plan())
    ada.stop(mine)
    bob.stop(theirs)
    assert ada.go_on(mine) == 4
    assert bob.go_on(theirs) == 0
    assert ada.stop(mine) == 0, "the other has gone on, too"


def test_what_had_ended_for_one_is_not_wanted_by_them_when_another_launches_it(ada, bob, whole):
    """A failed run waits again because of the second launch; the first never asked for that."""
    mine = ada.launch(plan(seeds=(0,)))
    queue = Queue(whole)
    for _ in range(2):
        queue.finish(queue.claim("w", "auto", "cpu"), state="failed", kind="error", text="x")
    theirs = bob.launch(plan(seeds=(0,)))
    assert set(states(whole, mine)) == {"waiting"}
    assert bob.stop(theirs) == 2


def test_ones_own_second_launch_holds_nothing(ada, whole):
    first, second = ada.launch(plan()), ada.launch(plan())
    assert ada.stop(first) == 4
    assert set(states(whole, second)) == {"stopped"}


def test_at_home_a_stop_stops_as_ever(whole):
    first, second = whole.launch(plan()), whole.launch(plan())
    assert whole.stop(first) == 4
    assert set(states(whole, second)) == {"stopped"}


def test_trials_are_shared_and_spared_too(ada, bob, whole):
    tuned = plan(seeds=(0,)).model_copy(update={"tune": Tune()})
    mine, theirs = ada.launch(tuned), bob.launch(tuned)
    assert ada.stop(mine) == 0
    assert {one.run.state for one in whole.trials(theirs)} == {"waiting"}
    assert bob.stop(theirs) == len(whole.trials(theirs))


def test_added_seeds_are_wanted(ada, bob, whole):
    mine = ada.launch(plan(seeds=(0,)))
    ada.add_seeds(mine, 1)
    theirs = bob.launch(plan(seeds=(1,)))
    assert bob.stop(theirs) == 0


def test_a_deleted_experiment_wants_nothing(ada, bob, host, whole):
    mine, theirs = ada.launch(plan()), bob.launch(plan())
    host.delete(theirs)
    with whole.reads.connect() as db:
        assert wanted_elsewhere(db, mine, whole.run_ids(mine)) == set()
    assert ada.stop(mine) == 4


# Limits.


def small(store, **numbers):
    store.limits = limits.Limits(**{"waiting": 100, "sessions": 1} | numbers)
    return store


def test_too_many_waiting_runs_of_one_are_refused_and_nothing_is_stored(ada, bob, whole):
    small(ada, waiting_each=6)
    ada.launch(plan())
    with pytest.raises(LimitReached, match=r"8 of your runs would wait, .* at most 6"):
        ada.launch(plan(steps=21))
    assert len(ada.experiments()) == 1
    assert whole.counts() == {ada.experiments()[0].id: {"waiting": 4}}
    ada.launch(plan())  # what waits already does not count twice
    small(bob, waiting_each=6).launch(plan(steps=21))


def test_all_together_have_a_limit_at_home_too(whole):
    small(whole, waiting=6)
    id = whole.launch(plan())
    with pytest.raises(LimitReached, match="8 runs would wait here, and at most 6 may"):
        whole.launch(plan(steps=21))
    with pytest.raises(LimitReached):
        whole.add_seeds(id, 2)
    assert len(whole.experiments()) == 1 and len(whole.runs(id)) == 4
    whole.stop(id)
    small(whole, waiting=3)
    with pytest.raises(LimitReached):
        whole.go_on(id)
    assert set(states(whole, id)) == {"stopped"}


def test_runs_that_come_after_the_trials_count(ada):
    tuned = plan(seeds=range(4)).model_copy(update={"tune": Tune()})
    trials = len(small(ada, waiting_each=1_000).trials(ada.launch(tuned)))
    small(ada, waiting_each=trials + 7)
    with pytest.raises(LimitReached, match=f"{trials + 8} of your runs"):
        ada.launch(tuned)


def test_launches_in_a_minute_are_counted_by_person(ada, bob, host, monkeypatch):
    for one in (ada, bob, host):
        small(one, launches_each=None if one is host else 2)
    for steps in (20, 21):
        ada.launch(plan(seeds=(0,), steps=steps))
    with pytest.raises(LimitReached, match="within a minute"):
        ada.launch(plan(seeds=(0,), steps=22))
    bob.launch(plan(seeds=(0,), steps=23))
    for steps in (24, 25, 26):
        host.launch(plan(seeds=(0,), steps=steps))
    monkeypatch.setattr(limits, "MINUTE", -1.0)
    ada.launch(plan(seeds=(0,), steps=22))


def test_who_has_which_limits(whole, ada, host):
    assert whole.limits is HOME
    assert ada.limits is WORKSHOP
    assert host.limits.waiting == WORKSHOP.waiting and host.limits.waiting_each is None


# Names.


@pytest.mark.parametrize("name", ["Ada", "  Grace   Hopper ", "张伟", "O'Neil", "a" * NAME, "<b>"])
def test_names_that_are_taken(name):
    said = clean_name(name)
    assert said == " ".join(name.split())
    assert len(Person(name=said, id="0" * 8).owner) <= 32


@pytest.mark.parametrize("name", ["", "   ", "a" * (NAME + 1), "a\x00b", "a\u202eb", "a#b"])
def test_names_that_are_not(name):
    with pytest.raises(ValueError, match="name"):
        clean_name(name)
