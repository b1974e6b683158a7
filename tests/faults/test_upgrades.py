"""Stores that older versions wrote open for ever: see stores/README.md for how they were made."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import streamlit as st
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from pages.parts import curves
from tests.faults.crew import Crew
from tests.trainer.test_database import tables
from trainer import migrations, workers
from trainer.home import StoreError
from trainer.store import Store

STORES = Path(__file__).parent / "stores"
FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"
OLD = (1, 4)
NAMES = {"Dropout on wrong labels", "Too large a rate", "Still waiting"}


@pytest.fixture(params=OLD)
def old(request, home):
    """A home with an old store in it; gives the version."""
    shutil.copy(STORES / f"version{request.param}.db", home / "trickboard.db")
    return request.param


@pytest.fixture
def store(home):
    store = Store(home)
    yield store
    store.close()


def content(path):
    """Everything in the tables of a store."""
    with closing(sqlite3.connect(path)) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {name: sorted(map(repr, db.execute(f"SELECT * FROM {name}"))) for name in names}


def by_name(store):
    return {row.name: row for row in store.experiments()}


def test_what_was_written_is_read(old, home, store, tmp_path):
    found = by_name(store)
    assert set(found) == NAMES | ({"A rate found first"} if old == 4 else set())
    rows = store.runs(found["Dropout on wrong labels"].id)
    assert [(row.arm_name, row.seed, row.state, row.step) for row in rows] == [
        (arm, seed, "done", 40) for arm in ("baseline", "dropout") for seed in (0, 1, 2)
    ]
    known = store.read({row.id: (0, 0) for row in rows}, ["loss", "test_accuracy"])
    for row in rows:
        series = known[row.id].series
        assert series["loss"][0] == list(range(1, 41))
        assert series["test_accuracy"][1][-1] == pytest.approx(row.metrics["test_accuracy"])
    (wild,) = store.runs(found["Too large a rate"].id)
    assert wild.state == "diverged" and "step 3" in wild.error_text
    assert {row.state for row in store.runs(found["Still waiting"].id)} == {"waiting"}
    if old == 4:
        assert found["A rate found first"].tuned == {"baseline": 1.0}
        assert store.report(rows[0].id)["calibration"]
    new = Store(tmp_path / "new.db")
    assert new.experiments() == []
    assert tables(store.path) == tables(new.path)
    new.close()


def test_a_copy_of_the_old_store_lies_beside(old, home, store):
    assert store.experiments()
    copy = home / f"trickboard.db.version{old}"
    assert content(copy) == content(STORES / f"version{old}.db")
    assert [one.name for one in home.glob("*.part")] == []


def test_its_runs_and_curves_are_on_the_page(old, home, store, monkeypatch):
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)
    shown = []

    def figure(look, *more):
        shown.append(look)
        return curves.figure(look, *more)

    monkeypatch.setattr("pages.parts.watch.figure", figure)
    page = AppTest.from_file(str(FRAME), default_timeout=60)
    page.query_params["experiment"] = by_name(store)["Dropout on wrong labels"].id
    page.run()
    assert not page.exception
    assert page.title[0].value == "Dropout on wrong labels"
    assert any("Too few seeds for a verdict: 3 of the 6" in one.value for one in page.markdown)
    look = shown[0]
    assert all(len(one["test_accuracy"][0]) > 3 for one in look.curves.values())
    assert len(look.curves) == 6
    page.query_params["experiment"] = by_name(store)["Too large a rate"].id
    page.run()
    assert any("diverged" in one.value for one in page.warning)
    page.query_params.clear()
    page.switch_page("runs.py").run()
    assert not page.exception
    assert set(page.dataframe[0].value["Experiment"]) >= NAMES
    st.cache_resource.clear()


def test_what_waited_is_trained_by_the_new_version(old, home):
    crew = Crew(home)
    try:
        id = by_name(crew.store)["Still waiting"].id
        crew.start()
        crew.all_done(id)
        for row in crew.store.runs(id):
            curve = crew.store.read({row.id: (0, 0)}, ["loss"])[row.id].series["loss"]
            assert curve[0] == list(range(1, 41))
    finally:
        crew.end()


def test_a_migration_that_fails_half_way_leaves_the_old_store_whole(old, home, store, monkeypatch):
    def half(db):
        db.execute(text("ALTER TABLE experiments ADD COLUMN half INTEGER"))
        db.execute(text("UPDATE runs SET state = 'lost'"))
        db.execute(text("ALTER TABLE nowhere ADD COLUMN other INTEGER"))

    before = content(store.path)
    monkeypatch.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, half])
    with pytest.raises(StoreError, match=r"nowhere.*left as it is.*trickboard\.db\.version"):
        store.experiments()
    assert content(store.path) == before
    monkeypatch.undo()
    assert set(by_name(store)) >= NAMES  # the next start tries again


def test_a_disk_without_room_for_the_copy_leaves_the_old_store_whole(old, home, store, monkeypatch):
    before = content(store.path)
    (home / f"trickboard.db.version{old}.part").mkdir()  # nothing can be written there
    with pytest.raises(StoreError, match="cannot be used"):
        store.experiments()
    assert content(store.path) == before
    assert not (home / f"trickboard.db.version{old}").exists()


def test_several_that_open_an_old_store_at_once_leave_one_good_copy(old, home):
    """A page and a worker start together after an update; the slower one copies nothing new."""
    before = content(home / "trickboard.db")
    stores = [Store(home) for _ in range(6)]
    failed = []

    def use(store):
        try:
            store.experiments()
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=use, args=(one,)) for one in stores]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failed
    assert content(home / f"trickboard.db.version{old}") == before
    for one in stores:
        one.close()
