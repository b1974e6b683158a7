"""How much one person, and all together, may ask of a store and its server: all numbers stand here.

At home the limits only protect the store from an accident. In a workshop some dozens of people
share two or four cores: what one of them may queue is what the others wait for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, union

from trainer.home import StoreError
from trainer.schema import experiments, links, runs, trials

if TYPE_CHECKING:
    from sqlalchemy import Connection

MINUTE = 60.0  # seconds


class LimitReached(StoreError):
    """More was asked than one may ask here; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is allowed. None: as much as one likes."""

    waiting: int  # runs that wait, of all together
    sessions: int  # open pages, of all together
    waiting_each: int | None = None  # runs that wait, of one person
    sessions_each: int | None = None  # open pages of one person
    launches_each: int | None = None  # experiments launched in a minute by one person
    tries_each: int = 10  # wrong passcodes in a minute from one address
    tries: int = 120  # the same from all addresses together


HOME = Limits(waiting=100_000, sessions=200)
WORKSHOP = Limits(
    waiting=6_000, sessions=100, waiting_each=400, sessions_each=8, launches_each=6
)  # fmt: skip


def check(db: Connection, limits: Limits, owner: str | None, *, to_come: int = 0) -> None:
    """Refuse what a transaction has just queued if it is too much; the transaction is then undone.

    ``to_come``: runs that are queued by themselves later, after the trials. ``owner`` is who asks;
    nobody has a limit of their own where nobody is named.

    Raises:
        LimitReached: more runs would wait than may.
    """
    wait = runs.c.state == "waiting"
    every = (db.scalar(select(func.count()).where(wait)) or 0) + to_come
    if every > limits.waiting:
        raise LimitReached(
            f"{every:,} runs would wait here, and at most {limits.waiting:,} may. Stop what nobody "
            "needs, or launch this when fewer wait"
        )
    if owner is None or limits.waiting_each is None:
        return
    of = union(
        *(
            select(one.c.run_id)
            .join(experiments, experiments.c.id == one.c.experiment_id)
            .where(experiments.c.owner == owner)
            for one in (links, trials)
        )
    )
    theirs = db.scalar(select(func.count()).where(wait, runs.c.id.in_(of))) or 0
    if theirs + to_come > limits.waiting_each:
        raise LimitReached(
            f"{theirs + to_come:,} of your runs would wait, and in a workshop at most "
            f"{limits.waiting_each:,} of one person may. Use fewer seeds or tricks, stop another "
            "experiment, or wait until some runs are done"
        )


def check_pace(db: Connection, limits: Limits, owner: str | None) -> None:
    """Refuse a launch that follows too many others of the same person.

    Raises:
        LimitReached: one more is too many in this minute.
    """
    if owner is None or limits.launches_each is None:
        return
    recent = select(func.count()).where(
        experiments.c.owner == owner, experiments.c.created_at > time.time() - MINUTE
    )
    if (db.scalar(recent) or 0) >= limits.launches_each:
        raise LimitReached(
            f"You have launched {limits.launches_each} experiments within a minute, the most that "
            "one person may in a workshop. Wait a minute and launch again"
        )
