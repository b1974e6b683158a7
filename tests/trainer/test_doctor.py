"""The curve doctor: each rule on drawn curves and on real runs; good runs get no word."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.trainer.loops import follow, make_run
from trainer import doctor
from trainer.doctor import Curves, of_arm, of_run

STEPS = np.arange(0, 601, 30.0)
EVERY = np.arange(1, 601.0)
PART, PARTS = STEPS / 600, EVERY / 600
CHANCE = math.log(10)


def drawn(train, test=None, loss=None, batch_size=32, right=None, **how) -> Curves:
    """The curves of a run; the loss of the steps follows the training loss if it is not given."""
    test = train if test is None else test
    loss = np.interp(EVERY, STEPS, train) if loss is None else loss
    series = {"train_loss": (STEPS, train), "test_loss": (STEPS, test), "loss": (EVERY, loss)}
    for name, values in (right or {}).items():
        series[f"{name}_accuracy"] = (STEPS, values)
    return Curves(series=series, classes=10, batch_size=batch_size, **how)


GOOD = 2.4 * np.exp(-8 * PART) + 0.02
SLOW = 2.4 - 0.6 * PART
FLAT = np.full(21, 2.31)
STUCK = 1.0 + 1.4 * np.exp(-12 * PART)
BACK = np.where(PART < 0.5, GOOD, 2.2)
SWINGS = GOOD + 0.5 * (np.arange(21) % 2) * (PART > 0.2)
THROWN = np.where(EVERY == 3, 300.0, 2.3 - 0.3 * PARTS)
RISES = GOOD + np.maximum(0, PART - 0.3)
JUMPS = np.interp(EVERY, STEPS, GOOD) + 0.5 * np.random.default_rng(0).standard_normal(600)
UP, DOWN = 0.1 + 0.9 * (1 - np.exp(-8 * PART)), 0.1 + 0.7 * (1 - np.exp(-8 * PART))
FORGETS = 0.9 - 0.1 * PART


@pytest.mark.parametrize(
    ("curves", "found"),
    [
        (drawn(GOOD), set()),
        (drawn(GOOD, diverged=12), {"diverged"}),
        (drawn(FLAT, killed="all 8 units of ReLU 1 give the same value"), {"killed"}),
        (drawn(BACK), {"rate_too_high"}),
        (drawn(SWINGS, loss=np.interp(EVERY, STEPS, GOOD)), {"rate_too_high"}),
        (drawn(2.0 + 0.3 * GOOD, loss=THROWN), {"rate_too_high"}),
        (drawn(FLAT), {"not_started"}),
        (drawn(3.2 - 0.5 * PART), {"rate_too_low"}),  # above chance to the end
        (drawn(SLOW), {"rate_too_low"}),
        (drawn(GOOD, RISES), {"overfitting"}),
        (drawn(GOOD, right={"train": UP, "test": FORGETS}), {"overfitting"}),
        (drawn(GOOD, right={"train": UP, "test": DOWN}), {"overfitting"}),
        (drawn(GOOD, right={"train": UP, "test": UP}), set()),
        (drawn(GOOD, loss=JUMPS, batch_size=2), {"noisy"}),
        (drawn(GOOD, loss=JUMPS, batch_size=32), set()),  # mixup's loss is like that
        (drawn(STUCK), {"plateau"}),
        (Curves(series={}, classes=10, batch_size=32), set()),  # nothing drawn yet
    ],
)
def test_a_rule_fires_where_it_should_and_alone(curves, found):
    assert set(of_run(curves)) == found


def test_a_caption_has_its_rule_its_numbers_and_what_to_try():
    (caption,) = of_arm([drawn(GOOD, RISES)])
    assert caption.rule == "overfitting" and caption.title == "Overfitting"
    low = float(RISES.min())
    assert caption.numbers["from"] == low and caption.numbers["step"] == STEPS[RISES.argmin()]
    assert caption.numbers["to"] == pytest.approx(np.median(RISES[-2:]))
    assert caption.text == (
        f"From step {caption.numbers['step']:.0f} on the test loss rises, {low:.2f} to "
        f"{caption.numbers['to']:.2f}, while the training loss falls."
    )
    assert caption.advice.endswith(".")
    (slow,) = of_arm([drawn(SLOW)])
    assert slow.numbers["share"] == pytest.approx(0.6 * 0.35 / (CHANCE - 1.8), rel=0.05)


def test_an_arm_has_what_most_of_its_runs_have():
    rising, good = drawn(GOOD, RISES), drawn(GOOD)
    (caption,) = of_arm([rising, rising, good])
    assert (caption.numbers["runs"], caption.numbers["of"]) == (2, 3)
    assert caption.text.endswith("In 2 of 3 runs.")
    assert of_arm([rising, good, good]) == [] == of_arm([rising, good])
    (gone,) = of_arm([good, good, drawn(GOOD, diverged=7)])
    assert gone.rule == "diverged" and "step 7. In 1 of 3 runs" in gone.text
    assert of_arm([]) == []


def test_every_rule_has_words():
    for rule in doctor.RULES:
        assert rule.title and rule.advice.endswith(".")
        assert set(rule.hides) <= {one.name for one in doctor.RULES} - {rule.name}


MLP = {"kind": "mlp", "depth": 3, "width": 64}


def examined(home, tricks=None, **setup: Any) -> dict[str, Any]:
    """What the doctor says of a real run."""
    usual = {"train_size": 1347, "epochs": 12, "steps": None, "lr": 0.1, "network": MLP}
    run = make_run(tricks=tricks, **{**usual, **setup})
    points, outcome = follow(run, home)
    series: dict[str, tuple[list[int], list[float]]] = {}
    for step, key, value in points:
        steps, values = series.setdefault(key, ([], []))
        steps.append(step)
        values.append(value)
    arrays = {key: (np.array(a, float), np.array(b, float)) for key, (a, b) in series.items()}
    ended = outcome.steps if outcome.state == "diverged" else None
    return of_run(
        Curves(
            series=arrays,
            classes=10,
            batch_size=run.setup.batch_size,
            diverged=ended,
            killed=outcome.report.get("killed"),
        )
    )


@pytest.mark.parametrize(
    ("setup", "found"),
    [
        ({"lr": 1e-4}, {"rate_too_low"}),
        ({"lr": 1e-3}, {"rate_too_low"}),
        ({"lr": 0.01}, set()),
        ({"lr": 0.1}, set()),
        ({"lr": 0.3}, set()),
        ({"lr": 3.0}, {"diverged"}),
        ({"lr": 10.0}, {"diverged"}),
        ({"lr": 0.1, "preprocessing": "raw"}, {"rate_too_high"}),
        ({"lr": 0.3, "preprocessing": "raw"}, {"diverged"}),
        ({"lr": 0.01, "preprocessing": "raw"}, set()),
        ({"train_size": 100, "epochs": 60}, {"overfitting"}),
        ({"train_size": 400, "epochs": 60, "label_noise": 0.3}, {"overfitting"}),
        ({"batch_size": 2, "lr": 0.03, "epochs": 4}, {"noisy"}),
    ],
)
def test_real_runs_on_digits(home, setup, found):
    assert set(examined(home, **setup)) == found


@pytest.mark.parametrize(
    ("trick", "found"),
    [
        ({"id": "mixup"}, set()),
        ({"id": "dropout"}, set()),
        ({"id": "label_smoothing"}, set()),
        ({"id": "cyclic_cosine"}, set()),
        ({"id": "one_cycle"}, set()),
        ({"id": "batch_norm"}, set()),
        ({"id": "init_zeros"}, {"killed"}),
    ],
)
def test_real_tricks_on_digits(home, trick, found):
    assert set(examined(home, [trick])) == found
