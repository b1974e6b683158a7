"""Many experiments at a glance: what a table of them asks of the store, in as few statements as
there are thousands of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, union

from trainer.rows import run_row
from trainer.schema import links, runs, trials
from trainer.statements import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.rows import ExperimentRow, RunRow
    from trainer.store import Store

WITHOUT_REPORT = [column for column in runs.c if column.name not in ("report", "spec")]


def runs_of(store: Store, rows: Sequence[ExperimentRow]) -> dict[str, list[RunRow]]:
    """What ``store.runs`` gives of each of these experiments, by its id."""
    by_id = {row.id: row for row in rows}
    found: dict[str, list[RunRow]] = {id: [] for id in by_id}
    with store.reads.connect() as db:
        for ids in chunks(by_id):
            of = (
                select(links.c.experiment_id, links.c.arm, links.c.seed, *WITHOUT_REPORT)
                .join(runs, runs.c.id == links.c.run_id)
                .where(links.c.experiment_id.in_(ids))
                .order_by(links.c.experiment_id, links.c.arm, links.c.position)
            )
            for row in db.execute(of).mappings():
                arm, experiment = row["arm"], by_id[row["experiment_id"]].experiment
                name = experiment.arms[arm].name
                one = run_row(row, arm=arm, arm_name=name, seed=row["seed"])
                found[row["experiment_id"]].append(one)
    return found


def training_seconds(store: Store, experiment_ids: Sequence[str]) -> dict[str, float]:
    """How long the runs and trials of each experiment took together, by its id; 0 if unknown."""
    found = dict.fromkeys(experiment_ids, 0.0)
    with store.reads.connect() as db:
        for ids in chunks(experiment_ids):
            each = union(
                *(
                    select(one.c.experiment_id, one.c.run_id).where(one.c.experiment_id.in_(ids))
                    for one in (links, trials)
                )
            ).subquery()
            total = (
                select(each.c.experiment_id, func.sum(runs.c.seconds))
                .join(runs, runs.c.id == each.c.run_id)
                .group_by(each.c.experiment_id)
            )
            found |= {id: seconds or 0.0 for id, seconds in db.execute(total)}
    return found
