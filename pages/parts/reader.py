"""What the store knows of one experiment, read once for everybody who watches it.

All sessions share one reader per experiment. However many of them ask, the store is read at most
once per half second, and only for what is new: a run that has ended is read once.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.parts import home

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from trainer.store import Delta, ExperimentRow, RunRow, Store, WorkerRow

    Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
    Curves = dict[str, tuple[Numbers, Numbers]]  # key -> steps, values

PAUSE = 0.5  # seconds between two looks at the store
KEYS = ("test_accuracy", "test_loss", "train_accuracy", "train_loss", "seconds")
ENDED = ("done", "diverged", "failed", "stopped")  # no more points come


@dataclass(frozen=True, kw_only=True)
class Look:
    """The experiment at one moment. ``curves`` is by run id, ``version`` counts the changes."""

    row: ExperimentRow
    runs: list[RunRow]  # empty: the experiment was deleted
    curves: dict[str, Curves]
    worker: tuple[str, WorkerRow | None]  # ready, busy, starting or none
    version: int

    def count(self, *states: str) -> int:
        """How many runs are in one of these states."""
        return sum(run.state in states for run in self.runs)

    @property
    def active(self) -> bool:
        """Whether anything can still happen by itself."""
        return self.count("waiting", "running") > 0

    @property
    def state(self) -> str:
        """``running``, ``stopped`` (some runs are unfinished and nothing works on them) or done."""
        if self.active:
            return "running"
        return "stopped" if self.count("stopped", "paused") else "done"


@dataclass
class Track:
    """The points of one run that have been read, and how far that was."""

    attempt: int = 0
    seq: int = 0
    closed: tuple[int, str] | None = None  # attempt and state in which it was read to its end
    series: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)

    def add(self, news: Delta) -> None:
        """Append what is new; a newer attempt starts afresh."""
        if news.attempt != self.attempt:
            self.series = {}
        self.attempt, self.seq = news.attempt, news.seq
        for key, (steps, values) in news.series.items():
            known_steps, known_values = self.series.setdefault(key, ([], []))
            known_steps.extend(steps)
            known_values.extend(values)

    def curves(self) -> Curves:
        return {
            key: (np.asarray(steps, float), np.asarray(values, float))
            for key, (steps, values) in self.series.items()
        }


class Reader:
    """Reads one experiment's curves from the store, a little at a time. Safe from many threads."""

    def __init__(
        self,
        store: Store,
        row: ExperimentRow,
        worker: Callable[[], tuple[str, WorkerRow | None]],
    ) -> None:
        self.store = store
        self.row = row  # whoever reads the row again puts it here
        self.worker = worker
        self.lock = threading.Lock()
        self.tracks: dict[str, Track] = {}
        self.curves: dict[str, Curves] = {}
        self.last: Look | None = None
        self.due = 0.0
        self.made: dict[Hashable, Any] = {}

    def look(self, *, now: bool = False) -> Look:
        """The present state, at most half a second old; ``now`` after something was changed."""
        with self.lock:
            if self.last is None or now or time.monotonic() >= self.due:
                self.last = self.read()
                self.due = time.monotonic() + PAUSE
            return self.last

    def once(self, what: Hashable, look: Look, make: Callable[[], Any]) -> Any:
        """What ``make`` makes of this look; sessions that want the same share the work."""
        with self.lock:
            if (look.version, what) not in self.made:
                self.made = {key: one for key, one in self.made.items() if key[0] == look.version}
                self.made[look.version, what] = make()
            return self.made[look.version, what]

    def read(self) -> Look:
        """Ask the store. Rows come first: a run that they call ended has written all its points."""
        runs = self.store.runs(self.row.id)
        news = self.read_points(runs)
        last = self.last
        if last is None:
            version = 0
        else:
            version = last.version + (news or runs != last.runs or self.row != last.row)
        return Look(
            row=self.row,
            runs=runs,
            curves=dict(self.curves) if news or last is None else last.curves,
            worker=self.worker(),
            version=version,
        )

    def read_points(self, runs: list[RunRow]) -> bool:
        """Read what is new of the runs that can have news; whether there was any."""
        open_runs = {}
        for run in runs:
            track = self.tracks.setdefault(run.id, Track())
            if run.attempt and track.closed != (run.attempt, run.state):
                open_runs[run.id] = run
        if not open_runs:
            return False
        cursors = {id: (self.tracks[id].attempt, self.tracks[id].seq) for id in open_runs}
        news = self.store.read(cursors, KEYS)
        for id, one in news.items():
            self.tracks[id].add(one)
            self.curves[id] = self.tracks[id].curves()
        for id, run in open_runs.items():
            if run.state in ENDED:
                self.tracks[id].closed = (run.attempt, run.state)
        return bool(news)


@st.cache_resource(max_entries=16, show_spinner=False)
def reader_of(path: str, experiment_id: str, _row: ExperimentRow) -> Reader:
    """The one reader of that experiment in the store at ``path``, for all sessions."""
    return Reader(home.open_store(path), _row, home.worker)
