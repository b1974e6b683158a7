"""Thousands of runs in the store: what a page asks of it does not grow with them."""

from __future__ import annotations

import pytest
import streamlit as st
from sqlalchemy.event import listen, remove
from streamlit.testing.v1 import AppTest

from pages.parts import board, evidence, home, once
from tests.faults.filled import fill, plan
from tests.pages.planning import text
from trainer import overview, workers
from trainer.store import Store

SHEET = board.SHEET
FEW, MANY = 3, SHEET + 3


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """How many statements each page asks of a store with so many experiments, when it is opened
    and when it is drawn again."""
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)

    def count(experiments, seeds):
        where = tmp_path / f"{experiments}-{seeds}"
        monkeypatch.setenv("TRICKBOARD_HOME", str(where))
        st.cache_resource.clear()
        st.cache_data.clear()
        runs = fill(Store(where), experiments, seeds)
        assert runs == experiments * 4 * seeds
        said = []
        engine = home.open_store(str(where)).reads
        hear = lambda *args: said.append(args[2])  # noqa: E731
        listen(engine, "before_cursor_execute", hear)
        page = AppTest.from_file("../../pages/frame.py", default_timeout=60).run()
        found = {}
        for name in ("lab.py", "runs.py", "compare.py", "catalog.py"):
            for when in ("opened", "again"):
                said.clear()
                (page.switch_page(name) if when == "opened" else page).run()
                assert not page.exception, page.exception[0].message
                found[name, when] = sum(not one.startswith(("BEGIN", "PRAGMA")) for one in said)
        remove(engine, "before_cursor_execute", hear)
        return found

    yield count
    st.cache_resource.clear()


def test_no_page_asks_more_of_a_store_with_more_experiments_or_runs(asked):
    few = asked(FEW, 2)
    assert asked(MANY, 2) == few
    assert asked(FEW, 12) == few
    assert min(few.values()) > 0


@pytest.fixture
def full(lab, home):
    """The runs page of a store with more experiments than a table shows."""
    store = Store(home)
    fill(store, MANY, 2)
    at = lab()
    at.switch_page("runs.py").run()
    assert not at.exception
    return store, at


def names(at):
    return [name.removeprefix("Experiment ") for name in at.dataframe[0].value["Experiment"]]


def test_the_runs_page_turns_over(full):
    _, at = full
    newest = [str(i) for i in reversed(range(MANY))]
    assert names(at) == newest[:SHEET]
    assert f"1 to {SHEET} of {MANY} experiments" in text(at)
    assert at.button(key="newer").disabled and not at.button(key="older").disabled
    at.button(key="older").click().run()
    assert names(at) == newest[SHEET:]
    assert f"{SHEET + 1} to {MANY} of {MANY}" in text(at)
    assert at.button(key="older").disabled
    at.button(key="newer").click().run()
    assert names(at) == newest[:SHEET]


def test_the_filter_counts_and_the_search_finds_on_all_sheets(full):
    store, at = full
    store.rename(store.experiments()[0].id, "A needle")
    labels = [option.content for option in at.get("button_group")[0].proto.options]
    assert labels == [f"Done {MANY}"]
    at.button(key="older").click().run()
    at.text_input(key="runs_search").set_value("needle").run()
    assert names(at) == ["A needle"]
    assert "experiments" not in "".join(one.value for one in at.caption)


def test_an_experiment_of_another_sheet_is_shown_by_its_address(full):
    store, at = full
    oldest = store.experiments()[-1]
    at.query_params["experiment"] = oldest.id
    at.run()
    assert not at.exception
    assert at.header[0].value == oldest.name


def test_at_a_glance_is_what_one_by_one_is(home):
    store = Store(home)
    fill(store, 3, 3)
    rows = store.experiments()
    assert overview.runs_of(store, rows) == {row.id: store.runs(row.id) for row in rows}
    seconds = {
        row.id: sum({run.id: run.seconds for run in board.every_run(store, row)}.values())
        for row in rows
    }
    assert overview.training_seconds(store, [*seconds, "no such"]) == seconds | {"no such": 0.0}


def test_what_has_ended_is_worked_out_once_and_again_when_it_has_changed(home, monkeypatch):
    st.cache_resource.clear()
    store = Store(home)
    fill(store, 2, 2)
    made = []
    real = evidence.evidence_of

    def counted(store, rows):
        made.append(sorted(row.name for row in rows))
        return real(store, rows)

    monkeypatch.setattr(evidence, "evidence_of", counted)
    first = evidence.measured(store)
    assert evidence.measured(store) == first
    assert made == [["Experiment 0", "Experiment 1"]]
    store.launch(plan(7, 2))
    evidence.measured(store)
    assert len(made) == 1, "what still waits is no evidence"
    fill(store, 0)
    evidence.measured(store)
    assert made[1:] == [["Experiment 7"]]


def test_what_is_kept_is_bounded(home, monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setattr(once, "MOST", 4)
    store = Store(home)
    fill(store, 6, 1)
    assert len(evidence.measured(store)) == 3
    assert len(once.kept(str(store.path), "evidence")) == 4
    evidence.measured(store)
    assert len(once.kept(str(store.path), "evidence")) == 4
