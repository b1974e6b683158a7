"""What the store knows of one experiment, read once for everybody who watches it.

All sessions share one reader per experiment. However many of them ask, the store is read at most
five times a second (less often where many pages are open), and only for what is new: a run that has
ended is read once.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.parts import home
from pages.parts.pace import pace
from trainer.tuning import OVER, settles

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from trainer.reading import News
    from trainer.store import ExperimentRow, RunRow, Store, Trial, WorkerRow

    Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
    Curve = tuple[Numbers, Numbers]  # steps, values
    Curves = dict[str, Curve]  # by key

PAUSE = 0.4  # of the time between two updates of a page: from one look at the store to the next
REST = 3.0  # times what a look took: a very large experiment is looked at less often
KEYS = ("test_accuracy", "test_loss", "train_accuracy", "train_loss", "seconds")
ENDED = ("done", "diverged", "failed", "stopped", "paused")  # no more points come


@dataclass(frozen=True, kw_only=True)
class Look:
    """The experiment at one moment. ``curves`` is by run id, ``version`` counts the changes."""

    row: ExperimentRow
    runs: list[RunRow]  # empty: the experiment was deleted
    curves: dict[str, Curves]
    worker: tuple[str, WorkerRow | None]  # ready, busy, starting or none
    version: int
    trials: Sequence[Trial] = ()  # of the learning rates, if the experiment asks for tuning

    def count(self, *states: str) -> int:
        """How many runs are in one of these states; trials are not among them."""
        return sum(run.state in states for run in self.runs)

    def has(self, *states: str) -> bool:
        """Whether any run or trial is in one of these states."""
        return any(run.state in states for run in self.every)

    @property
    def every(self) -> list[RunRow]:
        """Runs and trials."""
        return [*self.runs, *(one.run for one in self.trials)]

    @property
    def active(self) -> bool:
        """Whether anything can still happen by itself."""
        if self.has("waiting", "running"):
            return True
        return self.row.tuning and bool(self.trials) and settles([one.run for one in self.trials])

    @property
    def phase(self) -> tuple[bool, bool]:
        """What decides how the page is built: whether it lives, and whether rates are tuned."""
        return self.active, self.row.tuning

    @property
    def state(self) -> str:
        """``running``, ``paused`` or ``stopped`` (nothing works on the rest), or ``done``."""
        if self.active:
            return "running"
        left = (state for state in ("paused", "stopped") if self.has(state))
        return next(left, "done")


@dataclass
class Track:
    """The points of one run that have been read, and how far that was."""

    attempt: int = 0
    seq: int = 0
    closed: tuple[int, str] | None = None  # attempt and state in which it was read to its end
    curves: Curves = field(default_factory=dict)

    def add(self, news: News) -> None:
        """Append what is new; a newer attempt starts afresh. What was handed out never changes."""
        known = self.curves if news.attempt == self.attempt else {}
        self.attempt, self.seq = news.attempt, news.seq
        self.curves = known | {
            key: joined(known.get(key), (steps.astype(float), values))
            for key, (steps, values) in news.series.items()
        }


def joined(known: Curve | None, more: Curve) -> Curve:
    """A curve and what comes after it."""
    if known is None:
        return more
    return np.concatenate([known[0], more[0]]), np.concatenate([known[1], more[1]])


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
        """The present state, or one that is hardly older; ``now`` after something was changed."""
        with self.lock:
            if self.last is None or now or time.monotonic() >= self.due:
                begun = time.monotonic()
                self.last = self.read()
                took = time.monotonic() - begun
                self.due = begun + took + max(PAUSE * pace(), REST * took)
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
        trials: Sequence[Trial] = ()
        if self.row.experiment.tune is not None:
            if self.row.tuning:  # they may be over since; then the arms have their scales
                self.row = self.store.experiment(self.row.id) or self.row
            known = self.last.trials if self.last else ()
            over = bool(known) and not self.row.tuning and all(x.run.state in OVER for x in known)
            trials = known if over else self.store.trials(self.row.id)
        runs = self.store.runs(self.row.id)
        news = self.read_points(runs)
        last = self.last
        if last is None:
            version = 0
        else:
            changed = runs != last.runs or trials != last.trials or self.row != last.row
            version = last.version + (news or changed)
        return Look(
            row=self.row,
            runs=runs,
            curves=dict(self.curves) if news or last is None else last.curves,
            worker=self.worker(),
            version=version,
            trials=trials,
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
        news = self.store.news(cursors, KEYS)
        for id, one in news.items():
            self.tracks[id].add(one)
            self.curves[id] = self.tracks[id].curves
        for id, run in open_runs.items():
            if run.state in ENDED:
                self.tracks[id].closed = (run.attempt, run.state)
        return bool(news)


@st.cache_resource(max_entries=16, show_spinner=False)
def reader_of(path: str, experiment_id: str, _row: ExperimentRow) -> Reader:
    """The one reader of that experiment in the store at ``path``, for all sessions."""
    return Reader(home.open_store(path), _row, home.worker)
