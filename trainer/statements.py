"""What the store does to its tables: each function is part of somebody's transaction."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import (
    Float,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    type_coerce,
    union,
    union_all,
    update,
)

from trainer.experiment import recipe
from trainer.rows import kind_of, tricks_of
from trainer.schema import curves, experiments, graves, links, points, runs, timings, trials

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Column, ColumnElement, CompoundSelect, Connection

    from trainer.experiment import Arm, Run, Setup

STATES = ("waiting", "running", "paused", "done", "diverged", "failed", "stopped")
FINAL = ("done", "diverged")
AGAIN = ("stopped", "failed", "paused")  # a launch makes these wait again
LESS = {"stop": ("run", "pause"), "pause": ("run",)}  # what a wish replaces
CHUNK = 400  # how many values one statement may list
WAITS_AGAIN = {
    "state": "waiting",
    "desired": "run",
    "stop_at": None,
    "deaths": 0,
    "step": func.coalesce(runs.c.saved_step, 0),
    "error_kind": None,
    "error_text": None,
    "message": None,
    "started_at": None,
    "ended_at": None,
}


def most(known: Column[Any], found: Any) -> ColumnElement[Any]:
    """The larger one of two numbers that may both be unknown."""
    return func.coalesce(func.max(known, found), found, known)


def chunks(ids: Iterable[str]) -> list[list[str]]:
    """As many ids at a time as a statement may list."""
    listed = list(ids)
    return [listed[i : i + CHUNK] for i in range(0, len(listed), CHUNK)]


def states(db: Connection, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in chunks(ids):
        for id, state in db.execute(select(runs.c.id, runs.c.state).where(runs.c.id.in_(some))):
            found[id] = state
    return found


def queue(db: Connection, wanted: dict[str, Run], places: dict[str, int], now: float) -> int:
    """Insert the runs that are new; the stopped and failed ones wait again. Gives how many."""
    known = states(db, wanted)
    again = {id for id, state in known.items() if state in AGAIN}
    if again:
        waits = (
            update(runs)
            .where(runs.c.id == bindparam("run"))
            .values(WAITS_AGAIN | {"queued_at": now, "position": bindparam("place")})
        )
        db.execute(waits, [{"run": id, "place": places[id]} for id in again])
    for ids in chunks(known.keys() - again):
        stopping = and_(runs.c.state == "running", runs.c.desired == "stop")
        db.execute(
            update(runs).where(runs.c.id.in_(ids), stopping).values(desired="run", stop_at=None)
        )
    new = [run for id, run in wanted.items() if id not in known]
    attempts: dict[str, int] = {}
    for some in chunks(run.id for run in new):
        for id, attempt in db.execute(select(graves).where(graves.c.run_id.in_(some))):
            attempts[id] = attempt
    if new:
        hashes = hashes_of(new)
        db.execute(
            insert(runs),
            [
                {
                    "id": run.id,
                    "spec": json.dumps(run.model_dump(mode="json")),
                    "wish": run.setup.device,
                    **hashes[same_as(run)],
                    "state": "waiting",
                    "desired": "run",
                    "queued_at": now,
                    "position": places[run.id],
                    "attempt": attempts.get(run.id, 0),
                    "deaths": 0,
                    "seq": 0,
                    "step": 0,
                    "steps": run.setup.total_steps,
                    "created_at": now,
                }
                for run in new
            ],
        )
    return len(again) + len(new)


def same_as(run: Run) -> tuple[int, int]:
    """The seeds of an arm share the objects that say what is trained."""
    return id(run.setup), id(run.arm)


def hashes_of(some: list[Run]) -> dict[tuple[int, int], dict[str, str]]:
    """What is alike about runs, for each setup and arm among them."""
    return {
        same: {
            "kind": kind_of(run.setup),
            "tricks": tricks_of(run.arm),
            "recipe": recipe(run.setup, run.arm),
        }
        for same, run in {same_as(run): run for run in some}.items()
    }


def step_seconds(db: Connection, setup: Setup, arm: Arm | None) -> float | None:
    """See ``Store.step_seconds``."""
    kind = kind_of(setup)
    done = and_(runs.c.kind == kind, runs.c.state == "done", runs.c.step > 0)
    per_step = type_coerce(runs.c.seconds / runs.c.step, Float)
    newest = select(per_step).order_by(runs.c.ended_at.desc()).limit(50)
    if arm is not None:
        own = db.scalars(newest.where(done, runs.c.tricks == tricks_of(arm))).all()
        if own:
            return float(median(own))
    if found := db.scalars(newest.where(done)).all():
        return float(median(found))
    return db.scalar(select(timings.c.step_seconds).where(timings.c.kind == kind))


def went_together(db: Connection, kind: str, tricks: str, device: str) -> bool:
    """Whether such runs have been trained together there, to the end of one of them."""
    alike = runs.c.kind == kind, runs.c.tricks == tricks, runs.c.device == device
    ended = runs.c.state == "done", runs.c.together > 1
    return db.scalar(select(runs.c.id).where(*alike, *ended).limit(1)) is not None


def arm_names(db: Connection, experiment_id: str) -> list[str]:
    """The names of an experiment's arms; none if there is no such experiment."""
    spec = db.scalar(select(experiments.c.spec).where(experiments.c.id == experiment_id))
    return [arm["name"] for arm in json.loads(spec)["arms"]] if spec else []


def run_ids(experiment_id: str) -> CompoundSelect[tuple[str]]:
    """The runs of an experiment, compared ones and trials."""
    return union(
        *(
            select(one.c.run_id).where(one.c.experiment_id == experiment_id)
            for one in (links, trials)
        )
    )


def counts(
    db: Connection, experiment_id: str | None, owner: str | None = None
) -> dict[str, dict[str, int]]:
    """See ``Store.counts``; of one person's experiments where an ``owner`` is named."""
    both = union_all(
        *(select(one.c.experiment_id, one.c.run_id) for one in (links, trials))
    ).subquery()
    grouped = (
        select(both.c.experiment_id, runs.c.state, func.count())
        .join(runs, runs.c.id == both.c.run_id)
        .group_by(both.c.experiment_id, runs.c.state)
    )
    if experiment_id is not None:
        grouped = grouped.where(both.c.experiment_id == experiment_id)
    if owner is not None:
        own = select(experiments.c.id).where(experiments.c.owner == owner)
        grouped = grouped.where(both.c.experiment_id.in_(own))
    found: dict[str, dict[str, int]] = {}
    for id, state, count in db.execute(grouped):
        found.setdefault(id, {})[state] = count
    return found


def linked(db: Connection, experiment_id: str, some: Collection[str] | None = None) -> set[str]:
    ours = {str(one) for one in db.scalars(run_ids(experiment_id))}
    return ours if some is None else ours & set(some)


def owner_of(db: Connection, experiment_id: str) -> str | None:
    """Who launched it; None: nobody is named, or there is no such experiment."""
    owner: str | None = db.scalar(
        select(experiments.c.owner).where(experiments.c.id == experiment_id)
    )
    return owner


def still_linked(db: Connection, ids: Iterable[str]) -> set[str]:
    """Those of some runs that an experiment compares or tries rates with."""
    found: set[str] = set()
    for some in chunks(ids):
        for one in (links, trials):
            found.update(db.scalars(select(one.c.run_id).where(one.c.run_id.in_(some))))
    return found


def stop_runs(db: Connection, ids: Iterable[str], wish: Literal["stop", "pause"] = "stop") -> int:
    """Waiting runs end at once; running ones are told, unless nobody is left to listen."""
    now = time.time()
    count = 0
    state, open_states = {
        "stop": ("stopped", ("waiting", "paused")),
        "pause": ("paused", ("waiting",)),
    }[wish]
    abandoned = and_(runs.c.state == "running", runs.c.lease_until < now)
    for some in chunks(ids):
        at_once = or_(runs.c.state.in_(open_states), abandoned)
        ended = update(runs).where(runs.c.id.in_(some), at_once)
        count += db.execute(
            ended.values(state=state, desired="run", message=None, ended_at=now)
        ).rowcount
        told = update(runs).where(
            runs.c.id.in_(some), runs.c.state == "running", runs.c.desired.in_(LESS[wish])
        )
        count += db.execute(told.values(desired=wish, stop_at=now)).rowcount
    return count


def continue_runs(db: Connection, ids: Iterable[str]) -> int:
    """Stopped runs wait again; those that are about to stop do not."""
    count = 0
    for some in chunks(ids):
        again = update(runs).where(runs.c.id.in_(some), runs.c.state.in_(("stopped", "paused")))
        count += db.execute(again.values(WAITS_AGAIN)).rowcount
        stopping = update(runs).where(
            runs.c.id.in_(some), runs.c.state == "running", runs.c.desired != "run"
        )
        count += db.execute(stopping.values(desired="run", stop_at=None)).rowcount
    return count


def bury(db: Connection, ids: list[str]) -> None:
    """Delete runs and their points; how far their attempts had counted is kept."""
    db.execute(delete(graves).where(graves.c.run_id.in_(ids)))
    db.execute(
        insert(graves).from_select(
            ["run_id", "attempt"],
            select(runs.c.id, runs.c.attempt).where(runs.c.id.in_(ids), runs.c.attempt > 0),
        )
    )
    for one in (points, curves):
        db.execute(delete(one).where(one.c.run_id.in_(ids)))
    db.execute(delete(runs).where(runs.c.id.in_(ids)))


def heads(db: Connection, ids: Iterable[str]) -> list[tuple[str, int, int]]:
    """How far each run is: id, attempt, seq."""
    found: list[tuple[str, int, int]] = []
    for some in chunks(ids):
        of = select(runs.c.id, runs.c.attempt, runs.c.seq).where(runs.c.id.in_(some))
        found += [(id, attempt, seq) for id, attempt, seq in db.execute(of)]
    return found
