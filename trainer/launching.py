"""How an experiment grows in the store, and goes: launch, the end of its trials, seeds added.

Each function is part of one write transaction, so whoever comes second finds the work done.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, insert, select, update

from trainer.experiment import MOST_RUNS, Experiment, parse
from trainer.rows import read_metrics
from trainer.schema import experiments, links, runs, trials
from trainer.statements import bury, chunks, linked, queue, still_linked
from trainer.tuning import FINAL, OVER, Outcome, best, planned, scaled
from trainer.wanting import forget, want

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

log = logging.getLogger(__name__)

ASKED = "null"  # in experiments.tuned: the trials go on


def insert_experiment(
    db: Connection,
    id: str,
    experiment: Experiment,
    estimate: float | None,
    now: float,
    owner: str | None = None,
) -> None:
    """A new experiment with its trials if it asks for them, else with the runs it compares."""
    db.execute(
        insert(experiments).values(
            id=id,
            name=experiment.name,
            spec=spec_of(experiment),
            created_at=now,
            estimate=estimate,
            tuned=ASKED if experiment.tune else None,
            owner=owner,
        )
    )
    if experiment.tune is None:
        compare(db, id, experiment, experiment.seeds, now)
        return
    want(db, id, now)
    wanted = planned(experiment)
    places = {one.run.id: i for i, one in reversed(list(enumerate(wanted)))}
    queue(db, {one.run.id: one.run for one in wanted}, places, now)
    db.execute(
        insert(trials),
        [
            {
                "experiment_id": id,
                "position": i,
                "arm": one.arm,
                "scale": one.scale,
                "seed": one.run.seed,
                "run_id": one.run.id,
            }
            for i, one in enumerate(wanted)
        ],
    )
    if id in settled(db, id):  # every trial was known already
        settle(db, id, now)


def later(experiment: Experiment) -> int:
    """How many runs are queued by themselves when its trials are over."""
    return 0 if experiment.tune is None else len(experiment.arms) * len(experiment.seeds)


def spec_of(experiment: Experiment) -> str:
    return json.dumps(experiment.model_dump(mode="json"))


def compare(
    db: Connection, id: str, experiment: Experiment, seeds: Sequence[int], now: float
) -> int:
    """Link the runs of these seeds and queue those that are new. Gives how many wait now."""
    want(db, id, now)
    arms = {arm.name: i for i, arm in enumerate(experiment.arms)}
    wanted = [(i, run) for i, run in enumerate(experiment.runs()) if run.seed in set(seeds)]
    places = {run.id: i for i, run in reversed(wanted)}
    count = queue(db, {run.id: run for _, run in wanted}, places, now)
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
            for i, run in wanted
        ],
    )
    return count


def settled(db: Connection, experiment_id: str | None = None) -> list[str]:
    """The experiments whose trials are over, and whose rates are still to be chosen.

    See ``tuning.settles``.
    """
    own = select(trials.c.run_id).join(runs, runs.c.id == trials.c.run_id)
    own = own.where(trials.c.experiment_id == experiments.c.id)
    found = select(experiments.c.id).where(
        experiments.c.tuned == ASKED,
        ~exists(own.where(runs.c.state.not_in(OVER))),
        exists(own.where(runs.c.state.in_(FINAL))),
    )
    if experiment_id is not None:
        found = found.where(experiments.c.id == experiment_id)
    return list(db.scalars(found))


def settle(db: Connection, id: str, now: float) -> None:
    """Give every arm the scale that its trials were best with, and queue the compared runs."""
    row = db.execute(
        select(experiments.c.spec).where(experiments.c.id == id, experiments.c.tuned == ASKED)
    ).first()
    if row is None:  # deleted, or another supervisor was faster
        return
    experiment = Experiment.model_validate_json(row[0])
    found = rates(db, id, experiment)
    chosen = scaled(experiment, found)
    db.execute(
        update(experiments)
        .where(experiments.c.id == id)
        .values(spec=spec_of(chosen), tuned=json.dumps(found))
    )
    try:
        compare(db, id, chosen, chosen.seeds, now)
    except (KeyError, TypeError, ValueError) as gone:  # a trick of one's own was removed meanwhile
        log.warning(f"{id}: the rates are known, but its arms cannot be trained: {gone!r}")


def rates(db: Connection, id: str, experiment: Experiment) -> dict[str, float]:
    """The scale of every arm, by name."""
    tried = (
        select(trials.c.arm, trials.c.scale, runs.c.state, runs.c.metrics)
        .join(runs, runs.c.id == trials.c.run_id)
        .where(trials.c.experiment_id == id)
    )
    outcomes: list[list[Outcome]] = [[] for _ in experiment.arms]
    for arm, scale, state, metrics in db.execute(tried):
        value = read_metrics(metrics).get(experiment.metric) if state == "done" else None
        outcomes[arm].append(Outcome(scale, value))
    higher = not experiment.metric.endswith("loss")
    return {
        arm.name: best(outcomes[i], higher_is_better=higher)
        for i, arm in enumerate(experiment.arms)
    }


def add_seeds(db: Connection, id: str, count: int, now: float) -> int:
    """Append the next unused seeds to an experiment and queue their runs. Gives how many wait.

    Raises:
        ValueError: there is no such experiment, its rates are not found yet, it would grow too
            large, or its arms are no longer what was trained.
    """
    row = db.execute(
        select(experiments.c.spec, experiments.c.added, experiments.c.tuned).where(
            experiments.c.id == id
        )
    ).first()
    if row is None:
        raise ValueError(f"there is no experiment {id}")
    spec, added, tuned = row
    if tuned == ASKED:
        raise ValueError("the learning rates of its arms are still looked for")
    if count < 1:
        raise ValueError(f"at least one seed can be added, not {count}")
    old = Experiment.model_validate_json(spec)
    if len(old.arms) * (len(old.seeds) + count) > MOST_RUNS:
        raise ValueError(f"an experiment has at most {MOST_RUNS:,} runs")
    new = next_seeds(old, count)
    grown = parse(json.loads(spec_of(old)) | {"seeds": [*old.seeds, *new]})
    unchanged(db, id, old)
    looks = [*(json.loads(added) if added else []), len(old.seeds)]
    db.execute(
        update(experiments)
        .where(experiments.c.id == id)
        .values(spec=spec_of(grown), added=json.dumps(looks))
    )
    return compare(db, id, grown, new, now)


def remove(db: Connection, id: str) -> set[str]:
    """Delete an experiment and the runs that no other links. Gives which runs."""
    ours = linked(db, id)
    for one in (links, trials):
        db.execute(delete(one).where(one.c.experiment_id == id))
    db.execute(delete(experiments).where(experiments.c.id == id))
    forget(db, id)
    gone = ours - still_linked(db, ours)
    for ids in chunks(gone):
        bury(db, ids)
    return gone


def next_seeds(experiment: Experiment, count: int) -> list[int]:
    """The smallest seeds that it does not have."""
    used = set(experiment.seeds)
    return [seed for seed in range(len(used) + count) if seed not in used][:count]


def unchanged(db: Connection, id: str, experiment: Experiment) -> None:
    """Seeds are added only to what was trained: a trick that was edited since is another."""
    first = experiment.seeds[0]
    had = select(links.c.arm, links.c.run_id).where(
        links.c.experiment_id == id, links.c.seed == first
    )
    for arm, run_id in db.execute(had):
        if experiment.run_id(experiment.arms[arm], first) != run_id:
            raise ValueError(
                f"{experiment.arms[arm].name} was changed since it was trained; launch the "
                "experiment again instead"
            )
