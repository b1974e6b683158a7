"""A budget in seconds is training time: every arm gets all of it, whatever else takes time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.trainer.loops import follow, make_run, series
from trainer import engine, record, reports
from trainer.tasks.classification import Classification

if TYPE_CHECKING:
    from pathlib import Path

BUDGET = 1.0
STEP = 1 / 64  # exact in binary: sums of it have no rounding


class Time:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """A step takes ``STEP``; judging, looking at the network and a report take seconds each."""
    made = Time()
    monkeypatch.setattr(record, "time", SimpleNamespace(perf_counter=made.perf_counter))

    def takes(owner: object, name: str, seconds: float) -> None:
        does = getattr(owner, name)

        def slow(*given: object, **named: object) -> object:
            made.now += seconds
            return does(*given, **named)

        monkeypatch.setattr(owner, name, slow)

    takes(Classification, "mean_loss", STEP)
    takes(Classification, "evaluate", 3.0)
    takes(reports, "on_grid", 2.0)
    takes(reports, "report", 5.0)
    return made


@pytest.mark.parametrize("tricks", [[], [{"id": "dropout"}], [{"id": "cyclic_cosine"}]])
def test_every_arm_gets_the_whole_budget_and_no_more(
    home: Path, time: Time, tricks: list[dict[str, object]]
) -> None:
    points, outcome = follow(make_run(steps=None, seconds=BUDGET, tricks=tricks), home)
    assert outcome.steps == BUDGET / STEP
    assert outcome.seconds == BUDGET
    assert len(series(points, "test_loss")) > 2, "nothing slow happened"
    told = series(points, "seconds")
    assert all(seconds == step * STEP for step, seconds in told)


def test_an_arm_whose_steps_cost_twice_gets_half_of_them(home: Path, time: Time) -> None:
    _, outcome = follow(make_run(steps=None, seconds=BUDGET, tricks=[{"id": "sam"}]), home)
    assert outcome.steps == BUDGET / STEP / 2
    assert outcome.seconds == BUDGET


def test_who_reads_and_keeps_the_run_takes_none_of_its_time(home: Path, time: Time) -> None:
    class Slow:
        kept = 0

        def wanted(self) -> bool:
            return True

        def save(self, make: object) -> None:
            self.kept += 1
            time.now += 1.0

    saver = Slow()
    points = engine.train(make_run(steps=None, seconds=BUDGET), home=home, saver=saver)
    while True:
        try:
            next(points)
        except StopIteration as end:
            outcome = end.value
            break
        time.now += 0.5
    assert saver.kept > 10
    assert (outcome.steps, outcome.seconds) == (BUDGET / STEP, BUDGET)
