"""The worker's side of the store: who trains what, and what became of it.

The rules are in the first lines of ``trainer/store.py``.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import and_, case, delete, insert, literal, select, update

from trainer import fairqueue
from trainer.experiment import Run, Setup
from trainer.reading import Numbers, add_points, keep_points, pack, progress
from trainer.rows import write_json
from trainer.schema import notes, points, runs, timings, workers
from trainer.statements import FINAL, run_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Update

    from trainer.store import Store

LEASE = 15.0  # seconds for which a run belongs to its process after each sign of life
DEATHS = 5  # a run whose process died so often is failed: nothing of it was ever saved

WISHED = (  # what becomes of a run whose process is gone, by what was desired
    (runs.c.desired == "stop", "stopped"),
    (runs.c.desired == "pause", "paused"),
)
SMALLER = "make the network or the batches smaller, or have fewer runs at a time"
NOT_SAVED = {"saved_step": None, "saved_seq": None}


class Fenced(Exception):
    """This attempt of a run is over: somebody else has it, or it was deleted."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A run that a worker has taken, and where it is to be trained."""

    run: Run
    attempt: int
    device: str
    saved_step: int | None = None  # where its checkpoint stands; None: it begins at the start


@dataclass(frozen=True, kw_only=True)
class Running:
    """A run as the supervisor watches it."""

    id: str
    attempt: int
    desired: str
    stop_at: float | None
    lease_until: float
    pid: int | None  # None: its process has not come up yet
    pid_created: float | None
    device: str


class Queue:
    """What a supervisor and the processes of its runs do with a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # The supervisor: runs.

    def wishes(self, experiment_id: str | None = None) -> list[str]:
        """The devices that waiting runs ask for, in the order of whose turn it is."""
        asked = select(runs.c.wish).where(runs.c.state == "waiting")
        with self.store.reads.begin() as db:
            return fairqueue.wishes(db, only(asked, experiment_id))

    def claim(
        self, worker: str, wish: str, device: str, experiment_id: str | None = None
    ) -> Claim | None:
        """Take the next waiting run that asks for ``wish``, to be trained on ``device``.

        The points that its checkpoint knows stay, as points of the new attempt.
        """
        waiting = select(
            runs.c.id, runs.c.attempt, runs.c.spec, runs.c.saved_step, runs.c.saved_seq
        ).where(runs.c.state == "waiting", runs.c.wish == wish)
        now = time.time()
        with self.store.writes.begin() as db:
            found = fairqueue.first(db, only(waiting, experiment_id))
            if found is None:
                return None
            id, attempt, spec, saved_step, saved_seq = tuple(found)
            keep_points(db, id, attempt, saved_seq)
            begun = {} if saved_step else {"seconds": None}
            db.execute(
                update(runs)
                .where(runs.c.id == id)
                .values(
                    state="running",
                    desired="run",
                    stop_at=None,
                    attempt=attempt + 1,
                    worker=worker,
                    device=device,
                    pid=None,
                    pid_created=None,
                    heartbeat=now,
                    lease_until=now + LEASE,
                    seq=saved_seq or 0,
                    step=saved_step or 0,
                    message=None,
                    started_at=now,
                    ended_at=None,
                    **begun,
                )
            )
        return Claim(
            run=Run.model_validate_json(spec),
            attempt=attempt + 1,
            device=device,
            saved_step=saved_step,
        )

    def running(self) -> list[Running]:
        """All runs that are being trained, by whomever."""
        names = (field.name for field in fields(Running))
        being = select(*(runs.c[name] for name in names)).where(runs.c.state == "running")
        with self.store.reads.connect() as db:
            return [Running(**row) for row in db.execute(being).mappings()]

    def died(self, run_id: str, attempt: int, how: str) -> None:
        """A run's process is gone without having ended the run: it waits again, or ends.

        A run that should stop is stopped, and so on; the one whose process died for the fifth time
        since its last checkpoint failed.
        """
        last = runs.c.deaths + 1 >= DEATHS
        stops = runs.c.desired != "run"
        text = f"{how}, {DEATHS} times; this run was given up. {way_out(how)}"
        state = case(*WISHED, (last, "failed"), else_="waiting")
        values = {
            "deaths": runs.c.deaths + 1,
            "error_kind": case((and_(last, ~stops), "killed"), else_=None),
            "error_text": case((and_(last, ~stops), text), else_=None),
        }
        with self.store.writes.begin() as db:
            db.execute(mine(run_id, attempt).values(values | ended(state)))

    def put_back(self, run_id: str, attempt: int) -> None:
        """Have a run wait again that ended through no fault of its own."""
        state = case(*WISHED, else_="waiting")
        with self.store.writes.begin() as db:
            db.execute(mine(run_id, attempt).values(ended(state)))

    # A run's process.

    def begin(self, claim: Claim, pid: int, created: float) -> None:
        """The process is up.

        Raises:
            Fenced: it is too late, the run belongs to another attempt.
        """
        with self.store.writes.begin() as db:
            fenced(db, claim, {"pid": pid, "pid_created": created})

    def write(
        self,
        claim: Claim,
        batch: Sequence[Numbers] = (),
        *,
        message: str | None = None,
    ) -> str:
        """A sign of life, with the points since the last one. Gives what is desired.

        Raises:
            Fenced: the run belongs to another attempt; nothing was written.
        """
        with self.store.writes.begin() as db:
            fenced(db, claim, {"message": message} | progress(batch))
            add_points(db, claim.run.id, claim.attempt, batch)
            return str(db.scalar(select(runs.c.desired).where(runs.c.id == claim.run.id)))

    def saved(self, claim: Claim, batch: Sequence[Numbers], step: int) -> None:
        """The run has a checkpoint after ``step``; ``batch`` ends with its last points.

        Raises:
            Fenced: the run belongs to another attempt; nothing was written.
        """
        at = {"saved_step": step, "saved_seq": runs.c.seq + bool(batch), "deaths": 0}
        with self.store.writes.begin() as db:
            fenced(db, claim, at | progress(batch))
            add_points(db, claim.run.id, claim.attempt, batch)

    def start_over(self, claim: Claim) -> None:
        """The checkpoint is of no use: this attempt begins at the first step.

        Raises:
            Fenced: the run belongs to another attempt; nothing was written.
        """
        anew = {"seq": 0, "step": 0, "seconds": None}
        with self.store.writes.begin() as db:
            fenced(db, claim, anew | NOT_SAVED)
            db.execute(delete(points).where(points.c.run_id == claim.run.id))

    def checkpoints(self) -> set[tuple[str, int]]:
        """Which are in use: run and step."""
        every = select(runs.c.id, runs.c.saved_step).where(runs.c.saved_step.is_not(None))
        with self.store.reads.connect() as db:
            return {(id, step) for id, step in db.execute(every)}

    def finish(
        self,
        claim: Claim,
        batch: Sequence[Numbers] = (),
        *,
        state: Literal["done", "diverged", "failed", "stopped", "paused"],
        steps: int | None = None,
        seconds: float | None = None,
        metrics: Mapping[str, float] | None = None,
        report: Mapping[str, Any] | None = None,
        kind: str | None = None,
        text: str | None = None,
    ) -> None:
        """The end of a run, with its last points.

        Raises:
            Fenced: the run belongs to another attempt; nothing was written.
        """
        # A run that was told to stop may have been told to go on since: then it waits again.
        again = and_(literal(state in ("stopped", "paused")), runs.c.desired == "run")
        values = progress(batch) | {
            "metrics": write_json(metrics) if metrics else None,
            "report": write_json(report) if report else None,
            "error_kind": kind,
            "error_text": text,
        }
        if seconds is not None:
            values["seconds"] = seconds
        if steps is not None:
            values["step"] = steps
        if state == "done":
            values["steps"] = steps
        if state in FINAL:
            values |= NOT_SAVED
        with self.store.writes.begin() as db:
            fenced(db, claim, values | ended(case((again, "waiting"), else_=state)))
            add_points(db, claim.run.id, claim.attempt, batch)
            if state in FINAL:
                pack(db, claim.run.id)

    # The supervisor: itself.

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


def way_out(how: str) -> str:
    """What to do about a run whose process always dies."""
    if "SIGKILL" in how:
        return f"A system kills what takes too much memory: {SMALLER}"
    return (
        "Its log may say more. A trick of one's own can end a process (os._exit, compiled code), "
        "and so can a broken driver or library"
    )


def only(statement: Any, experiment_id: str | None) -> Any:
    """A statement about runs, limited to those of an experiment."""
    if experiment_id is None:
        return statement
    return statement.where(runs.c.id.in_(run_ids(experiment_id)))


def mine(run_id: str, attempt: int) -> Update:
    """The fence: an update that finds the run only while this attempt has it."""
    return update(runs).where(
        runs.c.id == run_id, runs.c.attempt == attempt, runs.c.state == "running"
    )


def ended(state: ColumnElement[str]) -> dict[str, Any]:
    """What changes when nobody trains a run any more; ``state`` may say that it waits again."""
    return {
        "state": state,
        "desired": "run",
        "stop_at": None,
        "lease_until": None,
        "message": None,
        "worker": None,
        "pid": None,
        "pid_created": None,
        "ended_at": case((state == "waiting", None), else_=time.time()),
    }


def fenced(db: Connection, claim: Claim, values: dict[str, Any]) -> None:
    """The first statement of every write of a run's process."""
    now = time.time()
    alive = {"heartbeat": now, "lease_until": now + LEASE}
    if not db.execute(mine(claim.run.id, claim.attempt).values(alive | values)).rowcount:
        raise Fenced(f"attempt {claim.attempt} of {claim.run.id} is over")
