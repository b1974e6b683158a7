"""How a store of an older version becomes one of this version.

``MIGRATIONS[n]`` takes the tables from version n + 1 to n + 2. A new store is made from
``schema.py`` at once and needs none. A migration is never edited once it has been released.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, select, text, update

from trainer.home import StoreError
from trainer.schema import metadata, notes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection, Engine


def add_report(db: Connection) -> None:
    """What a run found out about itself; the runs of before know nothing."""
    db.execute(text("ALTER TABLE runs ADD COLUMN report TEXT"))


def add_tuning(db: Connection) -> None:
    """What a launch foretold, when seeds were added, and the trials of learning rates."""
    for column in ("estimate FLOAT", "added TEXT", "tuned TEXT"):
        db.execute(text(f"ALTER TABLE experiments ADD COLUMN {column}"))
    db.execute(text("CREATE INDEX ix_experiments_tuned ON experiments (tuned)"))
    db.execute(
        text(
            "CREATE TABLE trials (experiment_id VARCHAR(8) NOT NULL, position INTEGER NOT NULL, "
            "arm INTEGER NOT NULL, scale FLOAT NOT NULL, seed INTEGER NOT NULL, "
            "run_id VARCHAR(16) NOT NULL, PRIMARY KEY (experiment_id, position))"
        )
    )
    db.execute(text("CREATE INDEX ix_trials_run_id ON trials (run_id)"))


def add_curves(db: Connection) -> None:
    """The points of ended runs in one row for each key; the runs of before stay as they are."""
    db.execute(
        text(
            "CREATE TABLE curves (run_id VARCHAR(16) NOT NULL, key VARCHAR(40) NOT NULL, "
            "steps BLOB NOT NULL, vals BLOB NOT NULL, batches BLOB NOT NULL, "
            "PRIMARY KEY (run_id, key))"
        )
    )


def add_checkpoints(db: Connection) -> None:
    """Where a run can go on from, and who launched an experiment."""
    for column in ("saved_step INTEGER", "saved_seq INTEGER"):
        db.execute(text(f"ALTER TABLE runs ADD COLUMN {column}"))
    db.execute(text("ALTER TABLE experiments ADD COLUMN owner VARCHAR(32)"))


def add_stacks(db: Connection) -> None:
    """Which runs are trained together; those that wait since before are trained alone."""
    for column in ("recipe VARCHAR(16)", "stack VARCHAR(16)", "together INTEGER"):
        db.execute(text(f"ALTER TABLE runs ADD COLUMN {column}"))
    db.execute(text("CREATE INDEX runs_by_recipe ON runs (state, recipe)"))


def add_memory(db: Connection) -> None:
    """What the process of a run had for itself; nobody knows it of the runs of before."""
    for column in ("memory INTEGER", "gpu_memory INTEGER"):
        db.execute(text(f"ALTER TABLE runs ADD COLUMN {column}"))


MIGRATIONS: list[Callable[[Connection], None]] = [
    add_report,
    add_tuning,
    add_curves,
    add_checkpoints,
    add_stacks,
    add_memory,
]


def newest() -> int:
    return len(MIGRATIONS) + 1


def version(connection: Connection) -> int | None:
    """The version of the tables, 0 if there are no tables; None: they are another program's."""
    names = inspect(connection).get_table_names()
    if not names:
        return 0
    if not {"notes", "experiments", "runs"} <= set(names):
        return None
    found = connection.scalar(select(notes.c.value).where(notes.c.key == "version"))
    return None if found is None else int(found)


def copy(path: Path, to: Path) -> None:
    """A copy that is whole or is not there; readers and a writer that waits are not in its way."""
    part = to.with_name(f"{to.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(part)) as new:
        old.backup(new)
    part.replace(to)


def known(found: int | None, path: Path) -> int:
    """The version, if this Trickboard can do something with it.

    Raises:
        StoreError: a newer Trickboard wrote this store, or another program.
    """
    if found is None:
        raise StoreError(
            f"{path} is a database of another program. It was left as it is. Use another folder or "
            "file for Trickboard."
        )
    if found > newest():
        raise StoreError(
            f"{path} was written by a newer Trickboard (its tables are version {found}, this one "
            f"knows {newest()}). It was left as it is. Update Trickboard or use another folder."
        )
    return found


def migrate(engine: Engine, path: Path) -> None:
    """Make the tables, or bring them up to date; an old store is copied beside itself first.

    One transaction: if it fails, the store is what it was.

    Raises:
        StoreError: a newer Trickboard wrote this store, or another program.
    """
    with engine.connect() as connection:
        if known(version(connection), path) == newest():
            return
    with engine.execution_options(writes=True).begin() as connection:
        found = known(version(connection), path)  # another process may have been faster
        if found == 0:
            metadata.create_all(connection)
            connection.execute(insert(notes).values(key="version", value=newest()))
            return
        if found < newest():  # nobody else can write now: the copy is of the old tables
            copy(path, path.with_name(f"{path.name}.version{found}"))
        for step in MIGRATIONS[found - 1 :]:
            step(connection)
        connection.execute(update(notes).where(notes.c.key == "version").values(value=newest()))
