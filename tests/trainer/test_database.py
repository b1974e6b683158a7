"""The file of the store: where it is, its journal, its versions."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import inspect, text

from tests.trainer.stores import plan
from trainer import migrations, schema
from trainer.queue import Queue
from trainer.store import Store, StoreError


@pytest.fixture
def store(home):
    store = Store(home)
    yield store
    store.close()


def test_it_opens_a_folder_or_a_file(tmp_path):
    assert Store(tmp_path).path == tmp_path / "trickboard.db"
    store = Store(tmp_path / "deep" / "board.sqlite")
    assert store.experiments() == []
    assert (tmp_path / "deep" / "board.sqlite").is_file()
    assert store.home == tmp_path / "deep"


def test_a_place_that_cannot_be_a_store_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "file" / "inside").experiments()
    (tmp_path / "no.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError, match="damaged or no store"):
        Store(tmp_path / "no.db").experiments()


def test_an_old_store_is_brought_up_to_date_and_kept(store, home, monkeypatch):
    id = store.launch(plan())
    store.close()

    def add_column(db):
        db.execute(text("ALTER TABLE experiments ADD COLUMN starred INTEGER"))

    monkeypatch.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, add_column])
    assert store.experiment(id).name == "A plan"
    names = [one["name"] for one in inspect(store.reads).get_columns("experiments")]
    assert "starred" in names
    assert (home / f"trickboard.db.version{migrations.newest() - 1}").is_file()
    store.close()
    assert len(store.experiments()) == 1  # and only once


def as_version(store, home, version):
    """Take the store back to what it was before there were trials, or even reports."""
    store.note("version", version)
    store.close()
    with closing(sqlite3.connect(home / "trickboard.db")) as db:
        db.execute("DROP TABLE curves")
        db.execute("DROP TABLE trials")
        db.execute("DROP INDEX ix_experiments_tuned")
        db.execute("DROP INDEX runs_by_recipe")
        for column in ("estimate", "added", "tuned", "owner"):
            db.execute(f"ALTER TABLE experiments DROP COLUMN {column}")
        for column in ("saved_step", "saved_seq", "recipe", "stack", "together", "memory",
                       "gpu_memory"):  # fmt: skip
            db.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        if version == 1:
            db.execute("ALTER TABLE runs DROP COLUMN report")
        db.commit()


def tables(path):
    """Every table with its columns, and every index, as SQLite tells of them."""
    with closing(sqlite3.connect(path)) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {
            name: (
                {row[1:] for row in db.execute(f"PRAGMA table_info({name})")},
                {row[1:3] for row in db.execute(f"PRAGMA index_list({name})")},
            )
            for name in names
        }


def test_a_store_of_version_1_keeps_its_runs_and_gets_reports(store, home):
    queue = Queue(store)
    old = store.launch(plan(("baseline",), (0,)))
    end = {"state": "done", "steps": 20, "seconds": 0.5, "metrics": {"test_accuracy": 0.5}}
    queue.finish(queue.claim("w", "auto", "cpu"), [(1, "loss", 2.0)], **end)
    before = store.runs(old)
    as_version(store, home, 1)

    assert store.runs(old) == before
    assert store.report(before[0].id) is None
    with closing(sqlite3.connect(home / "trickboard.db.version1")) as db:
        assert "report" not in [row[1] for row in db.execute("PRAGMA table_info(runs)")]
        assert db.execute("SELECT state FROM runs").fetchall() == [("done",)]
    new = store.launch(plan(("baseline",), (1,)))
    queue.finish(queue.claim("w", "auto", "cpu"), **end, report={"killed": None})
    assert store.report(store.runs(new)[0].id) == {"killed": None}
    store.close()
    assert store.runs(old) == before  # and only once


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_store_becomes_what_a_new_one_is(store, home, tmp_path, version):
    store.launch(plan(("baseline",), (0,)))
    as_version(store, home, version)
    assert len(store.experiments()) == 1
    new = Store(tmp_path / "new.db")
    assert new.experiments() == []
    assert tables(store.path) == tables(new.path)
    new.close()


def test_a_store_of_version_2_keeps_its_experiments_and_can_tune(store, home):
    old = store.launch(plan(("baseline",), (0,)))
    before, runs = store.experiment(old), store.runs(old)
    as_version(store, home, 2)

    assert store.experiment(old) == before and store.runs(old) == runs
    assert (before.estimate, before.added, before.tuned) == (None, (), None)
    assert store.trials(old) == [] and store.counts() == {old: {"waiting": 1}}
    assert (home / "trickboard.db.version2").is_file()
    new = store.launch(plan(("baseline",), (0,)), estimate=2.5)
    assert store.experiment(new).estimate == 2.5
    assert store.add_seeds(old, 1) == 1 and store.experiment(old).added == (1,)


def test_a_newer_store_is_refused(store, monkeypatch):
    store.note("version", 99)
    store.close()
    with pytest.raises(StoreError, match="newer Trickboard"):
        store.experiments()


@pytest.mark.parametrize(
    ("version", "bug"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_the_wal_reset_bug_is_known(version, bug):
    assert schema.has_wal_reset_bug(version) == bug


@pytest.mark.parametrize(
    ("version", "journal", "synchronous"),
    [((3, 40, 1), "truncate", 2), ((3, 51, 3), "wal", 1)],
)
def test_the_journal_fits_the_version(home, monkeypatch, version, journal, synchronous):
    monkeypatch.setattr("sqlite3.sqlite_version_info", version)
    store = Store(home)
    with store.reads.connect() as db:
        assert db.scalar(text("PRAGMA journal_mode")) == journal
        assert db.scalar(text("PRAGMA synchronous")) == synchronous
    store.close()


def test_points_have_the_key_that_lets_charts_read_their_own(store):
    key = [column.name for column in schema.points.primary_key]
    assert key == ["run_id", "attempt", "seq", "key"]
