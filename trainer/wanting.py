"""Which runs somebody else still wants, where experiments of several people share them.

An experiment wants its runs from its launch on, or from the last time that it was continued or
given seeds, until it is stopped; ``notes`` keeps that time, or 0. A run that was queued later than
that was queued for others: it had ended or been stopped as far as this experiment goes.

Each function is part of somebody's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from trainer.schema import experiments, links, notes, runs, trials
from trainer.statements import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

NOTE = "wanted:"


def want(db: Connection, experiment_id: str, when: float) -> None:
    """From now on this experiment wants its runs; at 0 it does not any more."""
    key = f"{NOTE}{experiment_id}"
    if not db.execute(update(notes).where(notes.c.key == key).values(value=when)).rowcount:
        db.execute(insert(notes).values(key=key, value=when))


def forget(db: Connection, experiment_id: str) -> None:
    db.execute(delete(notes).where(notes.c.key == f"{NOTE}{experiment_id}"))


def wanted_elsewhere(db: Connection, experiment_id: str, ids: Iterable[str]) -> set[str]:
    """Those of an experiment's runs that the experiment of another person wants."""
    owner = select(experiments.c.owner).where(experiments.c.id == experiment_id)
    theirs = experiments.c.owner.is_distinct_from(owner.scalar_subquery())
    found: set[str] = set()
    for some in chunks(ids):
        for one in (links, trials):
            of = (
                select(one.c.run_id)
                .join(runs, runs.c.id == one.c.run_id)
                .join(experiments, experiments.c.id == one.c.experiment_id)
                .join(notes, notes.c.key == NOTE + experiments.c.id)
                .where(one.c.run_id.in_(some), theirs, notes.c.value >= runs.c.queued_at)
            )
            found.update(db.scalars(of))
    return found
