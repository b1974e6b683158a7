"""The supervisor's own side of the store: that it is there, how long a step takes, who looks."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from trainer.experiment import Setup
from trainer.schema import notes, timings, workers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.store import Store


class Presence:
    """What a supervisor writes of itself, and is asked."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def enter(self, worker: str, *, pid: int, created: float, slots: int) -> None:
        """A supervisor begins. There is one for a store: the rows of older ones go."""
        with self.store.writes.begin() as db:
            db.execute(delete(workers))
            db.execute(
                insert(workers).values(
                    id=worker,
                    pid=pid,
                    pid_created=created,
                    slots=slots,
                    busy=0,
                    state="starting",
                    desired="run",
                    heartbeat=time.time(),
                )
            )

    def beat(self, worker: str, *, busy: int, state: str, devices: Iterable[str] | None) -> None:
        """The supervisor is alive."""
        known = None if devices is None else json.dumps(list(devices))
        with self.store.writes.begin() as db:
            db.execute(
                update(workers)
                .where(workers.c.id == worker)
                .values(busy=busy, state=state, devices=known, heartbeat=time.time())
            )

    def leave(self, worker: str) -> None:
        """The supervisor ends; its row tells when it was last there."""
        with self.store.writes.begin() as db:
            db.execute(
                update(workers)
                .where(workers.c.id == worker)
                .values(busy=0, state="ended", heartbeat=time.time())
            )

    def ask_end(self) -> None:
        """Have the supervisor end."""
        with self.store.writes.begin() as db:
            db.execute(update(workers).values(desired="end"))

    def end_asked(self, worker: str) -> bool:
        wish = select(workers.c.desired).where(workers.c.id == worker)
        with self.store.reads.connect() as db:
            return db.scalar(wish) == "end"

    def page_seen_at(self) -> float:
        """When a page was last open, 0 if never."""
        with self.store.reads.connect() as db:
            return db.scalar(select(notes.c.value).where(notes.c.key == "page_seen")) or 0.0

    # Trials: how long a step takes.

    def next_trial(self) -> tuple[str, Setup] | None:
        """The oldest setup that somebody wants timed, and its kind."""
        oldest = (
            select(timings.c.kind, timings.c.setup)
            .where(timings.c.measured_at.is_(None))
            .order_by(timings.c.asked_at)
            .limit(1)
        )
        with self.store.reads.connect() as db:
            found = db.execute(oldest).first()
        return (found[0], Setup.model_validate_json(found[1])) if found else None

    def timed(self, kind: str, step_seconds: float | None) -> None:
        """The result of a trial; None: it could not be measured."""
        with self.store.writes.begin() as db:
            db.execute(
                update(timings)
                .where(timings.c.kind == kind, timings.c.measured_at.is_(None))
                .values(measured_at=time.time(), step_seconds=step_seconds)
            )
