"""Distillation, self-distillation and the mean teacher, against torch's KL divergence and EMA."""

from __future__ import annotations

from math import exp
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div, one_hot

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.augmentation.mixup import Mixup
from tricks.base import Pool, Trick
from tricks.loss.focal_loss import FocalLoss
from tricks.loss.label_smoothing import LabelSmoothing
from tricks.procedure.distillation import Distillation, distillation
from tricks.procedure.mean_teacher import MeanTeacher, disagreement, ramped
from tricks.procedure.self_distillation import SelfDistillation, between
from tricks.regularization.ema import EMA

DRAW = torch.Generator().manual_seed(0)
STUDENT, TEACHER = torch.randn(2, 12, 10, generator=DRAW)
Y = one_hot(torch.arange(12) % 10, 10).float()


def dice() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def titles(setup: dict[str, Any], *tricks: Trick) -> list[str]:
    found = notices(Setup.model_validate({"epochs": 1, **setup}), tricks)
    return [f"{one.kind}: {one.title}" for one in found]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_soft_part_is_torchs_divergence(temperature: float) -> None:
    parts = [(one / temperature).log_softmax(-1) for one in (STUDENT, TEACHER)]
    soft = kl_div(*parts, log_target=True, reduction="batchmean") * temperature**2
    for alpha in (0.0, 0.3, 1.0):
        ours = distillation(STUDENT, Y, TEACHER, temperature, alpha).mean()
        torch.testing.assert_close(ours, (1 - alpha) * cross_entropy(STUDENT, Y) + alpha * soft)


def test_a_hot_teacher_asks_for_its_logits() -> None:
    """As T grows the gradient becomes that of matching centered logits; Hinton et al., eq. 4."""
    student = STUDENT.double().requires_grad_()
    distillation(student, Y.double(), TEACHER.double(), 1000.0, 1.0).sum().backward()
    centered = [one - one.mean(-1, keepdim=True) for one in (STUDENT.double(), TEACHER.double())]
    assert student.grad is not None
    torch.testing.assert_close(student.grad, (centered[0] - centered[1]) / 10, rtol=0.01, atol=1e-3)


def test_the_teacher_answers_for_the_very_images_of_the_batch() -> None:
    trick = Distillation()
    trick.tools = tools()
    trick.begin(dice())
    assert trick.teacher is not None
    x = torch.rand(12, 1, 8, 8, generator=DRAW)
    trick.batch(x, Y, dice())
    expected = distillation(STUDENT, Y, trick.teacher(x), 4.0, 0.9)
    torch.testing.assert_close(trick.loss(STUDENT, Y), expected)


def test_a_mixed_label_has_the_gradient_of_both_losses() -> None:
    student = STUDENT.clone().requires_grad_()
    cross_entropy(student, between(Y, TEACHER, 0.3)).backward()
    mine, student.grad = student.grad, None
    (0.7 * cross_entropy(student, Y) + 0.3 * cross_entropy(student, TEACHER.softmax(-1))).backward()
    torch.testing.assert_close(mine, student.grad)


def test_each_generation_learns_from_the_one_before() -> None:
    trick, taught = SelfDistillation(alpha=0.5, generations=3), []
    trick.tools = tools()
    plain = trick.tools.fit

    def fit(x: torch.Tensor, y: torch.Tensor, rng: torch.Generator, **kw: Any) -> Any:
        taught.append(y)
        return plain(x, y, rng, **kw)

    trick.tools.fit = fit  # type: ignore[assignment]
    trick.begin(dice())
    hard = one_hot(trick.tools.split.y, 10).float()
    assert torch.equal(taught[0], hard)
    for y in taught[1:]:
        assert (y.gather(1, trick.tools.split.y[:, None]) > 0.5).all()
        torch.testing.assert_close(y.sum(-1), torch.ones(30))
        assert not torch.equal(y, hard)
    assert not torch.equal(taught[1], taught[2])


def test_disagreement_is_torchs_squared_error_of_probabilities() -> None:
    reference = torch.nn.functional.mse_loss(
        STUDENT.softmax(-1), TEACHER.softmax(-1), reduction="none"
    )
    torch.testing.assert_close(disagreement(STUDENT, TEACHER), reference.sum(-1).mean())
    assert disagreement(STUDENT, STUDENT) == 0


def test_the_weight_grows_as_in_the_paper() -> None:
    assert ramped(0.0, 0.4) == pytest.approx(exp(-5))
    assert ramped(0.2, 0.4) == pytest.approx(exp(-1.25))
    assert ramped(0.4, 0.4) == ramped(1.0, 0.4) == ramped(0.0, 0.0) == 1


def test_the_teacher_is_the_average_and_is_tested() -> None:
    trick = MeanTeacher(decay=0.5, noise=0.0, ratio=2.0, weight=3.0, ramp=0.0)
    trick.tools = tools()
    network, x = trick.tools.network, trick.tools.split.x[:6]
    pool = torch.rand(40, 1, 8, 8, generator=DRAW)
    trick.tools.pool = Pool(size=40, images=lambda which: pool[which], labels=lambda which: which)
    trick.begin(dice())
    trick.batch(x, Y[:6], dice())
    assert trick.pairs is not None and len(trick.pairs[0]) == 18
    assert trick.penalty(network).item() == pytest.approx(0, abs=1e-9)
    weights = next(network.parameters())
    before = weights.detach().clone()
    with torch.no_grad():
        weights.add_(1.0)
    trick.after_step(network, 1)
    assert trick.predictor(network, network) is trick.teacher
    assert trick.teacher is not None
    torch.testing.assert_close(next(trick.teacher.parameters()).detach(), before + 0.5)
    expected = 3 * disagreement(network(trick.pairs[0]), trick.teacher(trick.pairs[1]))
    torch.testing.assert_close(trick.penalty(network), expected)


def test_rules() -> None:
    small = {"train_size": 150, "network": {"kind": "mlp", "depth": 3, "width": 12}}
    assert titles(small, Distillation()) == []
    assert titles(small, Distillation(widening=1)) == [
        "hint: The teacher is no larger than the student"
    ]
    assert titles(small, Distillation(), Mixup())[0].startswith("hint: Distillation and Mixup")
    assert titles(small, Distillation(alpha=0), Mixup()) == []
    smoothing = titles(small, Distillation(), LabelSmoothing())
    assert "hint: Distillation leaves Label smoothing little to do" in smoothing
    assert not any(
        "Distillation" in one for one in titles(small, Distillation(alpha=0), LabelSmoothing())
    )
    assert titles(small, Distillation(), FocalLoss())[0].startswith("error")
    assert titles(small, SelfDistillation(), LabelSmoothing())[0].startswith("hint")
    assert titles(small, SelfDistillation(), FocalLoss()) == []
    assert titles(small, MeanTeacher(), EMA())[0].startswith("warning")
    assert titles(small, MeanTeacher(weight=0), EMA()) == []
    assert titles({}, MeanTeacher()) == ["hint: Mean teacher finds no unlabeled images"]
    assert titles(small, MeanTeacher()) == []
