"""The worker's side of the store: who trains what, and what became of it.

The rules are in the first lines of ``trainer/store.py``.

Seeds of an arm (equal ``recipe``) may be claimed by one process, which then trains them as one
program and writes for all of them; ``stack`` names that process. In all else each is a run of its
own: its fence, wishes, checkpoints and end. Its ``seconds`` are its share of the time. A run that
failed among others, or whose processes died twice, waits again without a recipe: it is trained
alone, and what is wrong with it shows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import and_, bindparam, case, delete, func, literal, select, update

from trainer import fairqueue
from trainer.claiming import Claim as Claim
from trainer.claiming import next_runs, only, own_tricks, take
from trainer.experiment import Run
from trainer.portions import soon_free
from trainer.presence import Presence
from trainer.reading import Numbers, add_points, add_rows, pack, progress
from trainer.rows import Running as Running
from trainer.rows import write_json
from trainer.schema import points, runs, workers
from trainer.statements import FINAL, most

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Update

    from trainer.processes import Footprint


WATCHED = 5.0  # seconds after a supervisor's sign of life in which runs go on without asking it
LEASE = 15.0  # seconds for which a run belongs to its process after each sign of life
DEATHS = 5  # a run whose process died so often is failed: nothing of it was ever saved
DEATHS_TOGETHER = 2  # after so many it is trained alone: whose fault they were nobody knows

WISHED = (  # what becomes of a run whose process is gone, by what was desired
    (runs.c.desired == "stop", "stopped"),
    (runs.c.desired == "pause", "paused"),
)
SMALLER = "make the network or the batches smaller, or have fewer runs at a time"
NOT_SAVED = {"saved_step": None, "saved_seq": None}


class Fenced(Exception):
    """This attempt of a run is over: somebody else has it, or it was deleted."""


@dataclass(frozen=True, kw_only=True)
class News:
    """What a run's process has to tell: points since the last time, what it does, what it takes."""

    claim: Claim
    batch: Sequence[Numbers] = ()
    message: str | None = None
    footprint: Footprint | None = None


class Queue(Presence):
    """What a supervisor and the processes of its runs do with a store."""

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
        found = self.claim_together(worker, wish, device, experiment_id, room=0)
        return found[0] if found else None

    def claim_together(
        self,
        worker: str,
        wish: str,
        device: str,
        experiment_id: str | None = None,
        *,
        room: int,
    ) -> list[Claim]:
        """The same, and with it further seeds of its arm for the same process.

        They begin at the same step and are needed by whoever's turn it is; all together are one
        turn. ``room`` is how many slots are free for such runs: equal runs are shared out over
        them (``portions.py``). None wait: an empty list.
        """
        with self.store.writes.begin() as db:
            rows = next_runs(db, wish, experiment_id, room)
            return take(db, rows, worker, device, LEASE)

    def go_on(self, claim: Claim, *, worker: str, experiment_id: str | None = None) -> list[Claim]:
        """The next runs for a process whose runs, ``claim`` among them, are over.

        Those that the supervisor ``worker`` would start in its place, on the same device. None of
        them, where it would be wrong to go on: no supervisor is there or it is to end, another
        device is asked for first, or a trick of one's own takes part (its file may be newer than
        what this process has loaded).
        """
        watched = select(workers.c.slots).where(
            workers.c.id == worker,
            workers.c.state == "ready",
            workers.c.desired == "run",
            workers.c.heartbeat.between(time.time() - WATCHED, time.time() + WATCHED),
        )
        wish = claim.run.setup.device
        if self.wishes(experiment_id)[:1] != [wish]:
            return []
        others = [one for one in self.running() if one.process != claim.stack]
        with self.store.writes.connect() as db, db.begin() as transaction:
            slots = db.scalar(watched)
            if slots is None:
                return []
            free = max(1, slots - len({one.process for one in others}))  # its own slot among them
            rows = next_runs(db, wish, experiment_id, free + soon_free(others))
            if rows and own_tricks(Run.model_validate_json(rows[0].spec).arm):
                transaction.rollback()  # this was nobody's turn
                return []
            return take(db, rows, worker, claim.device, LEASE, stack=claim.stack)

    def running(self) -> list[Running]:
        """All runs that are being trained, by whomever."""
        names = (field.name for field in fields(Running))
        being = select(*(runs.c[name] for name in names)).where(runs.c.state == "running")
        with self.store.reads.connect() as db:
            return [Running(**row) for row in db.execute(being).mappings()]

    def died(self, run_id: str, attempt: int, how: str) -> None:
        """A run's process is gone without having ended the run: it waits again, or ends.

        A run that should stop is stopped, and so on; the one whose process died for the fifth time
        since its last checkpoint failed. A death counts for every run of the process, for nobody
        knows whose it was; so after the second each is trained alone.
        """
        last = runs.c.deaths + 1 >= DEATHS
        stops = runs.c.desired != "run"
        text = f"{how}, {DEATHS} times; this run was given up. {way_out(how)}"
        state = case(*WISHED, (last, "failed"), else_="waiting")
        values = {
            "deaths": runs.c.deaths + 1,
            "error_kind": case((and_(last, ~stops), "killed"), else_=None),
            "error_text": case((and_(last, ~stops), text), else_=None),
            "recipe": case((runs.c.deaths + 1 >= DEATHS_TOGETHER, None), else_=runs.c.recipe),
        }
        with self.store.writes.begin() as db:
            db.execute(mine(run_id, attempt).values(values | ended(state)))

    def put_back(self, run_id: str, attempt: int) -> None:
        """Have a run wait again that ended through no fault of its own."""
        with self.store.writes.begin() as db:
            db.execute(mine(run_id, attempt).values(ended(AGAIN)))

    # The process of runs.

    def give_back(self, claims: Sequence[Claim], *, alone: bool = False) -> None:
        """Have runs of this process wait again that it does not train any more.

        That is no death of theirs. Their attempts are over all the same, and what they had done
        since their last checkpoint is done anew. ``alone``: nobody trains them with others again.
        """
        values = ended(AGAIN) | ({"recipe": None} if alone else {})
        with self.store.writes.begin() as db:
            for one in claims:
                db.execute(mine(one.run.id, one.attempt).values(values))

    def apart(self, claims: Sequence[Claim]) -> None:
        """It is of no use together: these runs, and all equal ones that wait, are trained alone."""
        ids = [one.run.id for one in claims]
        with self.store.writes.begin() as db:
            recipes = select(runs.c.recipe).where(runs.c.id.in_(ids)).distinct()
            known = [one for one in db.scalars(recipes) if one is not None]
            equal = update(runs).where(runs.c.state == "waiting", runs.c.recipe.in_(known))
            db.execute(equal.values(recipe=None))
            db.execute(update(runs).where(runs.c.id.in_(ids)).values(recipe=None))

    def begin(self, claim: Claim, pid: int, created: float) -> None:
        """The process is up.

        Raises:
            Fenced: it is too late, the run belongs to another attempt.
        """
        if not self.begin_all([claim], pid, created):
            raise fenced_off(claim)

    def begin_all(self, claims: Sequence[Claim], pid: int, created: float) -> list[Claim]:
        """The same for runs that are trained together. Gives those that are still its own."""
        me = {"pid": pid, "pid_created": created, "together": len(claims)}
        with self.store.writes.begin() as db:
            return [
                one
                for one in claims
                if db.execute(mine(one.run.id, one.attempt).values(alive() | me)).rowcount
            ]

    def write(
        self, claim: Claim, batch: Sequence[Numbers] = (), *, message: str | None = None
    ) -> str:
        """A sign of life, with the points since the last one. Gives what is desired.

        Raises:
            Fenced: the run belongs to another attempt; nothing was written.
        """
        found = self.write_all([News(claim=claim, batch=batch, message=message)])
        if claim.run.id not in found:
            raise fenced_off(claim)
        return found[claim.run.id]

    def write_all(self, news: Sequence[News]) -> dict[str, str]:
        """The same for all runs of a process, in one transaction of a few statements.

        Gives what is desired of each by its id. One that is not there belongs to another attempt,
        and nothing of it was written.
        """
        with self.store.writes.begin() as db:
            db.execute(SIGN, [sign_of(one) for one in news])
            # Whoever has the attempt now had it in the update: an attempt never comes back.
            ids = {one.claim.run.id: one for one in news}
            of = select(runs.c.id, runs.c.attempt, runs.c.seq, runs.c.desired)
            rows = db.execute(of.where(runs.c.id.in_(ids), runs.c.state == "running")).all()
            ours = [row for row in rows if row.attempt == ids[row.id].claim.attempt]
            add_rows(db, [(row.id, row.attempt, row.seq, ids[row.id].batch) for row in ours])
            return {row.id: row.desired for row in ours}

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
        footprint: Footprint | None = None,
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
        if footprint is not None:
            values |= {
                "memory": most(runs.c.memory, footprint.memory),
                "gpu_memory": most(runs.c.gpu_memory, footprint.gpu_memory),
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


def way_out(how: str) -> str:
    """What to do about a run whose process always dies."""
    if "SIGKILL" in how:
        return f"A system kills what takes too much memory: {SMALLER}"
    return (
        "Its log may say more. A trick of one's own can end a process (os._exit, compiled code), "
        "and so can a broken driver or library"
    )


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


AGAIN = case(*WISHED, else_="waiting")
SIGN = (  # the fence, and the sign of life, of several runs at once
    update(runs)
    .where(
        runs.c.id == bindparam("run"),
        runs.c.attempt == bindparam("number"),
        runs.c.state == "running",
    )
    .values(
        heartbeat=bindparam("now"),
        lease_until=bindparam("until"),
        message=bindparam("says"),
        seq=runs.c.seq + bindparam("more"),
        step=func.coalesce(bindparam("at", type_=runs.c.step.type), runs.c.step),
        seconds=func.coalesce(bindparam("took", type_=runs.c.seconds.type), runs.c.seconds),
        memory=most(runs.c.memory, bindparam("own", type_=runs.c.memory.type)),
        gpu_memory=most(runs.c.gpu_memory, bindparam("gpu", type_=runs.c.memory.type)),
    )
)


def sign_of(one: News) -> dict[str, Any]:
    """What ``SIGN`` writes of a run."""
    known = progress(one.batch)
    now = alive()
    return {
        "run": one.claim.run.id,
        "number": one.claim.attempt,
        "now": now["heartbeat"],
        "until": now["lease_until"],
        "says": one.message,
        "more": int(bool(one.batch)),
        "at": known.get("step"),
        "took": known.get("seconds"),
        "own": one.footprint and one.footprint.memory,
        "gpu": one.footprint and one.footprint.gpu_memory,
    }


def alive() -> dict[str, float]:
    """What a sign of life changes."""
    now = time.time()
    return {"heartbeat": now, "lease_until": now + LEASE}


def fenced(db: Connection, claim: Claim, values: dict[str, Any]) -> None:
    """The first statement of every write of a run's process."""
    if not db.execute(mine(claim.run.id, claim.attempt).values(alive() | values)).rowcount:
        raise fenced_off(claim)


def fenced_off(claim: Claim) -> Fenced:
    return Fenced(f"attempt {claim.attempt} of {claim.run.id} is over")
