"""A workshop on the pages: who sees what, and what is refused however it is asked for."""

from __future__ import annotations

import pytest

from pages.parts import home as shelf
from pages.parts import own, workshop
from tests.pages.bench import plan
from tests.pages.planning import text
from trainer.limits import Limits
from trainer.sharing import Person, SharedStore
from tricks import LOOKS

ADA = Person(name="Ada **L**", id="00000001")
BOB = Person(name="Bob", id="00000002")
HOST = Person(name="Teacher", id="00000003", host=True)


@pytest.fixture
def as_(lab, monkeypatch):
    """Opens an address as somebody; None is a stranger."""
    monkeypatch.setenv(workshop.SWITCH, "1")
    monkeypatch.setenv("TRICKBOARD_PASSCODE", "tea-and-42")
    monkeypatch.setenv("TRICKBOARD_HOST_PASSCODE", "kettle-on-1234")
    workshop.secret.cache_clear()

    def open_as(person, page="", **address):
        monkeypatch.setattr(workshop, "known_by", lambda cookies: person)
        at = lab(**address)
        if page:
            at.switch_page(page).run()
            assert not at.exception
        return at

    return open_as


def launch(bench, person, **how):
    return SharedStore(bench.store, person).launch(plan(**how))


def buttons(at):
    return {one.label for one in at.button}


# Strangers.


def test_a_stranger_sees_nothing(as_, bench):
    id = launch(bench, ADA, name="A secret")
    for at in (as_(None), as_(None, experiment=id)):
        assert "You are not signed in any more" in text(at)
        assert "A secret" not in text(at)
        assert not at.button and not at.dataframe


def test_who_loses_their_cookie_does_nothing_more(as_, bench, monkeypatch):
    id = launch(bench, ADA)
    at = as_(ADA, experiment=id)
    monkeypatch.setattr(workshop, "known_by", lambda cookies: None)
    at.button(key="stop").click().run()
    assert "You are not signed in any more" in text(at)
    assert set(bench.store.counts(id)[id]) == {"waiting"}


def test_at_home_nobody_is_asked(lab, bench, monkeypatch):
    monkeypatch.delenv(workshop.SWITCH, raising=False)
    id = bench.launch(plan())
    at = lab(experiment=id)
    assert at.title[0].value == "Which \\*one\\* wins?"
    assert bench.store.experiment(id).owner is None
    assert type(shelf.store()).__name__ == "Store"


# Runs.


def test_a_participant_sees_their_own_runs(as_, bench):
    launch(bench, ADA, name="Hers")
    launch(bench, BOB, name="His", steps=41)
    at = as_(ADA, "runs.py")
    assert list(at.dataframe[0].value["Experiment"]) == ["Hers"]
    assert "Who" not in at.dataframe[0].value.columns


def test_the_host_sees_all_and_whose_they_are(as_, bench):
    launch(bench, ADA, name="Hers")
    launch(bench, BOB, name="His", steps=41)
    bench.launch(plan(name="From the shell", steps=42))
    at = as_(HOST, "runs.py")
    assert list(at.dataframe[0].value["Who"]) == ["", "Bob", "Ada **L**"]
    at.text_input(key="runs_search").set_value("bob").run()
    assert list(at.dataframe[0].value["Experiment"]) == ["His"]


def test_a_name_is_never_read_as_markdown(as_):
    at = as_(ADA)
    (who,) = [one for one in at.get("popover") if "Ada" in one.proto.popover.label]
    assert who.proto.popover.label == r"Ada \*\*L\*\*"


@pytest.mark.parametrize("person", [ADA, HOST])
def test_only_the_host_deletes(as_, bench, person):
    id = launch(bench, ADA)
    at = as_(person, "runs.py", experiment=id)
    at.query_params["experiment"] = id
    at.run()
    (more,) = at.get("menu_button")
    assert ("Delete" in more.options) == person.host
    at.session_state["runs_asked"] = ("Delete", id)
    at.run()
    assert ("Delete" in buttons(at)) == person.host
    assert bench.store.experiment(id) is not None


# Addresses of somebody else's.


def test_watching_somebody_elses(as_, bench):
    id = launch(bench, BOB, name="A secret")
    said = text(as_(ADA, experiment=id))
    assert f"`{id}` is somebody else's experiment." in said
    assert "A secret" not in said
    assert as_(HOST, experiment=id).title[0].value == "A secret"


@pytest.mark.parametrize(
    ("page", "key"), [("runs.py", "experiment"), ("compare.py", "experiments")]
)
def test_tables_of_somebody_elses(as_, bench, page, key):
    mine, theirs = launch(bench, ADA), launch(bench, BOB, name="A secret", steps=41)
    at = as_(ADA, page)
    at.query_params[key] = f"{mine},{theirs},3f9a"
    at.run()
    assert not at.exception
    said = text(at)
    assert "There is no experiment `3f9a` in this store." in said
    assert f"`{theirs}` is somebody else's experiment." in said
    assert "A secret" not in said + str([one.value for one in at.dataframe])


def test_a_launch_is_its_owners(as_, bench):
    at = as_(ADA)
    at.button(key="launch").click().run()
    (row,) = bench.store.experiments()
    assert row.owner == ADA.owner
    assert at.query_params["experiment"] in (row.id, [row.id])


def test_the_same_plan_of_two_people_is_two_experiments_with_the_same_runs(as_, bench):
    for person in (ADA, BOB):
        as_(person).button(key="launch").click().run()
    first, second = bench.store.experiments()
    assert {first.owner, second.owner} == {ADA.owner, BOB.owner}
    assert bench.store.run_ids(first.id) == bench.store.run_ids(second.id)


# What is refused is told.


def test_a_limit_is_told_and_nothing_is_launched(as_, bench, monkeypatch):
    few = Limits(waiting=1_000, sessions=1, waiting_each=10)
    monkeypatch.setattr("trainer.sharing.WORKSHOP", few)
    at = as_(ADA)
    at.button(key="launch").click().run()
    (error,) = at.error
    assert error.proto.title == "This cannot be launched"
    assert "32 of your runs would wait" in error.value and "Nothing was launched" in error.value
    assert ".." not in error.value
    assert bench.store.experiments() == []


def test_a_refused_go_on_is_told(as_, bench, monkeypatch):
    id = launch(bench, ADA)
    bench.store.stop(id)
    monkeypatch.setattr("trainer.sharing.WORKSHOP", Limits(waiting=3, sessions=1))
    at = as_(ADA, experiment=id)
    at.button(key="go_on").click().run()
    assert not at.exception
    assert "Nothing was changed:" in text(at) and "16 runs would wait here" in text(at)
    assert bench.store.counts(id)[id] == {"stopped": 16}


def test_what_goes_on_for_others_is_told(as_, bench):
    mine, theirs = launch(bench, ADA), launch(bench, BOB)
    at = as_(ADA, experiment=mine)
    assert not at.info
    at.button(key="stop").click().run()
    assert "Stopped, but 16 runs go on." in at.info[0].value
    assert bench.store.counts(theirs)[theirs] == {"waiting": 16}


def test_the_workers_log_is_the_hosts(as_, bench, monkeypatch):
    id = launch(bench, ADA)
    monkeypatch.setattr(shelf, "PATIENCE", 0.0)
    labels = {}
    for person in (ADA, HOST):
        at = as_(person, experiment=id)
        labels[person] = [one.proto.popover.label for one in at.get("popover")]
    assert "What the log says" not in labels[ADA]
    assert "What the log says" in labels[HOST]


def test_own_files_are_not_loaded_in_a_workshop(as_, monkeypatch):
    monkeypatch.setenv(workshop.SWITCH, "1")
    monkeypatch.delenv(own.own.SWITCH, raising=False)
    own.decide()
    assert own.own.wanted() is False
    monkeypatch.delenv(own.own.SWITCH)
    monkeypatch.delenv(workshop.SWITCH)
    own.decide()
    assert own.own.wanted() is True


def test_what_is_wrong_with_the_hosts_files_is_the_hosts(as_, home, monkeypatch):
    monkeypatch.setenv(own.own.SWITCH, "1")
    (home / "tricks").mkdir()
    (home / "tricks" / "broken_one.py").write_text("1 / 0")
    LOOKS.clear()
    said = {}
    for person in (ADA, HOST):
        said[person] = text(as_(person, "catalog.py"))
    assert "broken" not in said[ADA]
    assert "broken" in said[HOST]
