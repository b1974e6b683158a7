"""What this machine has measured: the comparisons of experiments, and for a trick the best one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pages.parts import words
from pages.parts.once import once
from trainer import statistics
from trainer.datasets import DATASETS
from trainer.designs import arm_name
from trainer.overview import runs_of
from trainer.results import comparisons
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.experiment import Experiment, Setup
    from trainer.statistics import Comparison
    from trainer.store import ExperimentRow, RunRow, Store

ACTIVE = ("waiting", "running", "paused")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One trick against the baseline, plain or with tricks in every arm, when it was over."""

    experiment_id: str
    experiment_name: str
    created_at: float
    metric: str
    comparison: Comparison
    knobs: dict[str, float | None]
    setup: str


def measured(store: Store) -> dict[str, Evidence]:
    """The best evidence for each trick: the most seeds, and of those the newest."""
    counts = store.counts()
    over = [
        row
        for row in store.experiments()
        if (states := counts.get(row.id)) and not any(states.get(state) for state in ACTIVE)
    ]
    best: dict[str, Evidence] = {}
    told = once(str(store.path), "evidence", over, counts, partial(evidence_of, store))
    for row in over:
        for trick, found in told[row.id]:
            rank = found.comparison.n, found.created_at
            if trick not in best or rank > (best[trick].comparison.n, best[trick].created_at):
                best[trick] = found
    return best


def evidence_of(
    store: Store, rows: Sequence[ExperimentRow]
) -> dict[str, list[tuple[str, Evidence]]]:
    """What finished experiments say of single tricks, by id."""
    runs = runs_of(store, rows)
    return {row.id: said_by(row, runs[row.id]) for row in rows}


def said_by(row: ExperimentRow, runs: Sequence[RunRow]) -> list[tuple[str, Evidence]]:
    """What one finished experiment says of single tricks."""
    experiment = row.experiment
    under = [one.id for one in experiment.baseline.tricks]
    single = {}
    for arm in experiment.arms[1:]:
        own = [one for one in arm.tricks if one.id not in under]
        same = [one for one in arm.tricks if one.id in under]
        fair = experiment.tune is not None or arm.lr_scale == experiment.baseline.lr_scale
        if fair and len(own) == 1 and same == list(experiment.baseline.tricks):
            single[arm.name] = own[0]
    if not single:
        return []
    tuned = ", each at its own rate" if experiment.tune else ""
    return [
        (
            single[one.arm].id,
            Evidence(
                experiment_id=row.id,
                experiment_name=row.name,
                created_at=row.created_at,
                metric=experiment.metric,
                comparison=one,
                knobs=trick.values(),
                setup=setup_words(experiment.setup) + on_top_of(under) + tuned,
            ),
        )
        for one in comparisons(row, runs, foretell=False)
        if one.arm in single
        and one.mean is not None
        and (trick := single[one.arm].remade()) is not None
    ]


def on_top_of(under: list[str]) -> str:
    """What all arms had besides: ``, batch norm in every arm``."""
    names = [arm_name(one) if one in catalog() else one for one in under]
    return f", {words.listed(names)} in every arm" if under else ""


def difference(value: float, metric: str, *, unit: bool = True) -> str:
    """``+9.6 points`` for an accuracy, ``−0.41 test loss`` for a loss."""
    if metric == "test_accuracy":
        return words.points(value, unit=unit)
    text = words.number(value, 2, signed=True)
    return f"{text} {metric.replace('_', ' ')}" if unit else text


def verdict_words(experiment: Experiment, comparisons: list[Comparison]) -> str:
    """The outcome in a few words, for a table: ``batch norm better, +41.2``."""
    if not comparisons:
        return ""
    parts = []
    for verdict in ("better", "worse"):
        found = [one for one in comparisons if one.verdict == verdict and one.mean is not None]
        if len(found) > 2:
            parts.append(f"{len(found)} {verdict}")
        elif found:
            names = words.listed([one.arm for one in found])
            shown = [difference(one.mean, experiment.metric, unit=False) for one in found]
            parts.append(f"{names} {verdict}, {' and '.join(shown)}")
    if parts:
        return "; ".join(parts)
    said = {one.verdict for one in comparisons}
    for verdict in ("not_resolved", "too_few_seeds", "anecdote", "no_difference"):
        if verdict in said:
            return statistics.WORDS[verdict]
    return ""


NETWORKS = {"mlp": "MLP", "cnn": "CNN", "resnet": "ResNet"}


def setup_words(setup: Setup) -> str:
    """``digits, 30 % wrong labels, MLP 3 × 128``."""
    said = [setup.dataset]
    if setup.train_size != DATASETS[setup.dataset].train_size:
        said.append(f"{setup.train_size:,} images")
    if setup.label_noise:
        said.append(f"{100 * setup.label_noise:g} % wrong labels")
    if setup.imbalance > 1:
        said.append(f"1 : {setup.imbalance:g}")
    if setup.input_noise:
        said.append(f"input noise {setup.input_noise:g}")
    network = setup.network
    said.append(f"{NETWORKS[network.kind]} {network.depth} × {network.width}")
    return ", ".join(said)
