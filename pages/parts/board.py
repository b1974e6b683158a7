"""The tables of the runs page: what an experiment and a run say in one line."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import words, workshop
from pages.parts.evidence import ACTIVE, setup_words, verdict_words
from pages.parts.once import once
from trainer.names import in_table
from trainer.overview import runs_of, training_seconds
from trainer.results import comparisons
from trainer.sharing import name_of
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.experiment import Experiment
    from trainer.store import ExperimentRow, RunRow, Store

# In the order in which the filter shows them, with the color of their badge.
KINDS = {
    "running": "blue",
    "waiting": "gray",
    "paused": "yellow",
    "done": "gray",
    "stopped": "yellow",
    "diverged": "orange",
    "failed": "red",
}
SHEET = 50  # experiments in one table
COMPLETE = ("done", "diverged")
MEMORY, GPU_MEMORY = "Memory, MB", "GPU memory, MB"


@dataclass(frozen=True, kw_only=True)
class Line:
    """An experiment in the table."""

    row: ExperimentRow
    states: dict[str, int]
    verdict: str = ""
    time: str = ""

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def complete(self) -> int:
        return sum(self.states.get(state, 0) for state in COMPLETE)

    @property
    def active(self) -> bool:
        return any(self.states.get(state) for state in ACTIVE)

    def kinds(self) -> list[str]:
        """What it counts as in the filter, its main state first."""
        has = [kind for kind in KINDS if self.states.get(kind)]
        main = next((kind for kind in ("running", "paused", "waiting") if kind in has), None)
        if main is None:
            main = next((kind for kind in ("stopped", "done") if kind in has), None)
        if main is None:
            return has
        beside = [kind for kind in ("diverged", "failed") if kind in has]
        return [main, *beside]

    def badges(self) -> list[str]:
        """``done``, ``2 diverged``: the main state bare, the others with their numbers."""
        first, *beside = self.kinds() or ["waiting"]
        shown = [f"{self.states[kind]} {kind}" for kind in beside]
        if first in ("diverged", "failed") and self.states[first] != self.total:
            first = f"{self.states[first]} {first}"
        return [first, *shown]


def lines(store: Store) -> list[Line]:
    """Every experiment, the newest first, without verdict and time: see :func:`told`."""
    counts = store.counts()
    return [
        Line(row=row, states=awaited(row, counts.get(row.id, {}))) for row in store.experiments()
    ]


def awaited(row: ExperimentRow, states: dict[str, int]) -> dict[str, int]:
    """The states with the runs that follow by themselves when the trials are over."""
    if not row.tuning or not any(states.get(state) for state in ACTIVE):
        return states
    later = len(row.experiment.arms) * len(row.experiment.seeds)
    return states | {"waiting": states.get("waiting", 0) + later}


def told(store: Store, shown: Sequence[Line], slots: int) -> list[Line]:
    """These lines with verdict and time. The store is asked as often for fifty as for one."""
    ended = [one for one in shown if not one.active]
    states = {one.row.id: one.states for one in ended}
    rows = [one.row for one in ended]
    outcomes = once(str(store.path), "outcome", rows, states, partial(outcome, store))
    active = runs_of(store, [one.row for one in shown if one.active])
    found = []
    for one in shown:
        if not one.active:
            verdict, seconds = outcomes[one.row.id]
            time = words.seconds(seconds) if seconds else ""
        else:
            row = one.row
            runs = every_run(store, row) if row.experiment.tune else active[row.id]
            left, verdict = seconds_left(runs), "too early"
            time = (
                f"{words.about(left / max(1, slots)).removeprefix('about ')} left" if left else ""
            )
        found.append(replace(one, verdict=verdict, time=time))
    return found


def outcome(store: Store, rows: Sequence[ExperimentRow]) -> dict[str, tuple[str, float]]:
    """Verdict and training seconds of experiments in which nothing runs, by id."""
    runs = runs_of(store, rows)
    seconds = training_seconds(store, [row.id for row in rows])
    return {
        row.id: (
            verdict_words(row.experiment, comparisons(row, runs[row.id], foretell=False)),
            seconds[row.id],
        )
        for row in rows
    }


def every_run(store: Store, row: ExperimentRow) -> list[RunRow]:
    """The runs of an experiment, and those that tried rates, whose arms say which."""
    tried = store.trials(row.id) if row.experiment.tune else []
    named = [
        replace(one.run, arm_name=f"{one.arm_name}, rate × {words.short(one.scale)}")
        for one in tried
    ]
    return [*store.runs(row.id), *named]


def seconds_left(runs: Sequence[RunRow]) -> float | None:
    """Training seconds that are still to come, from the speed of the runs so far."""
    speeds = [run.seconds / run.step for run in runs if run.seconds and run.step]
    if not speeds:
        return None
    speed = sum(speeds) / len(speeds)
    budget = max((run.seconds or 0.0 for run in runs if run.state == "done"), default=0.0)
    left = 0.0
    for run in {run.id: run for run in runs if run.state in ACTIVE}.values():
        if run.steps:
            left += (run.steps - run.step) * speed
        else:
            left += max(0.0, budget - (run.seconds or 0.0))
    return left


def matches(one: Line, query: str) -> bool:
    """Every word stands in the name, the data set, the network, an arm or a trick's title."""
    experiment = one.row.experiment
    tricks = {choice.id for arm in experiment.arms for choice in arm.tricks}
    text = " ".join(
        [
            one.row.name,
            one.row.id,
            name_of(one.row.owner),
            setup_words(experiment.setup),
            *(arm.name for arm in experiment.arms),
            *tricks,
            *(catalog()[trick].card.title for trick in tricks if trick in catalog()),
        ]
    ).casefold()
    return all(word in text for word in query.casefold().split())


def ago(then: float, now: float | None = None) -> str:
    """``just now``, ``9 min ago``, ``1 h ago``, ``yesterday``, ``5 days ago``, ``2026-03-01``."""
    now = time.time() if now is None else now
    minutes = (now - then) / 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{int(minutes)} min ago"
    days = (day(now) - day(then)).days
    if minutes < 12 * 60 or days == 0:
        return f"{int(minutes / 60)} h ago"
    if days == 1:
        return "yesterday"
    return f"{days} days ago" if days < 30 else str(day(then))


def day(when: float) -> Any:
    from datetime import datetime

    return datetime.fromtimestamp(when).date()


def experiment_columns(shown: Sequence[Line]) -> dict[str, list[Any]]:
    owners = [name_of(one.row.owner) for one in shown]
    return {
        "Experiment": [in_table(one.row.name) for one in shown],
        **({"Who": owners} if any(owners) and not workshop.is_guest() else {}),
        "State": [one.badges() for one in shown],
        "Progress": [100 * one.complete / one.total if one.total else 0.0 for one in shown],
        "Runs": [f"{one.complete} of {one.total}" for one in shown],
        "Verdict": [in_table(one.verdict) for one in shown],
        "Setup": [setup_words(one.row.experiment.setup) for one in shown],
        "Started": [ago(one.row.created_at) for one in shown],
        "Time": [one.time for one in shown],
    }


def state_column(cells: Sequence[Sequence[str]]) -> Any:
    """Badges in the colors of their states, whatever number stands before the word."""
    options = sorted({badge for cell in cells for badge in cell})
    colors = [KINDS[badge.split()[-1]] for badge in options]
    return st.column_config.MultiselectColumn(options=options, color=colors)


def run_columns(experiment: Experiment, runs: Sequence[RunRow]) -> dict[str, list[Any]]:
    loss = experiment.metric == "test_loss"
    unit = 1 if loss else 100
    name = "Test loss" if loss else "Test accuracy, %"
    return {
        "Arm": [in_table(run.arm_name) for run in runs],
        "Seed": [run.seed for run in runs],
        "State": [[run.state] for run in runs],
        "Steps": [steps(run) for run in runs],
        name: [rounded(run.metrics.get(experiment.metric), unit, 3 if loss else 1) for run in runs],
        "Seconds": [rounded(run.seconds, 1, 1) for run in runs],
        MEMORY: [run.memory and round(run.memory / 1e6) for run in runs],
        **(
            {GPU_MEMORY: [run.gpu_memory and round(run.gpu_memory / 1e6) for run in runs]}
            if any(run.gpu_memory for run in runs)
            else {}
        ),
        "What happened": [in_table(happened(run)) for run in runs],
    }


def steps(run: RunRow) -> str:
    if run.steps is None:
        return f"{run.step:,}" if run.step else ""
    return f"{run.step:,} of {run.steps:,}"


def rounded(value: float | None, unit: float, digits: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(unit * value, digits)


def happened(run: RunRow) -> str:
    """Why a run ended as it did, or what it does before its first step."""
    if run.state in ("diverged", "failed"):
        return run.error_text or (run.error_kind or "").replace("_", " ")
    if run.state == "running":
        leaving = {"stop": "stopping", "pause": "pausing"}
        return leaving.get(run.desired) or run.message or ""
    return ""
