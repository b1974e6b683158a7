"""When a store refuses: what happened, where, and what to do, in sentences for a person."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy.exc import DatabaseError

from trainer.home import NO_ROOM, StoreError

if TYPE_CHECKING:
    from pathlib import Path

REFUSALS = (StoreError, DatabaseError, OSError)  # what a store may answer whatever it is asked

FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
FORBIDDEN = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def refusal(error: Exception, path: Path) -> str:
    """What a refusal of the store at ``path`` means, and the way out.

    ``error`` is one of :data:`REFUSALS`.
    """
    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, DatabaseError):
        return of_database(error.orig, path)
    if isinstance(error, OSError):
        return of_file(error, path)
    raise TypeError(f"{type(error).__name__} is no refusal of a store")


def of_database(error: BaseException | None, path: Path) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says where in SQLite
    if code in FULL:
        return (
            f"The store {path} takes nothing more ({error}): its disk is probably full. What is "
            "stored is safe. Free some space: runs then go on or start again, none is lost."
        )
    if code in LOCKED:
        return (
            f"The store {path} is locked by another program. What is stored is safe. Close what "
            "has the file open, such as a database browser or a backup."
        )
    if code in FORBIDDEN:
        return f"The store {path} cannot be written or opened ({error}). {other_folder(path)}"
    if code in DAMAGED:
        return (
            f"The store {path} is damaged or no store of Trickboard ({error}). It was left as it "
            f"is. {way_out(path)}"
        )
    return (
        f"The store {path} does not answer as a store of Trickboard does ({error}). It was left "
        f"as it is. {way_out(path)}"
    )


def of_file(error: OSError, path: Path) -> str:
    where = error.filename or path.parent
    if error.errno in NO_ROOM:
        return f"{where} cannot be written ({error.strerror}). Free some space and try again."
    return (
        f"{where} cannot be used ({error.strerror or error}). Give yourself the right to write "
        "there, or set TRICKBOARD_HOME to a folder that you can write."
    )


def other_folder(path: Path) -> str:
    return (
        f"Give yourself the right to write in {path.parent}, or set TRICKBOARD_HOME to a folder "
        "that you can write."
    )


def way_out(path: Path) -> str:
    """A damaged store may have copies beside it, from before its tables were brought up to date."""
    copies = sorted(one.name for one in path.parent.glob(f"{path.name}.version*"))
    if copies:
        return f"Move it away and put a copy in its place; there is {', '.join(copies)}."
    return "Move it away to start anew, or put a backup of yours in its place."
