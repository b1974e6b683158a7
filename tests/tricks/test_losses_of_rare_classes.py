"""Class weights and logit adjustment against torch's loss and closed forms."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.base import Split, Trick
from tricks.data.class_balance import ClassBalance
from tricks.loss.class_weighted_ce import ClassWeightedCE, class_weights, weighted_cross_entropy
from tricks.loss.focal_loss import FocalLoss
from tricks.loss.logit_adjustment import LogitAdjustment, adjusted_cross_entropy, log_priors

COUNTS = torch.tensor([70, 20, 10])


def logits_and_labels() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(32, 3, generator=draw), torch.randint(3, (32,), generator=draw)


def begun(trick: Trick) -> Trick:
    """The trick at its first step, in a training set of those counts."""
    y = torch.repeat_interleave(torch.arange(3), COUNTS)
    trick.tools = tools()
    trick.tools.split = Split(x=torch.zeros(len(y), 1, 8, 8), y=y, classes=3)
    trick.begin(torch.Generator())
    return trick


def test_inverse_frequency_is_n_over_k_n_c() -> None:
    torch.testing.assert_close(class_weights(COUNTS, 1.0), 100 / (3 * COUNTS))


def test_effective_number_weights_are_those_of_the_paper() -> None:
    beta = 0.99
    paper = (1 - beta) / (1 - beta**COUNTS)
    ours = class_weights(COUNTS, beta)
    torch.testing.assert_close(ours / ours[0], paper / paper[0])


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999, 1.0])
def test_the_mean_weight_of_an_example_is_1(beta: float) -> None:
    weights = class_weights(COUNTS, beta)
    assert (weights * COUNTS).sum().item() / 100 == pytest.approx(1.0)
    assert (weights.diff() >= 0).all(), "rarer classes weigh more"


def test_beta_goes_over_into_inverse_frequency() -> None:
    torch.testing.assert_close(
        class_weights(COUNTS, 1 - 1e-7), class_weights(COUNTS, 1.0), rtol=1e-4, atol=0
    )


def test_a_class_without_examples_has_a_finite_weight() -> None:
    assert class_weights(torch.tensor([5, 0, 5]), 1.0).isfinite().all()
    assert log_priors(torch.tensor([5, 0, 5])).isfinite().all()


def test_weighted_loss_is_torchs() -> None:
    logits, labels = logits_and_labels()
    weights = class_weights(COUNTS, 1.0)
    ours = weighted_cross_entropy(logits, one_hot(labels, 3).float(), weights)
    torch.testing.assert_close(ours, cross_entropy(logits, labels, weights, reduction="none"))
    torch.testing.assert_close(
        begun(ClassWeightedCE(beta=1.0)).loss(logits, one_hot(labels, 3).float()), ours
    )


def test_adjusted_loss_is_cross_entropy_of_shifted_logits() -> None:
    logits, labels = logits_and_labels()
    shift = 1.5 * (COUNTS / 100).log()
    ours = begun(LogitAdjustment(tau=1.5)).loss(logits, one_hot(labels, 3).float())
    torch.testing.assert_close(ours, cross_entropy(logits + shift, labels, reduction="none"))
    direct = adjusted_cross_entropy(logits, one_hot(labels, 3).float(), shift)
    torch.testing.assert_close(ours, direct)


def test_equal_logits_are_right_for_the_priors() -> None:
    """A network that knows nothing has no gradient: in training it answers with the priors."""
    logits = torch.zeros(100, 3, requires_grad=True)
    y = one_hot(torch.repeat_interleave(torch.arange(3), COUNTS), 3).float()
    begun(LogitAdjustment()).loss(logits, y).sum().backward()
    torch.testing.assert_close(logits.grad.sum(0), torch.zeros(3), atol=1e-4, rtol=0)


def test_soft_labels_are_counted_by_their_shares() -> None:
    trick = ClassWeightedCE(beta=1.0)
    trick.tools = tools()
    soft = torch.tensor([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
    trick.tools.split = Split(x=torch.zeros(4, 1, 8, 8), y=soft, classes=2)
    trick.begin(torch.Generator())
    torch.testing.assert_close(trick.weights, torch.tensor([4 / (2 * 3), 4 / (2 * 1)]))


@pytest.mark.parametrize(
    ("tricks", "imbalance", "found"),
    [
        ([ClassWeightedCE()], 50, []),
        ([ClassWeightedCE()], 1, ["hint"]),
        ([ClassWeightedCE(beta=0)], 1, []),
        ([ClassWeightedCE(), ClassBalance()], 50, ["warning"]),
        ([ClassWeightedCE(beta=0), ClassBalance()], 50, []),
        ([LogitAdjustment()], 50, []),
        ([LogitAdjustment()], 1, ["hint"]),
        ([LogitAdjustment(), ClassBalance()], 50, ["warning"]),
        ([LogitAdjustment(tau=0), ClassBalance()], 50, []),
        ([LogitAdjustment(), ClassWeightedCE()], 50, ["error"]),
        ([FocalLoss(), ClassWeightedCE()], 50, ["error"]),
    ],
)
def test_one_correction_is_enough(tricks: list[Trick], imbalance: int, found: list[str]) -> None:
    setup = Setup.model_validate({"steps": 10, "imbalance": imbalance})
    assert [one.kind for one in notices(setup, tricks)] == found
