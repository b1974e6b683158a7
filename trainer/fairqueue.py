"""Whose run is next: turns are taken in a circle, so that nobody waits for another's tenth run.

A turn belongs to whoever launched an experiment, and where nobody is named to the experiment. Next
is whoever has the fewest processes training; of those, whoever was served longest ago; and of that
one's runs the oldest. Who comes new has never been served and goes first, once. What is known of
earlier turns is a count in ``notes``, not a time: a clock that jumps changes nothing.

A turn is a process, not a run. Where a process trains several seeds of an arm together, they are
runs of whoever's turn it is and cost that one turn, since it is a slot for a while that the others
wait for. So everybody's first process comes before anybody's second, and with it their first run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, or_, select, update

from trainer.schema import experiments, links, notes, runs, trials
from trainer.statements import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection, Row, Select

SERVED = "served:"
REMEMBERED = 1_000  # turns after which it is forgotten who had one


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Whoever has runs waiting, and what they have had."""

    name: str  # an owner, or the id of an experiment without one
    experiments: tuple[str, ...] = ()  # with runs that wait
    running: int = 0  # processes
    served: float = 0  # the number of their last turn; 0: none is remembered


def in_turn(waiting: Iterable[Turn]) -> list[Turn]:
    """All who wait, the next one first."""
    return sorted(waiting, key=lambda turn: (turn.running, turn.served, turn.name))


def first(db: Connection, candidates: Select[Any]) -> Row[Any] | None:
    """The run whose turn it is among ``candidates``; see :func:`turn`."""
    found = turn(db, candidates)
    return None if found is None else found[0]


def turn(
    db: Connection, candidates: Select[Any]
) -> tuple[Row[Any], ColumnElement[bool] | None] | None:
    """The run whose turn it is among ``candidates``, a query of waiting runs without an order.

    Beside it what holds of the runs of whoever's turn it is; None: of all. Nothing waits: None.
    Counts the turn, so it belongs into the transaction that claims the run.
    """
    oldest = candidates.order_by(runs.c.queued_at, runs.c.position).limit(1)
    for one in in_turn(turns(db, candidates)):
        theirs = needed_by(one.experiments)
        found = db.execute(oldest.where(theirs)).first()
        if found is not None:
            count(db, one.name)
            return found, theirs
    left = db.execute(oldest).first()
    return None if left is None else (left, None)


def needed_by(experiment_ids: Iterable[str]) -> ColumnElement[bool]:
    """Of a run: some of these experiments compare it or try rates with it."""
    ids = list(experiment_ids)
    return or_(
        *(
            select(one.c.run_id)
            .where(one.c.run_id == runs.c.id, one.c.experiment_id.in_(ids))
            .exists()
            for one in (links, trials)
        )
    )


def wishes(db: Connection, asked: Select[Any]) -> list[str]:
    """The devices that ``asked``, a query of waiting runs, asks for: whose turn it is first."""
    devices = list(db.scalars(asked.with_only_columns(runs.c.wish).distinct()))
    if len(devices) < 2:
        return devices
    best = {}
    for device in devices:
        found = turns(db, asked.where(runs.c.wish == device))
        best[device] = min(((one.running, one.served) for one in found), default=(0, 0.0)), device
    return sorted(devices, key=best.__getitem__)


def turns(db: Connection, waiting: Select[Any]) -> list[Turn]:
    """Everybody with runs in ``waiting``, a query of runs."""
    wanted = {row[0] for row in needing(db, waiting)}
    training = select(runs.c.id).where(runs.c.state == "running")
    process = func.coalesce(runs.c.stack, runs.c.id)
    busy = {(row[0], row[1]) for row in needing(db, training, process)}
    owners: dict[str, str] = {}
    for ids in chunks(wanted | {id for id, _ in busy}):
        of = select(experiments.c.id, experiments.c.owner).where(experiments.c.id.in_(ids))
        owners |= {id: owner or id for id, owner in db.execute(of)}
    known = select(notes.c.key, notes.c.value).where(notes.c.key.startswith(SERVED))
    served = {key.removeprefix(SERVED): value for key, value in db.execute(known)}
    running = Counter(name for name, _ in {(owners.get(id), one) for id, one in busy})
    found: dict[str, set[str]] = {}
    for id in wanted & owners.keys():
        found.setdefault(owners[id], set()).add(id)
    return [
        Turn(
            name=name,
            experiments=tuple(sorted(ids)),
            running=running[name],
            served=served.get(name, 0),
        )
        for name, ids in found.items()
    ]


def needing(db: Connection, some: Select[Any], *beside: ColumnElement[str]) -> list[list[str]]:
    """The experiments that compare or try some runs, each once for every value of ``beside``."""
    found: list[list[str]] = []
    for one in (links, trials):
        of = some.with_only_columns(one.c.experiment_id, *beside)
        pairs = db.execute(of.join(one, one.c.run_id == runs.c.id).distinct())
        found += [[str(value) for value in row] for row in pairs]
    return found


def count(db: Connection, name: str) -> None:
    """Note that this one had a turn, after all others."""
    ours = notes.c.key.startswith(SERVED)
    last = db.scalar(select(func.max(notes.c.value)).where(ours)) or 0.0
    key = f"{SERVED}{name}"
    if not db.execute(update(notes).where(notes.c.key == key).values(value=last + 1)).rowcount:
        db.execute(insert(notes).values(key=key, value=last + 1))
    db.execute(delete(notes).where(ours, notes.c.value < last - REMEMBERED))
