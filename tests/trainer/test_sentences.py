"""The sentence under the title: one for every case, in the words of the design."""

from __future__ import annotations

import pytest

from trainer.experiment import Arm, Experiment, Setup
from trainer.sentences import sentence
from trainer.statistics import compare


def make(*names, seeds=8, metric="test_accuracy"):
    arms = tuple(
        Arm.model_validate({"name": name, "tricks": [{"id": "dropout"}] if i else []})
        for i, name in enumerate(names)
    )
    return Experiment(
        name="Which?", setup=Setup(epochs=1), arms=arms, seeds=tuple(range(seeds)), metric=metric
    )


SIZES = {"up": 0.1, "down": -0.1, "same": 0.0}
WOBBLE = [0.05, -0.04, 0.06, 0.03, -0.05, 0.04, 0.05, -0.03]


def said(arms, seeds=8, lost=(), **more):
    """The sentence for arms that go up, down, stay the same, or wobble."""
    experiment = make("baseline", *arms, seeds=seeds)
    values = {"baseline": {s: 0.74 for s in range(seeds)}}
    for name, way in arms.items():
        step = WOBBLE if way == "wobble" else [SIZES[way]] * seeds
        values[name] = {s: 0.74 + step[s] for s in range(seeds) if s not in lost}
    return sentence(experiment, compare(values, baseline="baseline", images=450), **more)


@pytest.mark.parametrize(
    ("arms", "text"),
    [
        ({"mixup": "up"}, "**Mixup** is better than the baseline."),
        ({"warm-up": "down"}, "**Warm-up** is worse than the baseline."),
        (
            {"mixup": "up", "dropout": "up", "warm-up": "down", "label smoothing": "wobble"},
            "**Mixup** and **dropout** are better than the baseline. **Warm-up** is worse. "
            "**Label smoothing** is not resolved.",
        ),
        (
            {"a": "up", "b": "up", "c": "up"},
            "**A**, **b** and **c** are better than the baseline.",
        ),
        ({"Mish": "same"}, "**Mish** differs by less than 2.1 points from the baseline."),
        (
            {"Mish": "same", "swish": "same"},
            "**Mish** and **swish** differ by less than 2.1 points from the baseline.",
        ),
        ({"SAM": "up", "x*y": "up"}, r"**SAM** and **x\*y** are better than the baseline."),
    ],
)
def test_verdicts(arms, text):
    assert said(arms) == text


def test_too_few_seeds():
    three = {"mixup": "up", "dropout": "up", "Mish": "same"}
    want = "Too few seeds for a verdict: 3 of the 7 that three tricks need."
    assert said(three, seeds=3) == want
    want = "Too few seeds for a verdict: 5 of the 6 that one trick needs."
    assert said({"mixup": "up"}, seeds=5) == want


def test_anecdote():
    want = "One seed is an anecdote: these curves show what can happen, not what helps."
    assert said({"mixup": "up", "dropout": "down"}, seeds=1) == want


def test_nothing_is_claimed_before_the_end():
    text = said({"mixup": "up"}, lost=(4, 5, 6, 7), state="running")
    assert text == "Too early for a verdict: 4 of 8 seeds are complete in every arm."
    text = said({"mixup": "up"}, lost=range(3, 8), state="stopped")
    assert text == "Stopped: 3 of 8 seeds are complete. No verdict."
    text = said({"mixup": "up"}, state="stopped", complete=1)
    assert text == "Stopped: 1 of 8 seeds is complete. No verdict."


def test_divergence_is_told_with_the_seeds_that_remain():
    text = said({"mixup": "up"}, lost=(1, 2), diverged={"baseline": 2})
    assert text == (
        "**Mixup** is better than the baseline. The **baseline** diverged in 2 of 8 runs; "
        "differences use the 6 seeds complete in both arms."
    )
    text = said({"mixup": "up"}, lost=range(8), diverged={"mixup": 8})
    assert text == (
        "Too few seeds for a verdict: 0 of the 6 that one trick needs. "
        "**Mixup** diverged in all 8 runs; no seed is complete in both arms."
    )


def test_the_baseline_alone():
    assert said({}) == "The baseline alone: there is nothing to compare it with."


def test_a_loss_is_not_told_in_points():
    experiment = make("baseline", "mixup", metric="test_loss")
    values = {"baseline": {s: 0.5 for s in range(8)}, "mixup": {s: 0.5 for s in range(8)}}
    found = compare(values, baseline="baseline", metric="test_loss", images=450)
    assert sentence(experiment, found) == "**Mixup** differs in nothing from the baseline."
    found = compare(values, baseline="baseline", metric="test_loss", images=450, margin=0.01)
    assert sentence(experiment, found) == "**Mixup** differs by less than 0.01 from the baseline."
