"""Train one experiment to its end while somebody waits: ``python -m trainer run``."""

from __future__ import annotations

import logging
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from trainer.home import log_file
from trainer.supervisor import LINGER, TICK, Supervisor
from trainer.workers import ensure_worker, worker_lock

if TYPE_CHECKING:
    from trainer.executors.local import Local
    from trainer.store import Store

SHOW_EVERY = 0.25
STOP_SECONDS = 10.0  # how long runs that were told to stop are waited for


class Stop:
    """Ctrl-C and SIGTERM as something to look at. A second Ctrl-C ends at once."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.before = {
            one: signal.signal(one, self.hear) for one in (signal.SIGINT, signal.SIGTERM)
        }

    def hear(self, number: int, frame: object) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    def restore(self) -> None:
        for one, handler in self.before.items():
            signal.signal(one, handler)


def train_to_end(
    store: Store, experiment_id: str, *, slots: int | None, executor: Local
) -> int | None:
    """Supervise the runs of an experiment until all have ended, or wait for who does already.

    ``executor`` may have begun to get warm. Gives the number of the signal that ended it early,
    None if it came to its end.
    """
    log_to_file(store)
    stop = Stop()
    lock = worker_lock(store.path)
    supervisor: Supervisor | None = None
    progress = Progress(store, experiment_id)
    told: float | None = None
    try:
        while not progress.finished(at_once=supervisor is not None and not supervisor.children):
            if supervisor is None and take(lock):
                supervisor = Supervisor(store, executor, slots=slots, experiment_id=experiment_id)
                supervisor.begin()
            if supervisor is not None and not supervisor.tick_or_wait():
                break
            if stop.signal is not None and told is None:
                told = time.monotonic()
                store.stop(experiment_id)
            if told is not None and time.monotonic() - told > STOP_SECONDS:
                break
            time.sleep(TICK)
    except KeyboardInterrupt:
        store.stop(experiment_id)
    finally:
        progress.clear()
        if supervisor is not None:
            supervisor.close()
            others_wait = bool(supervisor.queue.wishes())
            lock.release()
            if others_wait and time.time() - supervisor.queue.page_seen_at() < LINGER:
                ensure_worker(store.path)  # a page has launched runs in this store meanwhile
        stop.restore()
    return stop.signal


def take(lock: Any) -> bool:
    """Try to become the supervisor of the store."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


class Progress:
    """One line on a terminal: how many runs have ended, and how long the rest may take."""

    def __init__(self, store: Store, experiment_id: str) -> None:
        self.store = store
        self.id = experiment_id
        self.begun = time.monotonic()
        self.before: int | None = None  # how many had ended when this began
        self.asked = float("-inf")
        self.over = False
        self.shows = sys.stderr.isatty()

    def finished(self, *, at_once: bool) -> bool:
        """Whether every run has ended and none will follow.

        Asks the store four times a second, or ``at_once``.
        """
        now = time.monotonic()
        if now - self.asked < SHOW_EVERY and not at_once:
            return self.over
        self.asked = now
        counts = self.store.counts(self.id).get(self.id, {})
        left = sum(counts.get(state, 0) for state in ("waiting", "running", "paused"))
        total = sum(counts.values())
        if self.before is None:
            self.before = total - left
        self.over = left == 0 and not self.store.settles(self.id)
        self.show(total, left, counts.get("running", 0), now - self.begun)
        return self.over

    def show(self, total: int, left: int, running: int, seconds: float) -> None:
        if not self.shows:
            return
        ended = total - left - (self.before or 0)
        text = f"{total - left} of {total} runs done, {running} running"
        if ended and left:
            text += f", about {seconds / ended * left:.0f} s left"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.shows:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def log_to_file(store: Store) -> None:
    """What the supervisor tells goes to the worker's log, not between the lines of a terminal."""
    handler = logging.FileHandler(log_file(store.home, "worker"), encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("trainer")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
