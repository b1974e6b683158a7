"""Whom one learning rate may favor: what is said, and when nothing is."""

from __future__ import annotations

import pytest

from trainer.experiment import Arm, Setup, TrickChoice
from trainer.fairness import doubts

SETUP = Setup.model_validate({"train_size": 400, "epochs": 20})


def arm(*tricks: str) -> Arm:
    return Arm(
        name=" ".join(tricks) or "plain", tricks=tuple(TrickChoice(id=one) for one in tricks)
    )


@pytest.mark.parametrize(
    ("trick", "why"),
    [
        ("batch_norm", "stands larger rates"),
        ("group_norm", "stands larger rates"),
        ("adamw", "has a rate of its own"),
        ("nesterov", "has a rate of its own"),
        ("cosine", "takes a smaller rate on average"),
        ("grad_clip", "changes how long a step is"),
        ("sam", "changes how long a step is"),
        ("linear_lr_scaling", "changes the rate"),
        ("skip_connection", "changes the network, and with it the rates it stands"),
    ],
)
def test_a_trick_that_wants_another_rate_is_named(trick: str, why: str) -> None:
    (only,) = doubts(SETUP, [arm(), arm(trick)])
    assert only.of_one == why and len(only.tricks) == 1


@pytest.mark.parametrize(
    "trick",
    ["mixup", "dropout", "label_smoothing", "mish", "sgd", "constant_lr", "squeeze_excite"],
)
def test_other_tricks_raise_no_doubt(trick: str) -> None:
    assert doubts(SETUP, [arm(), arm(trick)]) == []


def test_what_all_arms_have_favors_none() -> None:
    assert doubts(SETUP, [arm("batch_norm"), arm("batch_norm", "mixup")]) == []
    (only,) = doubts(SETUP, [arm("batch_norm", "mixup"), arm("mixup")])
    assert only.tricks == ("Batch norm",), "an arm without it is favored or not just as well"


def test_tricks_with_the_same_reason_stand_together() -> None:
    (only,) = doubts(SETUP, [arm(), arm("adam"), arm("lion")])
    assert only.tricks == ("Adam", "Lion") and only.of_several == "have rates of their own"
