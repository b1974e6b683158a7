"""The run store: the one place where pages, the command line and the worker meet.

Who writes. Pages and the command line write experiments and wishes: ``launch``, ``stop``,
``go_on``, ``run_again``, ``rename``, ``delete``, ``ask_trial`` and the page's heartbeat. The
supervisor claims runs, puts back the ones whose process died, and writes its own row. A run's
process writes its points, its heartbeat and its end. ``trainer/queue.py`` has the last two sides.
Everyone reads.

States of a run::

    waiting -> running -> done | diverged | failed | stopped
       ^          |                         |         |
       +----------+ (its process died)      |         |
       +------------------------------------+---------+ (launched again, go on, run it again)
    waiting -> stopped;  paused is kept for runs that leave a checkpoint

``desired`` is what a person wants of a running run: run or stop. Only its process, or the
supervisor in its place, ends it. A stopped run keeps its curve.

Attempts and fencing. Every claim raises ``attempt``. Every write of a run's process begins with
``UPDATE runs ... WHERE id = ? AND attempt = ? AND state = 'running'``, in the same transaction as
its points; when no row matches, the process has lost the run and must exit. So whatever freezes,
is killed or comes back late, a run is never written by two. A deleted run leaves its attempt in
``graves``: launched anew it goes on counting, and neither an old process nor an old cursor
mistakes the new run for the old one.

Points have the key (run, attempt, seq, key); seq grows by one with each batch. A run that starts
again shows its old curve until the new attempt begins, which deletes it.

What never changes: a run that is done or diverged, and its points, until it is deleted. A run's
id is the hash of all that decides its outcome, so experiments share runs; deleting an experiment
deletes the runs that no other experiment links. A number that is none (NaN, infinity) is stored
as null and read as nan.
"""

from __future__ import annotations

import json
import time
from statistics import median
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import Float, and_, delete, func, insert, select, type_coerce, update
from sqlalchemy.exc import DatabaseError

from trainer.home import log_file, store_file
from trainer.migrations import StoreError, migrate
from trainer.rows import (
    Delta,
    ExperimentRow,
    RunRow,
    WorkerRow,
    experiment_row,
    kind_of,
    read_report,
    run_row,
    tricks_of,
)
from trainer.schema import (
    experiments,
    links,
    notes,
    open_database,
    points,
    runs,
    timings,
    workers,
)
from trainer.statements import (
    AGAIN,
    STATES,
    WAITS_AGAIN,
    bury,
    chunks,
    fill,
    heads,
    linked,
    queue,
    states,
    still_linked,
    stop_runs,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from sqlalchemy import Engine

    from trainer.experiment import Arm, Experiment, Setup

without_report = [column for column in runs.c if column.name != "report"]  # it may be large

__all__ = ["STATES", "Delta", "ExperimentRow", "RunRow", "Store", "StoreError", "WorkerRow"]


class Store:
    """A run store in a folder, or in a file ending in .db, .sqlite or .sqlite3.

    Cheap to make; opened at its first use. Safe from several threads and processes.
    """

    def __init__(self, home: Path | str) -> None:
        self.path = store_file(home)
        self.home = self.path.parent
        self.opening = Lock()
        self.engine: Engine | None = None

    @property
    def reads(self) -> Engine:
        if self.engine is None:
            with self.opening:
                if self.engine is None:  # no other thread was faster
                    self.engine = self.open()
        return self.engine

    @property
    def writes(self) -> Engine:
        return self.reads.execution_options(writes=True)

    def open(self) -> Engine:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            engine = open_database(self.path)
            migrate(engine, self.path)
        except (OSError, DatabaseError) as error:
            reason = error.orig if isinstance(error, DatabaseError) else error
            raise StoreError(f"{self.path} cannot be opened as a store: {reason}") from error
        return engine

    def close(self) -> None:
        """Let go of the file. The store opens again when it is used."""
        if self.engine is not None:
            self.engine.dispose()
            self.engine = None

    # Planning.

    def launch(self, experiment: Experiment) -> str:
        """Store an experiment and queue its runs; the known ones are linked. Gives its id."""
        id = uuid4().hex[:8]
        now = time.time()
        wanted = experiment.runs()
        arms = {arm.name: i for i, arm in enumerate(experiment.arms)}
        with self.writes.begin() as db:
            db.execute(
                insert(experiments).values(
                    id=id,
                    name=experiment.name,
                    spec=json.dumps(experiment.model_dump(mode="json")),
                    created_at=now,
                )
            )
            places = {run.id: i for i, run in reversed(list(enumerate(wanted)))}
            queue(db, {run.id: run for run in wanted}, places, now)
            db.execute(
                insert(links),
                [
                    {
                        "experiment_id": id,
                        "arm": arms[run.arm.name],
                        "seed": run.seed,
                        "run_id": run.id,
                        "position": i,
                    }
                    for i, run in enumerate(wanted)
                ],
            )
        return id

    def known(self, experiment: Experiment) -> dict[str, str]:
        """The states of those runs of an experiment that exist already, by id."""
        with self.reads.connect() as db:
            return states(db, {run.id for run in experiment.runs()})

    def step_seconds(self, setup: Setup, arm: Arm | None = None) -> float | None:
        """Measured seconds of a step with this data set, network, batch size and device.

        The median over finished runs (those of the arm's own tricks, if there are any), else what
        a trial took; None if nothing is known.
        """
        kind = kind_of(setup)
        done = and_(runs.c.kind == kind, runs.c.state == "done", runs.c.step > 0)
        per_step = type_coerce(runs.c.seconds / runs.c.step, Float)
        newest = select(per_step).order_by(runs.c.ended_at.desc()).limit(50)
        with self.reads.connect() as db:
            if arm is not None:
                own = db.scalars(newest.where(done, runs.c.tricks == tricks_of(arm))).all()
                if own:
                    return float(median(own))
            if found := db.scalars(newest.where(done)).all():
                return float(median(found))
            return db.scalar(select(timings.c.step_seconds).where(timings.c.kind == kind))

    def ask_trial(self, setup: Setup) -> None:
        """Have some steps timed when the worker is idle. Asking again changes nothing."""
        kind = kind_of(setup)
        known = select(timings.c.kind).where(timings.c.kind == kind)
        with self.reads.connect() as db:
            if db.scalar(known):
                return
        spec = json.dumps(setup.model_dump(mode="json"))
        with self.writes.begin() as db:
            if not db.scalar(known):
                db.execute(insert(timings).values(kind=kind, setup=spec, asked_at=time.time()))

    # Watching.

    def experiments(self) -> list[ExperimentRow]:
        """All of them, newest first."""
        newest = select(experiments).order_by(experiments.c.created_at.desc())
        with self.reads.connect() as db:
            return [experiment_row(row) for row in db.execute(newest).mappings()]

    def experiment(self, id: str) -> ExperimentRow | None:
        with self.reads.connect() as db:
            one = select(experiments).where(experiments.c.id == id)
            row = db.execute(one).mappings().first()
        return experiment_row(row) if row else None

    def runs(self, experiment_id: str) -> list[RunRow]:
        """A row for each arm and seed, arm by arm. Arms of the same content share their runs."""
        of = (
            select(links.c.arm, links.c.seed, *without_report)
            .join(runs, runs.c.id == links.c.run_id)
            .where(links.c.experiment_id == experiment_id)
            .order_by(links.c.arm, links.c.position)
        )
        with self.reads.connect() as db:
            spec = db.scalar(select(experiments.c.spec).where(experiments.c.id == experiment_id))
            found = db.execute(of).mappings().all()
        if spec is None:
            return []
        names = [arm["name"] for arm in json.loads(spec)["arms"]]
        return [
            run_row(row, arm=row["arm"], arm_name=names[row["arm"]], seed=row["seed"])
            for row in found
        ]

    def report(self, run_id: str) -> dict[str, Any] | None:
        """What a run that is done found out about itself: see ``trainer/reports.py``.

        None: it is not done, was trained before there were reports, or does not exist.
        """
        return self.reports([run_id]).get(run_id)

    def reports(self, run_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """The reports of those of some runs that have one, by id."""
        found = {}
        with self.reads.connect() as db:
            for ids in chunks(run_ids):
                of = select(runs.c.id, runs.c.report).where(runs.c.id.in_(ids))
                for id, text in db.execute(of):
                    if (report := read_report(text)) is not None:
                        found[id] = report
        return found

    def has_run(self, run_id: str) -> bool:
        with self.reads.connect() as db:
            return db.scalar(select(runs.c.id).where(runs.c.id == run_id)) is not None

    def counts(self, experiment_id: str | None = None) -> dict[str, dict[str, int]]:
        """How many runs of each experiment, or of one, are in each state."""
        grouped = (
            select(links.c.experiment_id, runs.c.state, func.count())
            .join(runs, runs.c.id == links.c.run_id)
            .group_by(links.c.experiment_id, runs.c.state)
        )
        if experiment_id is not None:
            grouped = grouped.where(links.c.experiment_id == experiment_id)
        found: dict[str, dict[str, int]] = {}
        with self.reads.connect() as db:
            for id, state, count in db.execute(grouped):
                found.setdefault(id, {})[state] = count
        return found

    def read(
        self, cursors: Mapping[str, tuple[int, int]], keys: Collection[str]
    ) -> dict[str, Delta]:
        """What is new of some runs since their cursors (attempt, seq), for these keys.

        (0, 0) reads all. A newer attempt gives that attempt's whole series. Runs without news are
        absent. Cursors of a run stay good: a run has one writer, so seq never fills in late.
        """
        news: dict[str, Delta] = {}
        with self.reads.begin() as db:  # one snapshot: heads and points belong together
            whole: list[str] = []
            for id, attempt, seq in heads(db, cursors):
                had = cursors[id]
                if (attempt, seq) == had or (not seq and attempt == had[0]):
                    continue
                news[id] = Delta(attempt=attempt, seq=seq, series={})
                if attempt == had[0] and had[1]:
                    since = and_(points.c.run_id == id, points.c.attempt == attempt)
                    fill(db, news, and_(since, points.c.seq > had[1]), keys)
                elif seq:
                    whole.append(id)
            for ids in chunks(whole):
                current = and_(points.c.run_id == runs.c.id, points.c.attempt == runs.c.attempt)
                fill(db, news, and_(current, runs.c.id.in_(ids)), keys)
        return news

    def worker(self) -> WorkerRow | None:
        """The supervisor, or the last one there was. None: there never was one."""
        newest = select(workers).order_by(workers.c.heartbeat.desc()).limit(1)
        with self.reads.connect() as db:
            row = db.execute(newest).mappings().first()
        if row is None:
            return None
        return WorkerRow(
            slots=row["slots"],
            busy=row["busy"],
            state=row["state"],
            heartbeat=row["heartbeat"],
            pid=row["pid"],
            devices=tuple(json.loads(row["devices"])) if row["devices"] else None,
        )

    def page_seen(self) -> None:
        """A page is open: the worker stays for it."""
        self.note("page_seen", time.time())

    def note(self, key: str, value: float) -> None:
        with self.writes.begin() as db:
            change = update(notes).where(notes.c.key == key).values(value=value)
            if not db.execute(change).rowcount:
                db.execute(insert(notes).values(key=key, value=value))

    # Wishes.

    def stop(self, experiment_id: str, run_ids: Collection[str] | None = None) -> int:
        """End the runs of an experiment, or some of them; what was drawn stays. Gives how many."""
        with self.writes.begin() as db:
            return stop_runs(db, linked(db, experiment_id, run_ids))

    def stop_run(self, run_id: str) -> int:
        """End one run, whichever experiments link it."""
        with self.writes.begin() as db:
            return stop_runs(db, {run_id})

    def go_on(self, experiment_id: str) -> int:
        """Have the stopped runs of an experiment trained after all. Gives how many."""
        with self.writes.begin() as db:
            count = 0
            for ids in chunks(linked(db, experiment_id)):
                again = update(runs).where(
                    runs.c.id.in_(ids), runs.c.state.in_(("stopped", "paused"))
                )
                count += db.execute(again.values(WAITS_AGAIN)).rowcount
                stopping = update(runs).where(
                    runs.c.id.in_(ids), runs.c.state == "running", runs.c.desired == "stop"
                )
                count += db.execute(stopping.values(desired="run", stop_at=None)).rowcount
            return count

    def run_again(self, run_id: str) -> None:
        """Have one failed or stopped run wait again. A run that is done or diverged stays."""
        with self.writes.begin() as db:
            again = update(runs).where(runs.c.id == run_id, runs.c.state.in_(AGAIN))
            db.execute(again.values(WAITS_AGAIN))

    def rename(self, experiment_id: str, name: str) -> None:
        name = name.strip()
        if not 1 <= len(name) <= 80:
            raise ValueError(f"a name has 1 to 80 characters, not {len(name)}")
        with self.writes.begin() as db:
            db.execute(
                update(experiments).where(experiments.c.id == experiment_id).values(name=name)
            )

    def delete(self, experiment_id: str) -> int:
        """Delete an experiment and the runs that no other links. Gives how many runs.

        A run that is being trained loses its row: its process finds out at its next write.
        """
        with self.writes.begin() as db:
            ours = linked(db, experiment_id)
            db.execute(delete(links).where(links.c.experiment_id == experiment_id))
            db.execute(delete(experiments).where(experiments.c.id == experiment_id))
            gone = ours - still_linked(db, ours)
            for ids in chunks(gone):
                bury(db, ids)
        for id in gone:
            log_file(self.home, id).unlink(missing_ok=True)
        return len(gone)
