"""A store that is full, locked, forbidden, broken or another's: a sentence, and nothing is lost."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import streamlit as st
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from streamlit.testing.v1 import AppTest

from pages.parts import home as pages_home
from tests.pages.bench import Bench, plan
from trainer import schema, workers
from trainer.commandline import REFUSED, main
from trainer.experiment import pack
from trainer.home import StoreError
from trainer.migrations import newest
from trainer.refusals import refusal
from trainer.store import Store

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"


@pytest.fixture
def open_page(monkeypatch):
    """Opens the app at an address. No worker is started."""
    st.cache_resource.clear()
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)

    def open_at(**params: str) -> AppTest:
        page = AppTest.from_file(str(FRAME), default_timeout=60)
        for name, value in params.items():
            page.query_params[name] = value
        page.run()
        return page

    yield open_at
    st.cache_resource.clear()


@pytest.fixture
def trained(home):
    """The id of an experiment in this home whose runs are done."""
    bench = Bench(home)
    id = bench.launch(plan(seeds=2))
    bench.train_all()
    bench.store.close()
    return id


def errors(page: AppTest) -> list[str]:
    """The messages about the store; a traceback is never among what a page shows."""
    assert not page.exception, page.exception[0].message
    return [one.value for one in page.error if one.proto.title == "The store refuses"]


def unescaped(text: str) -> str:
    return text.replace("\\", "")


def broken(home: Path, how: str) -> bytes:
    """Do something to the store's file; gives what is in it then."""
    file = home / "trickboard.db"
    match how:
        case "truncated":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        case "cut in a page":
            file.write_bytes(file.read_bytes()[:5000])
        case "overwritten":
            whole = file.read_bytes()
            file.write_bytes(whole[:100] + bytes(range(256)) * 100 + whole[25_700:])
        case "text":
            file.write_text("This is a letter, not a store. " * 300)
        case "newer":
            with closing(sqlite3.connect(file)) as db, db:
                db.execute("UPDATE notes SET value = 99 WHERE key = 'version'")
        case "another program's":
            file.unlink()
            with closing(sqlite3.connect(file)) as db, db:
                db.execute("CREATE TABLE places (url TEXT)")
        case "another program's notes":
            file.unlink()
            with closing(sqlite3.connect(file)) as db, db:
                db.execute("CREATE TABLE notes (text TEXT)")
        case "without a version":
            with closing(sqlite3.connect(file)) as db, db:
                db.execute("DELETE FROM notes WHERE key = 'version'")
    return file.read_bytes()


BROKEN = {
    "truncated": "is damaged or no store of Trickboard",
    "cut in a page": "is damaged or no store of Trickboard",
    "overwritten": "is damaged or no store of Trickboard",
    "text": "is damaged or no store of Trickboard",
    "newer": "was written by a newer Trickboard (its tables are version 99",
    "another program's": "is a database of another program",
    "another program's notes": "is a database of another program",
    "without a version": "is a database of another program",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_store_is_told_of_and_left_as_it_is(home, trained, open_page, capsys, how):
    content = broken(home, how)
    for params in ({}, {"experiment": trained}):
        (message,) = errors(open_page(**params))
        assert BROKEN[how] in unescaped(message) and "It was left as it is." in message
        assert str(home / "trickboard.db") in unescaped(message)
    for command in (["status"], ["stop"], ["worker"], ["export", trained, "--format", "csv"]):
        given = [*command, "--out", str(home / "out")] if command[0] == "export" else command
        capsys.readouterr()
        assert main(given) == 2
        said = capsys.readouterr().err
        assert BROKEN[how] in said and said.count("\n") == 1
    assert (home / "trickboard.db").read_bytes() == content


def test_the_copies_beside_a_damaged_store_are_named(home, trained, open_page):
    shutil.copy(home / "trickboard.db", home / "trickboard.db.version4")
    broken(home, "truncated")
    (message,) = errors(open_page())
    assert "put a copy in its place; there is trickboard.db.version4" in unescaped(message)


@pytest.mark.parametrize("page_file", ["lab.py", "runs.py", "compare.py", "catalog.py"])
def test_every_page_tells_of_a_broken_store(home, trained, open_page, page_file):
    page = open_page()
    broken(home, "text")
    st.cache_resource.clear()
    page.switch_page(page_file).run()
    (message,) = errors(page)
    assert "is damaged or no store" in message


def test_a_store_that_breaks_while_it_is_watched(home, trained, open_page):
    page = open_page(experiment=trained)
    assert not errors(page)
    whole = (home / "trickboard.db").read_bytes()
    pages_home.store().close()
    broken(home, "truncated")
    assert errors(page.run())
    (home / "trickboard.db").write_bytes(whole)  # put back: the page goes on by itself
    page.run()
    assert not errors(page) and page.title


def test_a_home_below_a_file(tmp_path, open_page, monkeypatch, capsys):
    """What nobody may write to, not even the superuser whom permissions do not bind."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRICKBOARD_HOME", str(tmp_path / "file" / "home"))
    (message,) = errors(open_page())
    assert "cannot be the folder of Trickboard's data (Not a directory)" in message
    assert "Set TRICKBOARD_HOME to a folder that you can write" in unescaped(message)
    assert main(["status"]) == 2
    assert "Set TRICKBOARD_HOME" in capsys.readouterr().err


class Refusing:
    """Makes the connections of this process refuse, as SQLite itself does it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pragma = ""

    def __call__(self, pragma: str) -> None:
        """Have every transaction begin with this setting."""
        if not self.pragma:
            event.listen(self.store.reads, "begin", self.set, insert=True)
        self.pragma = pragma

    def set(self, connection) -> None:
        connection.exec_driver_sql(f"PRAGMA {self.pragma}")


@pytest.fixture
def refusing(home, trained):
    """The store of the pages, to be made refusing."""
    st.cache_resource.clear()
    return Refusing(pages_home.store())


@pytest.fixture
def fresh_page(refusing, monkeypatch):
    """As ``open_page``, with the store that is already refusing."""
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)
    yield lambda: AppTest.from_file(str(FRAME), default_timeout=60)
    st.cache_resource.clear()


FULL = "max_page_count = 1"  # SQLite takes the present size instead: no page more
FORBIDDEN = "query_only = 1"
WRITES = {FULL: "its disk is probably full", FORBIDDEN: "cannot be written or opened"}


@pytest.mark.parametrize("pragma", WRITES)
def test_what_a_store_does_not_take_is_told_and_what_it_has_is_shown(
    trained, refusing, fresh_page, pragma
):
    """A heartbeat fits into a full store; a launch does not."""
    page = fresh_page()
    page.query_params["experiment"] = trained
    refusing(pragma)
    page.run()
    assert bool(errors(page)) == (pragma == FORBIDDEN)
    assert any("Too few seeds for a verdict" in one.value for one in page.markdown)
    page.query_params.clear()
    page.query_params["plan"] = pack(plan(seeds=100).dump())  # more than its free pages take
    page.run()
    page.button(key="launch").click().run()
    assert not page.exception
    refused = [one for one in page.error if one.proto.title == "This cannot be launched"]
    assert WRITES[pragma] in unescaped(refused[0].value)
    assert "Nothing was launched, and the plan is as it was" in refused[0].value
    refusing("query_only = 0" if pragma == FORBIDDEN else "max_page_count = 1000000")
    page.run()
    assert not errors(page)
    page.button(key="launch").click().run()
    assert "experiment" in page.query_params
    assert len(pages_home.store().experiments()) == 2


def test_a_button_whose_wish_is_refused_says_so(home, refusing, fresh_page):
    bench = Bench(home)
    id = bench.launch(plan(seeds=3, name="Another"))
    page = fresh_page()
    page.query_params["experiment"] = id
    page.run()
    refusing(FORBIDDEN)
    page.button(key="stop").click().run()
    assert not page.exception
    (toast,) = page.toast
    assert toast.value.startswith("**Nothing was changed.**")
    assert "cannot be written" in toast.value
    refusing("query_only = 0")
    page.run()
    page.button(key="stop").click().run()
    assert not page.exception and not page.toast
    assert bench.store.counts(id)[id] == {"done": 4, "stopped": 2}


def test_a_store_that_another_program_locks(home, trained, open_page, capsys, monkeypatch):
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.2)
    file = home / "trickboard.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        (message,) = errors(open_page(experiment=trained))
        assert "is locked by another program" in message and "Close what has the file" in message
        assert main(["status"]) == 2
        assert "is locked by another program" in capsys.readouterr().err
        other.rollback()
    page = open_page(experiment=trained)
    assert not errors(page) and len(page.title) == 1


def test_a_store_that_refuses_in_the_middle_of_a_command(home, trained, monkeypatch, capsys):
    def refuse(store):
        with store.writes.begin() as db:
            db.exec_driver_sql("PRAGMA query_only = 1")
            db.exec_driver_sql("UPDATE notes SET value = 0")

    monkeypatch.setattr(Store, "worker", refuse)
    assert main(["status"]) == REFUSED
    assert "cannot be written or opened (attempt to write" in capsys.readouterr().err


def test_a_connection_that_may_not_write_is_not_used_again(home, trained):
    """As after a folder was read-only for a while."""
    store = Store(home)
    with store.reads.connect() as db:
        db.exec_driver_sql("PRAGMA query_only = 1")
    with pytest.raises(OperationalError, match="readonly"):
        store.page_seen()
    store.page_seen()
    store.close()


def test_a_store_that_is_deleted_or_put_back_under_a_page(home, trained, open_page):
    """To start over one deletes the folder, and the server may still be there."""
    page = open_page(experiment=trained)
    whole = (home / "trickboard.db").read_bytes()
    (home / "trickboard.db").unlink()
    page.run()
    assert not errors(page)
    assert any("There is no experiment" in one.value for one in page.markdown)
    (home / "copy").write_bytes(whole)
    (home / "copy").replace(home / "trickboard.db")
    page.run()
    assert not errors(page)
    assert any("Too few seeds for a verdict" in one.value for one in page.markdown)


def test_a_refusal_that_is_none():
    with pytest.raises(TypeError, match="KeyError"):
        refusal(KeyError("x"), Path("x.db"))
    assert refusal(StoreError("As it is."), Path("x.db")) == "As it is."
    assert "No space left" in refusal(OSError(28, "No space left on device", "f"), Path("x.db"))


def test_an_empty_file_becomes_a_store(home):
    (home / "trickboard.db").touch()
    store = Store(home)
    assert store.experiments() == []
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT value FROM notes").fetchone() == (newest(),)
    store.close()
