"""What is said of an arm before launch: every rule of every card, and its quiet neighbors."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trainer.checks import WHAT_A_SLOT_DOES, Notice, conflicts, notices, slots
from trainer.experiment import Arm, ExperimentError, Setup, parse
from tricks import catalog
from tricks.base import Slot

LONG = {"train_size": 1000, "epochs": 60}


def said(tricks: dict[str, dict[str, Any]], **setup: Any) -> list[Notice]:
    made = [catalog()[name](**knobs) for name, knobs in tricks.items()]
    return notices(Setup.model_validate({**LONG, **setup}), made)


def net(kind: str, depth: int, width: int = 64) -> dict[str, Any]:
    return {"network": {"kind": kind, "depth": depth, "width": width}}


# tricks, setup, kind, words of the title, words of the reason
FIRES: list[tuple[dict[str, dict[str, Any]], dict[str, Any], str, str, str]] = [
    ({"focal_loss": {}, "label_smoothing": {}}, {}, "warning",
     "Focal loss and Label smoothing", "ε 0.1 leaves probability on the wrong classes, and γ 2"),
    ({"focal_loss": {}, "mixup": {}}, {}, "warning", "Mixup's labels", "lowest at 0.58"),
    ({"focal_loss": {}, "class_balance": {}}, {"imbalance": 20}, "hint",
     "Focal loss and Class balance", "rare classes"),
    ({"flooding": {}, "label_smoothing": {}}, {}, "warning", "Flooding does nothing here",
     "Smoothing with ε 0.1 keeps the loss above 0.50, so a flood level of 0.1 never acts. "
     "Raise b above 0.50."),
    ({"flooding": {"level": 0.49}, "label_smoothing": {}}, {}, "warning", "does nothing", "0.49"),
    ({"flooding": {}, "mixup": {}}, {}, "warning", "Flooding hardly acts", "above 0.23"),
    ({"flooding": {"level": 0.3}, "mixup": {"alpha": 1.0}}, {}, "warning", "hardly", "above 0.50"),
    ({"flooding": {}, "focal_loss": {}}, {}, "hint", "under Focal loss",
     "0.17 where cross-entropy is 0.69"),
    ({"mixup": {}, "label_smoothing": {}}, {}, "hint", "Mixup and Label smoothing", "soften"),
    ({"batch_norm": {}}, {"batch_size": 1}, "error", "Batch norm needs", "group norm"),
    ({"batch_norm": {}}, {"batch_size": 2}, "warning", "at batch size 2", "34.7 % at 2"),
    ({"batch_norm": {}}, {"batch_size": 4}, "warning", "at batch size 4", "group norm"),
    ({"batch_norm": {}, "dropout": {}}, net("mlp", 2), "warning",
     "Dropout comes before batch norm", "1801.05134"),
    ({"batch_norm": {}, "init_xavier": {}}, {}, "hint", "hides the initialization", "Xavier"),
    ({"group_norm": {}, "init_torch_default": {}}, {}, "hint", "hides the init", "PyTorch"),
    ({"soft_threshold": {"tau": 0.5}}, {}, "warning", "switch the network off", "0.5"),
    ({"skip_connection": {}}, net("mlp", 1), "hint", "nothing to skip", "depth of 2 or more"),
    ({"skip_connection": {}}, net("cnn", 2), "hint", "nothing to skip", "depth of 3 or more"),
    ({"skip_connection": {"scale": 1.0}}, net("mlp", 10), "warning", "may blow this network up",
     "10 layers at a scale of 1"),
    ({"ema": {}, "cyclic_cosine": {}}, {}, "hint", "EMA blurs the restarts", "50 steps back"),
    ({"warmup": {}, "one_cycle": {}}, {}, "hint", "warm-up of its own", "1/25"),
    ({"warmup": {}}, {"epochs": None, "steps": 100}, "warning", "a run of 100 steps", "10 of them"),
    ({"group_norm": {}}, net("mlp", 3, 12), "hint", "4 groups instead of 8", "12 features"),
    ({"group_norm": {}}, net("mlp", 3, 8), "hint", "4 groups instead of 8", "more than one value"),
    ({"adamw": {}}, {}, "hint", "AdamW trains at its own rate, 0.001", "take 0.1"),
    ({"nesterov": {}}, {}, "hint", "Nesterov trains at its own rate, 0.01", "take 0.1"),
    ({"sam": {}}, {}, "hint", "SAM takes about twice the time", "two passes"),
    ({"class_balance": {}}, {}, "hint", "nothing to balance", "imbalance"),
    ({"relu": {}}, {}, "hint", "ReLU is in the baseline already", "without it"),
    ({"init_kaiming": {}}, {}, "hint", "Kaiming is in the baseline already", "without it"),
]  # fmt: skip

QUIET: list[tuple[dict[str, dict[str, Any]], dict[str, Any]]] = [
    ({}, {}),
    ({"focal_loss": {"gamma": 0.0}, "label_smoothing": {}}, {"label_noise": 0.2}),
    ({"focal_loss": {"gamma": 0.0}, "mixup": {}, "flooding": {"level": 0.3}}, {}),
    ({"focal_loss": {}, "label_smoothing": {"epsilon": 0.0}}, {}),
    ({"focal_loss": {}, "mixup": {"alpha": 0.0}}, {}),
    ({"focal_loss": {}, "flooding": {"level": 0.0}}, {}),
    ({"focal_loss": {}, "dropout": {}}, {"imbalance": 20}),
    ({"flooding": {"level": 0.51}, "label_smoothing": {}}, {"label_noise": 0.2}),
    ({"flooding": {"level": 0.0}, "label_smoothing": {}}, {"label_noise": 0.2}),
    ({"flooding": {"level": 0.24}, "mixup": {}}, {}),
    ({"flooding": {"level": 0.51}, "mixup": {"alpha": 1.0}}, {}),
    ({"mixup": {"alpha": 0.0}, "label_smoothing": {}}, {"label_noise": 0.2}),
    ({"batch_norm": {}}, {"batch_size": 5}),
    ({"batch_norm": {}, "dropout": {}}, net("cnn", 3)),
    ({"batch_norm": {}, "dropout": {}}, net("mlp", 1)),
    ({"batch_norm": {}, "dropout": {"p": 0.0}}, {}),
    ({"group_norm": {}, "ema": {}, "class_balance": {}}, {"imbalance": 5}),
    ({"init_xavier": {}, "mish": {}}, {}),
    ({"soft_threshold": {}}, {}),
    ({"soft_threshold": {"tau": 0.5}, "batch_norm": {}}, {}),
    ({"soft_threshold": {"tau": 0.5}, "group_norm": {}}, {}),
    ({"skip_connection": {}}, net("mlp", 2)),
    ({"skip_connection": {}}, net("resnet", 1)),
    ({"skip_connection": {}}, net("mlp", 30)),
    ({"skip_connection": {"scale": 1.0}}, net("mlp", 4)),
    ({"skip_connection": {"scale": 1.0}, "batch_norm": {}}, net("mlp", 30)),
    ({"ema": {}, "one_cycle": {}}, {}),
    ({"ema": {"decay": 0.0}, "cyclic_cosine": {}}, {}),
    ({"warmup": {}, "cyclic_cosine": {}}, {}),
    ({"warmup": {}}, {"epochs": None, "steps": 101}),
    ({"warmup": {}}, {"epochs": None, "seconds": 2.0}),
    ({"warmup": {"fraction": 0.0}, "one_cycle": {}}, {"epochs": None, "steps": 50}),
    ({"group_norm": {}}, net("resnet", 2, 8)),
    ({"group_norm": {}}, {"batch_size": 1}),
    ({"adamw": {"lr": 0.1}}, {}),
    ({"nesterov": {"lr": 0.1}}, {}),
    ({"nesterov": {"momentum": 0.0}}, {}),
    ({"sam": {}}, {"epochs": None, "seconds": 5.0}),
    ({"class_balance": {}}, {"imbalance": 10}),
    (
        {"label_smoothing": {}, "dropout": {}, "grad_clip": {}, "one_cycle": {}, "silu": {}},
        {"label_noise": 0.2},
    ),
]


@pytest.mark.parametrize(("tricks", "setup", "kind", "title", "reason"), FIRES)
def test_rule_is_told(
    tricks: dict[str, dict[str, Any]], setup: dict[str, Any], kind: str, title: str, reason: str
) -> None:
    found = [one for one in said(tricks, **setup) if title in one.title]
    assert len(found) == 1, said(tricks, **setup)
    assert found[0].kind == kind
    assert reason in found[0].reason
    assert set(found[0].tricks) <= set(tricks)


@pytest.mark.parametrize(("tricks", "setup"), QUIET)
def test_nothing_is_said_without_need(
    tricks: dict[str, dict[str, Any]], setup: dict[str, Any]
) -> None:
    assert said(tricks, **setup) == []


def test_the_order_of_ticking_does_not_matter() -> None:
    for tricks, setup, *_ in FIRES:
        one = said(tricks, **setup)
        other = said(dict(reversed(tricks.items())), **setup)
        assert {notice.title for notice in one} == {notice.title for notice in other}


def test_a_slot_has_one_owner() -> None:
    """Every pair that shares a slot is refused for it, with both names; no other pair is."""
    for name, one in catalog().items():
        for other, two in catalog().items():
            if name >= other:
                continue
            errors = slots([one(), two()])
            if one.slot is None or one.slot is not two.slot:
                assert not errors
                continue
            (error,) = errors
            assert error.kind == "error" and set(error.tricks) == {name, other}
            assert one.card.title in error.title and two.card.title in error.title
            assert error.title.endswith("exclude each other")
            assert error.reason.startswith(WHAT_A_SLOT_DOES[one.slot])


def test_every_slot_is_explained() -> None:
    assert set(WHAT_A_SLOT_DOES) == {str(slot) for slot in Slot}


def test_errors_come_first() -> None:
    kinds = [
        one.kind
        for one in said(
            {"relu": {}, "mish": {}, "flooding": {}, "label_smoothing": {}, "sam": {}},
            label_noise=0.2,
        )
    ]
    assert kinds == ["error", "warning", "hint", "hint"]


def test_conflicts_are_the_errors_of_an_arm() -> None:
    arm = Arm.model_validate(
        {"name": "both", "tricks": [{"id": "relu"}, {"id": "mish"}, {"id": "sam"}]}
    )
    (only,) = conflicts(Setup.model_validate(LONG), arm)
    assert only.title == "Mish and ReLU exclude each other"


def test_an_experiment_with_a_conflict_is_refused_with_its_arm() -> None:
    arms = [
        {"name": "baseline", "tricks": []},
        {"name": "both", "tricks": [{"id": "cyclic_cosine"}, {"id": "one_cycle"}]},
    ]
    with pytest.raises(ExperimentError, match="Cyclic cosine and One cycle exclude") as caught:
        parse({"name": "x", "setup": LONG, "arms": arms, "seeds": [0]})
    (problem,) = caught.value.problems
    assert problem.place == "arms[1]"
    assert "learning rate of every step" in problem.rule


def test_share_of_smoothed_classes_is_computed() -> None:
    """At ε 0.1 and 10 classes a right answer is p = 0.91, the others 0.01 each."""
    (told, *_) = said({"focal_loss": {}, "label_smoothing": {}})
    right = 0.91 * 0.09**2 * -math.log(0.91)
    wrong = 9 * 0.01 * 0.99**2 * -math.log(0.01)
    assert f"they are {100 * wrong / (right + wrong):.1f} % of the loss" in told.reason
