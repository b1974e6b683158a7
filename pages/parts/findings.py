"""What ended runs left behind beside their curves: reports, and what the curve doctor says.

All sessions that watch an experiment share one :class:`Findings`. A run that is done or diverged
never changes, so it is read once.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.parts import home, words
from trainer import doctor
from trainer.datasets import DATASETS
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.reader import Curves, Look
    from trainer.store import RunRow, Store

FINAL = ("done", "diverged")
TRACES = ("loss", "weight_norm", "grad_first", "grad_last", "ece")  # beside the reader's own
MOST_READ = 12  # runs of an arm whose traces are read: a majority of them speaks for the rest

Report = dict[str, Any]
Key = tuple[str, int]  # run and attempt


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A badge beside an arm: in a word, and why, with its number."""

    word: str
    why: str
    grave: bool = False


class Findings:
    """Reads reports and traces of the runs that have ended, each once. Safe from many threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lock = threading.Lock()
        self.reports: dict[Key, Report | None] = {}
        self.traces: dict[Key, Curves] = {}
        self.told: dict[tuple[Key, ...], list[list[doctor.Caption]]] = {}

    def update(self, look: Look) -> None:
        """Read what the runs that ended since have left."""
        with self.lock:
            ended = {key_of(run): run for run in look.runs if run.state in FINAL}
            new = [key for key in ended if key not in self.reports]
            if not new:
                return
            found = self.store.reports({id for id, _ in new})
            self.reports |= {key: found.get(key[0]) for key in new}
            first = {
                key_of(run)
                for arm in range(len(look.row.experiment.arms))
                for run in [one for one in ended.values() if one.arm == arm][:MOST_READ]
            }
            wanted = [key for key in first if key not in self.traces]
            for id, one in self.store.news({id: (0, 0) for id, _ in wanted}, TRACES).items():
                self.traces[id, one.attempt] = {
                    key: (np.asarray(steps, float), np.asarray(values, float))
                    for key, (steps, values) in one.series.items()
                }

    def of_arm(self, look: Look, arm: int) -> list[Report]:
        """The reports of an arm's finished runs."""
        runs = [run for run in look.runs if run.arm == arm and run.state == "done"]
        return [report for run in runs if (report := self.reports.get(key_of(run)))]

    def report_of(self, run: RunRow) -> Report | None:
        """What a run told of itself; None: it has not ended, or tells nothing."""
        return self.reports.get(key_of(run))

    def traces_of(self, look: Look, arm: int, key: str) -> list[tuple[Any, Any]]:
        """That key's points of an arm's finished runs, as far as they were read."""
        runs = [run for run in look.runs if run.arm == arm and run.state == "done"]
        found = [self.traces.get(key_of(run), {}).get(key) for run in runs]
        return [one for one in found if one is not None and len(one[0])]

    def captions(self, look: Look) -> list[list[doctor.Caption]]:
        """What the curve doctor says of each arm's ended runs."""
        ended = [run for run in look.runs if run.state in FINAL and key_of(run) in self.traces]
        names = tuple(key_of(run) for run in ended)
        with self.lock:
            if names not in self.told:
                self.told = {names: [self.examined(look, ended, arm)
                                     for arm in range(len(look.row.experiment.arms))]}  # fmt: skip
            return self.told[names]

    def examined(self, look: Look, ended: Sequence[RunRow], arm: int) -> list[doctor.Caption]:
        setup = look.row.experiment.setup
        return doctor.of_arm(
            [
                doctor.Curves(
                    series=look.curves.get(run.id, {}) | self.traces[key_of(run)],
                    classes=DATASETS[setup.dataset].classes,
                    batch_size=setup.batch_size,
                    diverged=run.step if run.state == "diverged" else None,
                    killed=(self.reports.get(key_of(run)) or {}).get("killed"),
                )
                for run in ended
                if run.arm == arm
            ]
        )

    def marks(self, look: Look) -> list[list[Mark]]:
        """The badges of each arm."""
        return [
            marks(self.of_arm(look, arm), alone=len(one.tricks) == 1)
            for arm, one in enumerate(look.row.experiment.arms)
        ]


def key_of(run: RunRow) -> Key:
    return run.id, run.attempt


def marks(reports: Sequence[Report], *, alone: bool = True) -> list[Mark]:
    """What the finished runs of one arm agree on: tricks without effect, a dead network.

    ``alone``: the arm has one trick, which need not be named.
    """
    found = []
    dead = [report["killed"] for report in reports if report.get("killed")]
    if dead:
        count = "" if len(dead) == len(reports) else f", {len(dead)} of {len(reports)} runs"
        found.append(Mark(word="killed the network", why=f"{dead[0]}{count}", grave=True))
    told = [report.get("tricks", {}) for report in reports]
    for id in dict.fromkeys(id for tricks in told for id in tricks):
        acted = [tricks.get(id, {}).get("acted") for tricks in told]
        if not acted or any(one is None or one["times"] for one in acted):
            continue
        total = sum(one["of"] for one in acted)
        who = "" if alone else f"{title(id)}: "
        found.append(Mark(word="had no effect", why=f"{who}0 of {total:,} {acted[0]['what']}"))
    return found


def title(id: str) -> str:
    known = catalog().get(id)
    return known.card.title if known else words.plain(id)


@st.cache_resource(max_entries=16, show_spinner=False)
def findings_of(path: str, experiment_id: str) -> Findings:
    """The one that all sessions share, for an experiment in the store at ``path``."""
    return Findings(home.open_store(path))
