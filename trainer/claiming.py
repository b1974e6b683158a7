"""How waiting runs become a process's own: one, or several seeds of an arm to be trained together.

Part of the transaction of ``Queue.claim`` and ``Queue.claim_together``.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import bindparam, delete, func, select, update

from trainer import fairqueue
from trainer.experiment import Run
from trainer.portions import MOST, may_stack, portion, share_of_slots
from trainer.reading import keep_points
from trainer.schema import points, runs
from trainer.statements import run_ids
from tricks import catalog
from tricks.own import version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row, Select

    from trainer.experiment import Arm

TAKEN = (
    runs.c.id, runs.c.attempt, runs.c.spec, runs.c.saved_step, runs.c.saved_seq, runs.c.recipe,
)  # fmt: skip
begins = func.coalesce(runs.c.saved_step, 0)  # the step after which a run is trained


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A run that a worker has taken, and where it is to be trained."""

    run: Run
    attempt: int
    device: str
    stack: str  # the process; runs claimed together share it
    saved_step: int | None = None  # where its checkpoint stands; None: it begins at the start


def own_tricks(arm: Arm) -> list[str]:
    """The tricks of an arm that are somebody's own, or that this process does not know."""
    known = catalog()
    return [one.id for one in arm.tricks if one.id not in known or version(known[one.id])]


def only(statement: Any, experiment_id: str | None) -> Any:
    """A statement about runs, limited to those of an experiment."""
    if experiment_id is None:
        return statement
    return statement.where(runs.c.id.in_(run_ids(experiment_id)))


def next_runs(db: Connection, wish: str, experiment_id: str | None, room: int) -> list[Row[Any]]:
    """The run whose turn it is, and those that are trained together with it: see ``portions.py``.

    ``room`` is how many slots are free for such runs; 0: one run alone is asked for.
    """
    waiting = only(select(*TAKEN).where(runs.c.state == "waiting"), experiment_id)
    of_wish = waiting.where(runs.c.wish == wish)
    turn = fairqueue.turn(db, of_wish)
    if turn is None:
        return []
    first, theirs = turn
    if not room or first.recipe is None:
        return [first]
    run = Run.model_validate_json(first.spec)
    if not may_stack(run.setup, run.arm):
        return [first]
    step = first.saved_step or 0
    kinds, beside = others(db, waiting, first.recipe, step, room)
    equal = of_wish.where(runs.c.recipe == first.recipe, runs.c.id != first.id, begins == step)
    if theirs is not None and experiment_id is None:
        equal = equal.where(theirs)
    most = MOST * share_of_slots(kinds, beside, room) - 1  # more would not change the portion
    found = db.execute(equal.order_by(runs.c.queued_at, runs.c.position).limit(most)).all()
    return [first, *found][: portion(1 + len(found), kinds, beside, room)]


def others(
    db: Connection, waiting: Select[Any], recipe: str, step: int, room: int
) -> tuple[int, int]:
    """How many kinds of runs wait, this one included, and how many runs of the others.

    Each counted as far as there is room. Equal runs that begin after another step are another kind,
    and so is each run that is trained alone.
    """
    recipes = waiting.with_only_columns(runs.c.recipe)
    alone = len(db.execute(recipes.where(runs.c.recipe.is_(None)).limit(room)).all())
    unlike = recipes.where(runs.c.recipe != recipe)
    steps = waiting.with_only_columns(begins).where(runs.c.recipe == recipe, begins != step)
    kinds, beside = 1 + alone, alone
    for some in (unlike, steps):
        kinds += len(db.execute(some.distinct().limit(room)).all())
        beside += len(db.execute(some.limit(room)).all())
    return kinds, beside


def take(
    db: Connection,
    rows: Sequence[Row[Any]],
    worker: str,
    device: str,
    lease: float,
    *,
    stack: str | None = None,
) -> list[Claim]:
    """Make waiting runs the next attempts of one process: a new one, or the one that has ``stack``.

    ``lease`` is in seconds.
    """
    if not rows:
        return []
    now, stack = time.time(), stack or uuid4().hex[:16]
    fresh = [row.id for row in rows if row.saved_seq is None]
    db.execute(delete(points).where(points.c.run_id.in_(fresh)))
    for row in rows:
        if row.saved_seq is not None:
            keep_points(db, row.id, row.attempt, row.saved_seq)
    taken = (
        update(runs)
        .where(runs.c.id == bindparam("run"))
        .values(
            state="running",
            desired="run",
            stop_at=None,
            attempt=bindparam("number"),
            worker=worker,
            device=device,
            stack=stack,
            together=len(rows),
            pid=None,
            pid_created=None,
            heartbeat=now,
            lease_until=now + lease,
            seq=bindparam("kept"),
            step=bindparam("after"),
            message=None,
            memory=None,
            gpu_memory=None,
            started_at=now,
            ended_at=None,
        )
    )
    numbers = [
        {
            "run": row.id,
            "number": row.attempt + 1,
            "kept": row.saved_seq or 0,
            "after": row.saved_step or 0,
        }
        for row in rows
    ]
    db.execute(taken, numbers)
    anew = [row.id for row in rows if not row.saved_step]
    db.execute(update(runs).where(runs.c.id.in_(anew)).values(seconds=None))
    return claims(rows, device, stack)


def claims(rows: Sequence[Row[Any]], device: str, stack: str) -> list[Claim]:
    """Runs of one recipe share setup and arm, whatever an arm is called elsewhere."""
    first = Run.model_validate_json(rows[0].spec)
    return [
        Claim(
            run=first.model_copy(update={"id": row.id, "seed": json.loads(row.spec)["seed"]}),
            attempt=row.attempt + 1,
            device=device,
            stack=stack,
            saved_step=row.saved_step,
        )
        for row in rows
    ]
