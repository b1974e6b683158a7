"""What every export is made of: an experiment, its runs, and their points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.names import in_file

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trainer.experiment import Experiment
    from trainer.rows import ExperimentRow, RunRow, Trial
    from trainer.store import Store

    Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
    Series = dict[str, tuple[Numbers, Numbers]]  # key -> steps, values

# Of every step, then of every evaluation: README.md says what they are.
KEYS = (
    "loss",
    "lr",
    "grad_norm",
    "test_loss",
    "test_accuracy",
    "train_loss",
    "train_accuracy",
    "ece",
    "weight_norm",
    "grad_first",
    "grad_last",
    "seconds",
    "samples_per_second",
)
ENDED = ("done", "diverged")  # these never change any more


class NoExport(Exception):
    """What was asked for cannot be exported, and why; nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """``points`` has the series of every run that ever started, by the run's id, ``reports`` what
    those that ended told of themselves; ``trials`` are the runs that looked for learning rates."""

    row: ExperimentRow
    runs: list[RunRow]
    trials: list[Trial]
    points: dict[str, Series]
    reports: dict[str, dict[str, Any]]

    @property
    def experiment(self) -> Experiment:
        return self.row.experiment

    def of_arm(self, arm: int, *states: str) -> list[RunRow]:
        """The runs of an arm, by default in any state."""
        return [run for run in self.runs if run.arm == arm and (not states or run.state in states)]


def gather(store: Store, experiment_id: str, keys: Collection[str] = KEYS) -> Material:
    """Everything that is known of an experiment now.

    Raises:
        NoExport: there is no such experiment, or none of its runs has come to an end.
    """
    row = known(store, experiment_id)
    runs = store.runs(experiment_id)
    if not any(run.state in ENDED for run in runs):
        raise NoExport(
            f"{row.name} ({experiment_id}) has no finished run yet, so there is nothing to export"
        )
    trials = store.trials(experiment_id)
    started = {run.id for run in (*runs, *(one.run for one in trials)) if run.attempt}
    news = store.news({id: (0, 0) for id in started}, keys)
    points = {
        id: {
            key: (np.asarray(steps, float), np.asarray(values, float))
            for key, (steps, values) in one.series.items()
        }
        for id, one in news.items()
    }
    reports = store.reports(started)
    return Material(row=row, runs=runs, trials=trials, points=points, reports=reports)


def known(store: Store, experiment_id: str) -> ExperimentRow:
    """The experiment with that id.

    Raises:
        NoExport: there is none.
    """
    row = store.experiment(experiment_id)
    if row is None:
        raise NoExport(f"There is no experiment {experiment_id} in {store.path}")
    return row


def file_names(names: Sequence[str]) -> list[str]:
    """A name for a file or folder of each arm: allowed on every system, distinct, and alike."""
    taken: set[str] = set()
    found = []
    for name in names:
        plain = in_file(name)
        unlike, i = plain, 2
        while unlike.casefold() in taken:
            unlike, i = f"{plain} ({i})", i + 1
        taken.add(unlike.casefold())
        found.append(unlike)
    return found
