"""The run store: the one place where pages, the command line and the worker meet.

Who writes. Pages and the command line write experiments and wishes: ``launch``, ``add_seeds``,
``stop``, ``go_on``, ``run_again``, ``rename``, ``delete``, ``ask_trial`` (how long a step takes)
and the page's heartbeat. The supervisor claims runs, puts back the ones whose process died, settles
experiments, and writes its own row. A run's process writes its points, its heartbeat and its end.
``trainer/queue.py`` has the last two sides. Everyone reads.

States of a run::

    waiting -> running -> done | diverged | failed | stopped | paused
       ^          |                         |         |         |
       +----------+ (its process died)      |         |         |
       +------------------------------------+---------+---------+ (launched again, go on)
    waiting -> stopped | paused -> stopped

``desired`` is what a person wants of a running run: run, stop or pause. Only its process, or the
supervisor in its place, ends it. A stopped run keeps its curve.

Checkpoints. A run's process leaves one now and then and when it is to leave: a file, then
``saved_step`` and ``saved_seq`` together with the last points that belong to it. A new attempt
keeps the points up to ``saved_seq`` and trains on from there; if the file is missing or damaged it
begins at the first step. When files go: ``trainer/leftovers.py``.

Attempts and fencing. Every claim raises ``attempt``. Every write of a run's process begins with
``UPDATE runs ... WHERE id = ? AND attempt = ? AND state = 'running'``, in the same transaction as
its points; when no row matches, the process has lost the run and must exit. So whatever freezes,
is killed or comes back late, a run is never written by two. A deleted run leaves its attempt in
``graves``: launched anew it goes on counting, and neither an old process nor an old cursor
mistakes the new run for the old one.

Points have the key (run, attempt, seq, key); seq grows by one with each batch. A run that starts
again shows its old curve until the new attempt begins, which deletes what no checkpoint knows.

Trials. An experiment that asks for tuning is launched with its trials alone (table ``trials``):
each arm at several scales of its rate, on seeds that are not compared. They are runs like any
other, and stop, go on, are counted and deleted with the experiment. When all have ended and at
least one says something, ``settle`` writes the chosen scales into the experiment and queues the
compared runs, in one transaction and once, whoever comes first; before that the experiment has no
``runs``. A stopped trial has not ended: the experiment is stopped, and goes on from there.

What never changes: an experiment, but for its name, its seeds (``add_seeds`` appends some) and the
scales that ``settle`` writes; a run that is done or diverged, and its points, until it is deleted.
A run's id is the hash of all that decides its outcome, so experiments share runs; deleting an
experiment deletes the runs that no other experiment compares or tries, and stopping one leaves
those alone that another person's experiment wants (``trainer/sharing.py``). A number that is none
(NaN, infinity) is stored as null and read as nan. How points are kept: ``trainer/reading.py``.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, insert, select, update

from trainer.home import checkpoint_files, log_file
from trainer.launching import add_seeds, insert_experiment, later, remove, settle, settled
from trainer.limits import HOME, check, check_pace
from trainer.names import LONGEST, new_id, readable
from trainer.opening import StoreError, StoreFile
from trainer.reading import news
from trainer.rows import (
    Delta,
    ExperimentRow,
    RunRow,
    Trial,
    WorkerRow,
    experiment_row,
    kind_of,
    read_report,
    run_row,
    worker_row,
)
from trainer.schema import experiments, links, notes, runs, timings, trials, workers
from trainer.statements import (
    AGAIN,
    STATES,
    WAITS_AGAIN,
    arm_names,
    chunks,
    continue_runs,
    counts,
    linked,
    owner_of,
    states,
    step_seconds,
    stop_runs,
)
from trainer.tuning import planned, untuned
from trainer.wanting import want, wanted_elsewhere

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import RowMapping, Select

    from trainer.experiment import Arm, Experiment, Setup
    from trainer.reading import News

without_report = [column for column in runs.c if column.name != "report"]  # it may be large

__all__ = [
    "STATES",
    "Delta",
    "ExperimentRow",
    "RunRow",
    "Store",
    "StoreError",
    "Trial",
    "WorkerRow",
]


class Store(StoreFile):
    """A run store in a folder, or in a file ending in .db, .sqlite or .sqlite3.

    Cheap to make; opened at its first use. Safe from several threads and processes.
    """

    # Planning.

    limits = HOME

    def launch(
        self, experiment: Experiment, *, estimate: float | None = None, owner: str | None = None
    ) -> str:
        """Store an experiment and queue its runs; the known ones are linked. Gives its id.

        One that asks for tuning has its trials queued, from scale 1 whatever its arms carry; the
        supervisor queues the compared runs once they are over. ``estimate`` is how many seconds the
        launch foretold, to be checked when all is done. ``owner`` is who launches it, where
        several people share the store.

        Raises:
            LimitReached: too many runs would wait, or it follows too many other launches.
        """
        id = new_id()
        with self.writes.begin() as db:
            check_pace(db, self.limits, owner)
            insert_experiment(db, id, untuned(experiment), estimate, time.time(), owner)
            check(db, self.limits, owner, to_come=later(experiment))
        return id

    def add_seeds(self, experiment_id: str, count: int) -> int:
        """Have so many more seeds of every arm trained: 0, 1, 2... as far as they are unused.

        The old runs stay, and the experiment keeps in mind that somebody had looked. Gives how many
        runs were queued.

        Raises:
            ValueError: there is no such experiment, its rates are not found yet, it would grow too
                large, or its arms are no longer what was trained.
            LimitReached: too many runs would wait.
        """
        with self.writes.begin() as db:
            added = add_seeds(db, experiment_id, count, time.time())
            check(db, self.limits, owner_of(db, experiment_id))
            return added

    def settle(self, experiment_id: str | None = None) -> list[str]:
        """Choose the rates of the experiments whose trials are over, or of one, and queue their
        runs. Gives their ids. Quick when there is nothing to do, and safe to call twice."""
        with self.reads.connect() as db:
            over = settled(db, experiment_id)
        for id in over:
            with self.writes.begin() as db:
                settle(db, id, time.time())
        return over

    def known(self, experiment: Experiment) -> dict[str, str]:
        """The states of those runs of an experiment, and of its trials, that exist already, by id.

        Which runs a tuned experiment compares is not known before its trials are over.
        """
        tried = {one.run.id for one in planned(experiment)}
        with self.reads.connect() as db:
            return states(db, tried | {run.id for run in experiment.runs()})

    def step_seconds(self, setup: Setup, arm: Arm | None = None) -> float | None:
        """Measured seconds of a step with this data set, network, batch size and device.

        The median over finished runs (those of the arm's own tricks, if there are any), else what
        a trial took; None if nothing is known.
        """
        with self.reads.connect() as db:
            return step_seconds(db, setup, arm)

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

    def settles(self, experiment_id: str) -> bool:
        """Whether its trials are over and a supervisor is about to queue its runs."""
        with self.reads.connect() as db:
            return bool(settled(db, experiment_id))

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
        return [run for _, run in self.named_runs(experiment_id, of)]

    def trials(self, experiment_id: str) -> list[Trial]:
        """The runs that try its learning rates, arm by arm; none unless it asks for tuning."""
        of = (
            select(trials.c.arm, trials.c.scale, trials.c.seed, *without_report)
            .join(runs, runs.c.id == trials.c.run_id)
            .where(trials.c.experiment_id == experiment_id)
            .order_by(trials.c.arm, trials.c.position)
        )
        return [
            Trial(arm=run.arm, arm_name=run.arm_name, scale=row["scale"], seed=run.seed, run=run)
            for row, run in self.named_runs(experiment_id, of)
        ]

    def named_runs(self, experiment_id: str, of: Select[Any]) -> list[tuple[RowMapping, RunRow]]:
        """What a query gives, each row with its run under the name of its arm."""
        with self.reads.connect() as db:
            names = arm_names(db, experiment_id)
            found = db.execute(of).mappings().all()
        return [
            (row, run_row(row, arm=row["arm"], arm_name=names[row["arm"]], seed=row["seed"]))
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

    def run_ids(self, experiment_id: str) -> set[str]:
        """The runs of an experiment, compared ones and trials."""
        with self.reads.connect() as db:
            return linked(db, experiment_id)

    def has_run(self, run_id: str) -> bool:
        with self.reads.connect() as db:
            return db.scalar(select(runs.c.id).where(runs.c.id == run_id)) is not None

    def counts(self, experiment_id: str | None = None) -> dict[str, dict[str, int]]:
        """How many runs of each experiment, or of one, are in each state.

        Its trials count, too: they are runs that it needs.
        """
        with self.reads.connect() as db:
            return counts(db, experiment_id)

    def read(
        self, cursors: Mapping[str, tuple[int, int]], keys: Collection[str]
    ) -> dict[str, Delta]:
        """What is new of some runs since their cursors (attempt, seq), for these keys.

        (0, 0) reads all. A newer attempt gives that attempt's whole series. Runs without news are
        absent. Cursors of a run stay good: a run has one writer, so seq never fills in late.
        """
        return {
            id: Delta(
                attempt=one.attempt,
                seq=one.seq,
                series={key: (x.tolist(), y.tolist()) for key, (x, y) in one.series.items()},
            )
            for id, one in self.news(cursors, keys).items()
        }

    def news(
        self, cursors: Mapping[str, tuple[int, int]], keys: Collection[str]
    ) -> dict[str, News]:
        """The same as ``read``, as arrays: quick however many points there are."""
        with self.reads.begin() as db:  # one snapshot: heads and points belong together
            return news(db, cursors, keys)

    def worker(self) -> WorkerRow | None:
        """The supervisor, or the last one there was. None: there never was one."""
        wanted = exists().where(runs.c.state.in_(("waiting", "running"))).label("wanted")
        newest = select(workers, wanted).order_by(workers.c.heartbeat.desc()).limit(1)
        with self.reads.connect() as db:
            row = db.execute(newest).mappings().first()
        return None if row is None else worker_row(row)

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
        """End the runs of an experiment, or some of them; what was drawn stays. Gives how many.

        Those that another person's experiment wants go on.
        """
        with self.writes.begin() as db:
            ours = linked(db, experiment_id, run_ids)
            if run_ids is None:
                want(db, experiment_id, 0)
            return stop_runs(db, ours - wanted_elsewhere(db, experiment_id, ours))

    def pause(self, experiment_id: str) -> int:
        """Have its runs leave memory and device; ``go_on`` has them trained on. Gives how many.

        Those that another person's experiment wants go on.
        """
        with self.writes.begin() as db:
            ours = linked(db, experiment_id)
            want(db, experiment_id, 0)
            return stop_runs(db, ours - wanted_elsewhere(db, experiment_id, ours), "pause")

    def stop_run(self, run_id: str) -> int:
        """End one run, whichever experiments link it."""
        with self.writes.begin() as db:
            return stop_runs(db, {run_id})

    def go_on(self, experiment_id: str) -> int:
        """Have the stopped and paused runs of an experiment trained on. Gives how many.

        Raises:
            LimitReached: too many runs would wait.
        """
        with self.writes.begin() as db:
            want(db, experiment_id, time.time())
            count = continue_runs(db, linked(db, experiment_id))
            check(db, self.limits, owner_of(db, experiment_id))
            return count

    def run_again(self, run_id: str) -> None:
        """Have one failed or stopped run wait again. A run that is done or diverged stays."""
        with self.writes.begin() as db:
            again = update(runs).where(runs.c.id == run_id, runs.c.state.in_(AGAIN))
            db.execute(again.values(WAITS_AGAIN))

    def rename(self, experiment_id: str, name: str) -> None:
        name = name.strip()
        if not 1 <= len(name) <= LONGEST:
            raise ValueError(f"a name has 1 to {LONGEST} characters, not {len(name)}")
        if not readable(name):
            raise ValueError("a name must be readable text on one line")
        with self.writes.begin() as db:
            db.execute(
                update(experiments).where(experiments.c.id == experiment_id).values(name=name)
            )

    def delete(self, experiment_id: str) -> int:
        """Delete an experiment and the runs that no other links. Gives how many runs.

        A run that is being trained loses its row: its process finds out at its next write.
        """
        with self.writes.begin() as db:
            gone = remove(db, experiment_id)
        for id in gone:
            log_file(self.home, id).unlink(missing_ok=True)
            for file in checkpoint_files(self.home, id):
                file.unlink(missing_ok=True)
        return len(gone)
