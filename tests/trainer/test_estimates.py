"""How long runs will take: from runs alike, from a trial, from tricks timed apart."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from trainer.estimates import (
    CROWDED,
    JUDGED,
    ONCE,
    UNSEEN,
    Past,
    Times,
    all_seconds,
    share,
    times,
)  # fmt: skip
from trainer.experiment import Arm, Setup, TrickChoice, parse
from trainer.rows import tricks_of
from trainer.schema import runs
from trainer.store import Store

SETUP = Setup.model_validate({"train_size": 320, "batch_size": 32, "epochs": 10})  # 100 steps
PLAIN = Arm(name="plain")


def arm(*tricks: str) -> Arm:
    return Arm(name="arm", tricks=tuple(TrickChoice(id=one) for one in tricks))


def past(of: Arm, per_step: float, beside: float = 0.5, steps: int = 100) -> Past:
    training = per_step * steps
    return Past(tricks=tricks_of(of), steps=steps, training=training, wall=training + beside)


def test_nothing_known_is_none() -> None:
    assert Times().run(SETUP, PLAIN) is None


def test_a_trial_is_all_there_is_before_the_first_run() -> None:
    known = Times(trial=0.01)
    assert known.step(PLAIN) == pytest.approx(CROWDED * 0.01)
    assert known.step(arm("mixup")) == pytest.approx(CROWDED * UNSEEN * 0.01)
    training = 100 * CROWDED * 0.01
    assert known.run(SETUP, PLAIN) == pytest.approx(training * (1 + JUDGED) + ONCE)


def test_runs_of_the_same_tricks_tell_best() -> None:
    known = Times(past=[past(PLAIN, 0.01), past(arm("sam"), 0.03, beside=0.8)], trial=1.0)
    assert known.run(SETUP, PLAIN) == pytest.approx(1.0 + 0.5)
    assert known.run(SETUP, arm("sam")) == pytest.approx(3.0 + 0.8)


def test_factors_of_tricks_multiply_where_they_were_never_together() -> None:
    alone = [past(PLAIN, 0.01), past(arm("sam"), 0.02), past(arm("mixup"), 0.015)]
    known = Times(past=alone)
    assert known.step(arm("mixup", "sam")) == pytest.approx(0.03)
    assert known.step(arm("mixup", "dropout")) == pytest.approx(0.015 * UNSEEN)


def test_the_rest_of_a_run_is_that_of_runs_about_as_long() -> None:
    known = Times(past=[past(PLAIN, 0.01, beside=9.0, steps=10_000), past(PLAIN, 0.01)])
    assert known.run(SETUP, PLAIN) == pytest.approx(1.5)
    longer = SETUP.model_copy(update={"epochs": 1000})
    assert known.run(longer, PLAIN) == pytest.approx(100 + 9)
    between = SETUP.model_copy(update={"epochs": 100})
    assert known.run(between, PLAIN) == pytest.approx(10 * (1 + JUDGED) + ONCE)


def test_a_budget_in_seconds_is_known_without_any_run() -> None:
    timed = SETUP.model_copy(update={"epochs": None, "seconds": 10.0})
    assert Times().run(timed, PLAIN) == pytest.approx(10 * (1 + JUDGED) + ONCE)
    known = Times(past=[past(PLAIN, 0.1, beside=2.0)])
    assert known.run(timed, PLAIN) == pytest.approx(12)


def test_the_newest_runs_count() -> None:
    """A machine that was busy last week is not busy now."""
    known = Times(past=[past(PLAIN, 0.01)] * 30 + [past(PLAIN, 0.09)] * 40)
    assert known.step(PLAIN) == pytest.approx(0.01)


def together(of: Arm, per_step: float, count: int, **more: bool) -> Past:
    """A run of so many in one process: its share of the time that they took."""
    part = share(count)
    return Past(
        tricks=tricks_of(of), steps=100, training=100 * per_step * part,
        wall=100 * per_step * part + 0.1, together=count, **more,
    )  # fmt: skip


def test_a_share_is_less_the_more_train_together() -> None:
    shares = [share(count) for count in (1, 2, 6, 24)]
    assert shares[0] == 1 and shares == sorted(shares, reverse=True)
    assert [count * part for count, part in zip((1, 2, 6, 24), shares, strict=True)] == sorted(
        count * part for count, part in zip((1, 2, 6, 24), shares, strict=True)
    )  # but all together take longer


def test_runs_that_trained_together_tell_of_one_alone_and_of_any_number() -> None:
    known = Times(past=[together(PLAIN, 0.01, 6)])
    assert known.step(PLAIN) == pytest.approx(0.01)
    assert known.run(SETUP, PLAIN, 6) == pytest.approx(share(6) + 0.1)
    assert known.run(SETUP, PLAIN, 2) == pytest.approx(share(2) + 0.1)
    assert known.run(SETUP, PLAIN) == pytest.approx(1.0 + 0.1)


def test_what_the_newest_runs_did_the_next_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRICKBOARD_STACK", raising=False)
    mixup = arm("mixup")
    assert Times().stacks(SETUP, PLAIN)  # nobody knows better
    apart = together(PLAIN, 0.01, 1, apart=True)
    assert not Times(past=[apart, together(PLAIN, 0.01, 6)]).stacks(SETUP, PLAIN)
    assert Times(past=[together(PLAIN, 0.01, 6), apart]).stacks(SETUP, PLAIN)
    assert Times(past=[past(PLAIN, 0.01), together(PLAIN, 0.01, 6)]).stacks(SETUP, PLAIN)
    assert not Times(past=[together(mixup, 0.01, 1, apart=True)]).stacks(SETUP, PLAIN)
    timed = SETUP.model_copy(update={"epochs": None, "seconds": 10.0})
    assert not Times().stacks(timed, PLAIN)
    monkeypatch.setenv("TRICKBOARD_STACK", "0")
    assert not Times().stacks(SETUP, PLAIN)


def test_a_launch_is_as_long_as_its_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 seeds of one arm on 2 slots are two processes of 4; 4 arms of 6 are four."""
    monkeypatch.delenv("TRICKBOARD_STACK", raising=False)
    known = Times(past=[together(PLAIN, 0.01, 4)])
    seconds, processes = all_seconds(known, SETUP, [(PLAIN, 8)], 2) or (0, 0)
    assert processes == 2 and seconds == pytest.approx(8 * (share(4) + 0.1))
    assert (all_seconds(known, SETUP, [(PLAIN, 6)] * 4, 2) or (0, 0))[1] == 4
    assert all_seconds(Times(), SETUP, [(PLAIN, 8)], 2) is None
    monkeypatch.setenv("TRICKBOARD_STACK", "0")
    seconds, processes = all_seconds(known, SETUP, [(PLAIN, 8)], 2) or (0, 0)
    assert processes == 8 and seconds == pytest.approx(8 * (1.0 + 0.1))


def test_ten_thousand_runs_are_foretold_at_once() -> None:
    known = Times(past=[past(PLAIN, 0.01)] * 400)
    arms = [Arm(name=str(i)) for i in range(250)]
    _, processes = all_seconds(known, SETUP, [(one, 40) for one in arms], 2) or (0, 0)
    assert processes >= 250


def test_the_store_tells_of_runs_that_are_done(home: Any) -> None:
    data = {"name": "x", "setup": SETUP.model_dump(), "arms": [{"name": "plain"}], "seeds": [0, 1]}
    data["setup"] = {k: v for k, v in data["setup"].items() if v is not None}
    experiment = parse(data)
    store = Store(home)
    store.launch(experiment)
    assert times(store, experiment.setup).past == []
    first, second = [run.id for run in experiment.runs()]
    ended = {"state": "done", "step": 100, "seconds": 2.0, "started_at": 50.0, "ended_at": 53.0}
    with store.writes.begin() as db:
        db.execute(update(runs).where(runs.c.id == first).values(ended))
        db.execute(update(runs).where(runs.c.id == second).values(ended | {"state": "failed"}))
    known = times(store, experiment.setup)
    alone = Past(tricks=tricks_of(PLAIN), steps=100, training=2.0, wall=3.0)
    assert known.past == [alone]
    with store.writes.begin() as db:
        db.execute(update(runs).where(runs.c.id == first).values(together=6, recipe=None))
    (stacked,) = times(store, experiment.setup).past
    assert (stacked.wall, stacked.together, stacked.apart) == (0.5, 6, True)
    other = experiment.setup.model_copy(update={"batch_size": 16})
    assert times(store, other).past == []
