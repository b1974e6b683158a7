"""The store and the worker, as the pages see them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import workshop
from trainer import home as place
from trainer import workers
from trainer.sharing import SharedStore
from trainer.store import Store

if TYPE_CHECKING:
    from trainer.store import WorkerRow

WAKE_EVERY = 5.0  # seconds between two tries to start a worker
SEEN_EVERY = 5.0  # seconds between two signs of life, of all pages together
PAGE_FIRST = 1.5  # seconds that the first page has before a worker starts
PATIENCE = 20.0  # seconds after the first try in which a worker may still be starting


@dataclass
class Wakes:
    """When this server last tried to start a worker, and since when none has answered."""

    first: bool = True
    last: float = float("-inf")
    missing_since: float | None = None
    seen: float = float("-inf")  # the last sign of life


@st.cache_resource(show_spinner=False)
def open_store(path: str) -> Store:
    return Store(path)


@st.cache_resource(show_spinner=False)
def wakes(path: str) -> Wakes:
    return Wakes()


def store() -> Store:
    """The store in the present home, as whoever looks at this page may see and change it."""
    whole = open_store(str(place.home()))
    who = workshop.person()
    return whole if who is None else SharedStore(whole, who)


def elsewhere(experiment_id: str) -> bool:
    """Whether an experiment is somebody else's, in a workshop."""
    seen = store()
    return isinstance(seen, SharedStore) and seen.is_elsewhere(experiment_id)


def kept(experiment_id: str) -> int:
    """How many runs of a stopped experiment go on for somebody else's, in a workshop."""
    seen = store()
    return seen.kept(experiment_id) if isinstance(seen, SharedStore) else 0


def seen() -> None:
    """Tell the worker that a page is open. However many are, the store is written to as for one."""
    known = wakes(str(place.home()))
    now = time.monotonic()
    if now - known.seen >= SEEN_EVERY:
        store().page_seen()
        known.seen = now


def wake() -> None:
    """Start a worker if none runs. Tries at most once in some seconds, however often pages ask."""
    path = str(place.home())
    known = wakes(path)
    now = time.monotonic()
    if now - known.last >= WAKE_EVERY:
        known.last = now
        if known.first:  # a worker that starts is busy for seconds: the first page goes before
            known.first = False
            later = threading.Timer(PAGE_FIRST, workers.ensure_worker, [Path(path)])
            later.daemon = True
            later.start()
        else:
            workers.ensure_worker(Path(path))


def worker() -> tuple[str, WorkerRow | None]:
    """``ready``, ``busy``, ``starting`` or ``none``, and what the worker says of itself."""
    row = store().worker()
    known = wakes(str(place.home()))
    if row is not None and row.alive:
        known.missing_since = None
        if row.state == "starting":
            return "starting", row
        return ("busy" if row.busy else "ready"), row
    now = time.monotonic()
    if known.missing_since is None:
        known.missing_since = now
    return ("starting" if now - known.missing_since < PATIENCE else "none"), row
