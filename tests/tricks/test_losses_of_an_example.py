"""PolyLoss, confidence penalty and hard example mining against closed forms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from trainer.checks import notices
from trainer.experiment import Setup
from tricks.loss.flooding import Flooding
from tricks.loss.label_smoothing import LabelSmoothing
from tricks.loss.ohem import OHEM, hardest
from tricks.loss.poly_loss import poly_loss
from tricks.regularization.confidence_penalty import ConfidencePenalty, confidence_penalty

if TYPE_CHECKING:
    from tricks.base import Trick


def examples() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, class indices and the same as probabilities."""
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(32, 10, generator=draw, dtype=torch.float64)
    labels = torch.randint(10, (32,), generator=draw)
    return logits, labels, one_hot(labels, 10).double()


@pytest.mark.parametrize("epsilon", [-1.0, 0.0, 2.0])
def test_poly_loss_is_the_papers_code(epsilon: float) -> None:
    logits, labels, y = examples()
    p = torch.sum(y * logits.softmax(-1), dim=-1)
    paper = cross_entropy(logits, labels, reduction="none") + epsilon * (1 - p)
    torch.testing.assert_close(poly_loss(logits, y, epsilon), paper)


def test_poly_loss_without_its_first_term_is_the_rest_of_the_series() -> None:
    """Cross-entropy is the sum of (1 - p)^j / j, so ε = -1 leaves the terms from j = 2 on."""
    logits, _, y = examples()
    rest = 1 - (y * logits.softmax(-1)).sum(-1)
    series = sum(rest**j / j for j in range(2, 3000))
    torch.testing.assert_close(poly_loss(logits, y, -1.0), series, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.1, 1.0])
def test_confidence_penalty_takes_off_the_entropy(beta: float) -> None:
    logits, labels, y = examples()
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    expected = cross_entropy(logits, labels, reduction="none") - beta * entropy
    torch.testing.assert_close(confidence_penalty(logits, y, beta), expected)


def test_the_confidence_penaltys_best_answer_is_short_of_certainty() -> None:
    """With β = 1 the slope at p is ln p - ln((1 - p) / (K - 1)) - 1 / p: never 0 at certainty."""
    trick = ConfidencePenalty(beta=1.0)
    best = min((p / 1000 for p in range(1, 1000)), key=trick.loss_at)
    slope = math.log(best / (1 - best) * 9) - 1 / best
    assert 0.1 < best < 0.999 and slope == pytest.approx(0.0, abs=0.05)


def test_a_sure_answer_has_a_finite_penalty() -> None:
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    confidence_penalty(logits, torch.tensor([[1.0, 0.0]]), 0.5).sum().backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(("share", "kept"), [(0.05, 1), (0.25, 2), (0.3, 3), (0.7, 6), (1.0, 8)])
def test_the_mean_is_that_of_the_hardest(share: float, kept: int) -> None:
    losses = torch.tensor([0.5, 3.0, 0.1, 2.0, 0.7, 0.2, 1.5, 0.9])
    ours = hardest(losses, share)
    expected = losses.sort(descending=True).values[:kept].mean()
    assert ours.mean().item() == pytest.approx(expected.item())
    assert int((ours > 0).sum()) == kept


def test_only_the_hardest_have_gradients() -> None:
    losses = torch.tensor([0.5, 3.0, 0.1, 2.0], requires_grad=True)
    hardest(losses, 0.5).mean().backward()
    torch.testing.assert_close(losses.grad, torch.tensor([0.0, 0.5, 0.0, 0.5]))


def test_equal_losses_are_not_all_kept() -> None:
    assert int((hardest(torch.ones(10), 0.3) > 0).sum()) == 3


@pytest.mark.parametrize(
    ("tricks", "noise", "found"),
    [
        ([OHEM()], 0.2, ["warning"]),
        ([OHEM()], 0.0, []),
        ([OHEM(ratio=1)], 0.2, []),
        ([LabelSmoothing()], 0.0, ["hint"]),
        ([LabelSmoothing()], 0.2, []),
        ([LabelSmoothing(epsilon=0)], 0.0, []),
        ([ConfidencePenalty(), LabelSmoothing()], 0.2, ["hint"]),
        ([ConfidencePenalty(beta=0), LabelSmoothing()], 0.2, []),
        ([ConfidencePenalty(), Flooding()], 0.2, ["hint"]),
        ([ConfidencePenalty(), Flooding(level=0)], 0.2, []),
    ],
)
def test_what_is_said_before_launch(tricks: list[Trick], noise: float, found: list[str]) -> None:
    setup = Setup.model_validate({"steps": 10, "label_noise": noise})
    assert [one.kind for one in notices(setup, tricks)] == found
