"""The tables of the run store, and how its database is opened."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.engine import ExceptionContext

BUSY_SECONDS = 20.0  # how long a write waits for another one
CACHE = 512  # kB of a store that a connection keeps

metadata = MetaData()

experiments = Table(
    "experiments",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("name", Text, nullable=False),
    Column("spec", Text, nullable=False),  # Experiment as JSON
    Column("created_at", Float, nullable=False),
    Column("estimate", Float),  # wall seconds that the launch foretold
    Column("added", Text),  # JSON list: how many seeds it had each time before some were added
    # JSON: arm name -> chosen scale; "null" while its trials go on, SQL's null where none were
    # asked for.
    Column("tuned", Text, index=True),
    Column("owner", String(32)),  # who launched it, where several people share a store
)

trials = Table(  # which runs an experiment tries learning rates with
    "trials",
    metadata,
    Column("experiment_id", String(8), primary_key=True),
    Column("position", Integer, primary_key=True),  # as they are to be trained
    Column("arm", Integer, nullable=False),
    Column("scale", Float, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("run_id", String(16), nullable=False, index=True),
)

links = Table(  # which runs an experiment is made of
    "links",
    metadata,
    Column("experiment_id", String(8), primary_key=True),
    Column("arm", Integer, primary_key=True),
    Column("seed", Integer, primary_key=True),
    Column("run_id", String(16), nullable=False, index=True),
    Column("position", Integer, nullable=False),  # seed by seed, as they are to be trained
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("spec", Text, nullable=False),  # Run as JSON
    Column("wish", String(16), nullable=False),  # the device asked for
    Column("kind", String(16), nullable=False),  # what a step costs depends on: see timing_key
    Column("tricks", String(16), nullable=False),  # hash of the arm's tricks
    Column("state", String(16), nullable=False),
    Column("desired", String(8), nullable=False),  # run | stop | pause
    Column("stop_at", Float),  # when stop was asked
    Column("queued_at", Float, nullable=False),
    Column("position", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),  # 0: never started
    Column("deaths", Integer, nullable=False),
    Column("worker", String(16)),
    Column("pid", Integer),
    Column("pid_created", Float),
    Column("heartbeat", Float),
    Column("lease_until", Float),
    Column("seq", Integer, nullable=False),  # of the last batch of points of this attempt
    Column("step", Integer, nullable=False),
    Column("saved_step", Integer),  # of its checkpoint: what is trained anew begins after it
    Column("saved_seq", Integer),  # the last batch of points that the checkpoint knows
    Column("steps", Integer),
    Column("seconds", Float),
    Column("metrics", Text),  # JSON, null for a number that is none
    Column("error_kind", String(16)),
    Column("error_text", Text),
    Column("message", Text),
    Column("device", String(16)),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("report", Text),  # JSON, read by nobody but who asks for it: see reports.py
    Column("recipe", String(16)),  # hash of setup and arm; null: it is trained alone
    Column("stack", String(16)),  # the process it is trained in, perhaps with others
    Column("together", Integer),  # how many runs that process trains, or trained, as one
    # Bytes that its process had for itself at most; runs that are trained together share them.
    Column("memory", Integer),
    Column("gpu_memory", Integer),  # the same on a GPU; null: it was on none
    Index("runs_by_recipe", "state", "recipe"),
    Index("runs_by_state", "state", "wish", "queued_at", "position"),
    Index("runs_by_kind", "kind", "state"),
)

points = Table(  # one row for each key of each batch, so a chart reads its own keys only
    "points",
    metadata,
    Column("run_id", String(16), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("key", String(40), primary_key=True),
    Column("steps", Text, nullable=False),  # JSON list
    Column("vals", Text, nullable=False),  # JSON list of the same length, null for nan
)

curves = Table(  # the points of a run that is done or diverged, instead of its rows in points
    "curves",
    metadata,
    Column("run_id", String(16), primary_key=True),
    Column("key", String(40), primary_key=True),
    Column("steps", LargeBinary, nullable=False),  # little-endian, 64 bits each
    Column("vals", LargeBinary, nullable=False),  # the same as floating point
    Column("batches", LargeBinary, nullable=False),  # as steps: seq, points up to it, seq, ...
)

graves = Table(  # attempts go on counting when a deleted run is launched anew: see store.py
    "graves",
    metadata,
    Column("run_id", String(16), primary_key=True),
    Column("attempt", Integer, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("pid_created", Float, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("busy", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # starting | ready | ended
    Column("desired", String(8), nullable=False),  # run | end
    Column("devices", Text),  # JSON list, null until probed
    Column("heartbeat", Float, nullable=False),
)

timings = Table(  # how long a step takes: asked by a page, measured by the worker
    "timings",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("setup", Text, nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("measured_at", Float),
    Column("step_seconds", Float),  # null and measured: it could not be measured
)

notes = Table(  # single facts: the version of the tables, when a page was last open
    "notes",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", Float, nullable=False),
)


def has_wal_reset_bug(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite may corrupt a WAL database with several writers.

    Fixed in 3.51.3, and in 3.50.7 and 3.44.6 of the older branches.
    """
    if version >= (3, 51, 3):
        return False
    fixed = {(3, 50): 7, (3, 44): 6}.get(version[:2])
    return fixed is None or version[2] < fixed


def open_database(path: Path) -> Engine:
    """An engine on a SQLite file. Connections with the option ``writes`` begin IMMEDIATE.

    A transaction that first reads and then writes would otherwise fail at once, whatever the
    timeout, when another process wrote in between.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
    broken = has_wal_reset_bug(sqlite3.sqlite_version_info)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        journal, synchronous = ("TRUNCATE", "FULL") if broken else ("WAL", "NORMAL")
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        # Each of a server's connections keeps as much of the file as it has seen, up to this: with
        # SQLite's own 2 MB for each, ten of them grow by 20 MB as the store does. The system's
        # memory of files serves all of them.
        connection.execute(f"PRAGMA cache_size=-{CACHE}")

    @event.listens_for(engine, "handle_error")
    def reopen(context: ExceptionContext) -> None:
        """A connection that was opened where nobody could write stays so; the next one may not."""
        code = getattr(context.original_exception, "sqlite_errorcode", 0) & 0xFF
        context.is_disconnect |= code == sqlite3.SQLITE_READONLY

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
