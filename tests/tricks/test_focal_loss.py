"""Focal loss against cross-entropy, the sigmoid form of torchvision, and the paper's numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from tricks.augmentation.mixup import Mixup
from tricks.base import Facts
from tricks.loss.focal_loss import FocalLoss, focal_loss, mixed

DRAW = torch.Generator().manual_seed(0)
LOGITS = 3 * torch.randn(40, 10, generator=DRAW, dtype=torch.float64)
Y = torch.randint(0, 10, (40,), generator=DRAW)
HARD = one_hot(Y, 10).double()


def of_probability(p: float, gamma: float) -> float:
    logits = torch.tensor([[math.log(p / (1 - p)), 0.0]], dtype=torch.float64)
    return focal_loss(logits, torch.tensor([[1.0, 0.0]], dtype=torch.float64), gamma).item()


def test_gamma_0_is_cross_entropy() -> None:
    expected = cross_entropy(LOGITS, Y, reduction="none")
    torch.testing.assert_close(focal_loss(LOGITS, HARD, 0.0), expected)


def test_hard_labels_give_the_threads_snippet() -> None:
    p = LOGITS.softmax(-1)[torch.arange(40), Y]
    torch.testing.assert_close(focal_loss(LOGITS, HARD, 2.0), -((1 - p) ** 2) * p.log())


def test_two_classes_are_torchvisions_sigmoid_form() -> None:
    from torchvision.ops import sigmoid_focal_loss

    z = torch.linspace(-6, 6, 25, dtype=torch.float64)
    two = torch.stack([torch.zeros_like(z), z], dim=-1)
    positive = torch.tensor([0.0, 1.0], dtype=torch.float64).expand(25, 2)
    for gamma in (0.5, 1.0, 2.0, 5.0):
        expected = sigmoid_focal_loss(z, torch.ones_like(z), alpha=-1, gamma=gamma)
        torch.testing.assert_close(focal_loss(two, positive, gamma), expected)


def test_numbers_of_the_paper() -> None:
    """Section 3.2: with gamma 2, p = 0.9 counts 100 times less, p = 0.968 about 1000 times."""
    assert of_probability(0.9, 0) / of_probability(0.9, 2) == pytest.approx(100)
    assert of_probability(0.968, 0) / of_probability(0.968, 2) == pytest.approx(1000, rel=0.03)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.5, 1.0, 2.0])
def test_certain_answers_have_finite_gradients(gamma: float) -> None:
    logits = torch.tensor([[200.0, 0.0, -200.0], [0.0, 200.0, 0.0]], requires_grad=True)
    loss = focal_loss(logits, one_hot(torch.tensor([0, 0]), 3).float(), gamma)
    loss.sum().backward()
    assert torch.isfinite(loss).all() and torch.isfinite(logits.grad).all()


def test_gradient_is_the_numeric_one() -> None:
    soft = torch.softmax(torch.randn(4, 5, generator=DRAW, dtype=torch.float64), -1)
    logits = torch.randn(4, 5, generator=DRAW, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: focal_loss(z, soft, 1.5), (logits,))


def test_the_warnings_answer_for_mixed_labels_is_where_the_slope_is_0() -> None:
    facts = Facts(
        dataset="digits", classes=10, image=(1, 8, 8), symmetries=("shift",), train_size=100,
        pool=1247, preprocessing="standardize", device="cpu", label_noise=0.0,
        imbalance=1.0, network="mlp", depth=1, width=12, batch_size=8, lr=0.1, steps=10,
    )  # fmt: skip
    best = mixed(FocalLoss(), Mixup(), facts)["best"]
    z = torch.tensor(math.log(best / (1 - best)), dtype=torch.float64, requires_grad=True)
    logits = torch.stack([z, torch.zeros_like(z)])
    focal_loss(logits, torch.tensor([0.7, 0.3], dtype=torch.float64), 2.0).backward()
    assert z.grad.abs() < 1e-3
