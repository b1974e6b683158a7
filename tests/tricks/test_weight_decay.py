"""L2, L1, decoupled decay and max-norm: against torch's optimizers and by hand."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.loss.flooding import Flooding
from tricks.normalization.batch_norm import BatchNorm
from tricks.optimizer.adamw import AdamW
from tricks.optimizer.grad_accum import GradAccum
from tricks.regularization.decoupled_weight_decay import DecoupledWeightDecay
from tricks.regularization.l1 import L1, size
from tricks.regularization.max_norm import MaxNorm, shortened
from tricks.regularization.no_bias_decay import NoBiasDecay
from tricks.regularization.weight_decay_l2 import WeightDecayL2

if TYPE_CHECKING:
    from tricks.base import Trick


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3))


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.randn(8, 5, generator=draw), torch.randint(3, (8,), generator=draw)


def descend(net: nn.Module, optimizer: torch.optim.Optimizer, trick: Trick | None = None) -> None:
    """Three steps, with a trick's hooks or without."""
    x, y = batch()
    x = x[:, : next(net.parameters()).shape[1]]
    for step in (1, 2, 3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        if trick is not None:
            trick.gradients(net)
        optimizer.step()
        if trick is not None:
            trick.after_step(net, step)


def lent(trick: Trick, optimizer: torch.optim.Optimizer) -> Trick:
    trick.tools = tools()
    trick.tools.optimizer = optimizer
    return trick


def kinds(*tricks: Trick) -> list[str]:
    return [one.kind for one in notices(Setup.model_validate({"steps": 10}), tricks)]


@pytest.mark.parametrize("decay", [0.0, 0.01, 0.1])
def test_l2_is_sgds_own_weight_decay(decay: float) -> None:
    ours, torchs = network(), network()
    descend(ours, torch.optim.SGD(ours.parameters(), lr=0.3), WeightDecayL2(weight_decay=decay))
    descend(torchs, torch.optim.SGD(torchs.parameters(), lr=0.3, weight_decay=decay))
    for one, other in zip(ours.parameters(), torchs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_l2_is_the_gradient_of_the_penalty() -> None:
    net, decay = network(), 0.05
    x, y = batch()
    penalty = decay / 2 * sum(one.square().sum() for one in net.parameters())
    (nn.functional.cross_entropy(net(x), y) + penalty).backward()
    wanted = [one.grad.clone() for one in net.parameters()]
    net.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    WeightDecayL2(weight_decay=decay).gradients(net)
    for one, other in zip(net.parameters(), wanted, strict=True):
        torch.testing.assert_close(one.grad, other)


def test_l2_leaves_frozen_weights_alone() -> None:
    net = network()
    for one in net.parameters():
        one.grad = torch.zeros_like(one)
        one.requires_grad_(False)
    WeightDecayL2(weight_decay=0.1).gradients(net)
    assert all(not one.grad.any() for one in net.parameters())


def test_decoupled_decay_of_sgd_differs_from_l2_by_the_step_only() -> None:
    """(θ - ηg)(1 - ηλ) is torch's θ - η(g + λθ) plus η²λg."""
    ours, torchs, lr, decay = network(), network(), 0.3, 0.1
    x, y = batch()
    nn.functional.cross_entropy(ours(x), y).backward()
    gradients = [one.grad.clone() for one in ours.parameters()]
    optimizer = torch.optim.SGD(ours.parameters(), lr=lr)
    optimizer.step()
    lent(DecoupledWeightDecay(weight_decay=decay), optimizer).after_step(ours, 1)
    optimizer = torch.optim.SGD(torchs.parameters(), lr=lr, weight_decay=decay)
    nn.functional.cross_entropy(torchs(x), y).backward()
    optimizer.step()
    for one, other, g in zip(ours.parameters(), torchs.parameters(), gradients, strict=True):
        torch.testing.assert_close(one, other + lr**2 * decay * g)


def test_decoupled_decay_of_adam_is_nearly_adamw() -> None:
    # Without the norm: a bias in front of it has no gradient, and Adam makes steps of rounding.
    ours, torchs, lr, decay = (*(network()[2:] for _ in "12"), 1e-3, 0.1)
    optimizer = torch.optim.Adam(ours.parameters(), lr=lr)
    descend(ours, optimizer, lent(DecoupledWeightDecay(weight_decay=decay), optimizer))
    descend(torchs, torch.optim.AdamW(torchs.parameters(), lr=lr, weight_decay=decay))
    for one, other in zip(ours.parameters(), torchs.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=3 * 2 * lr**2 * decay, rtol=0)


def test_the_rate_of_the_step_counts() -> None:
    net = network()
    before = deepcopy(net.state_dict())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    trick = lent(DecoupledWeightDecay(weight_decay=0.1), optimizer)
    optimizer.param_groups[0]["lr"] = 0.05
    trick.after_step(net, 1)
    for name, one in net.named_parameters():
        torch.testing.assert_close(one.data, before[name] * (1 - 0.05 * 0.1))


def test_no_bias_decay_is_decoupled_decay_of_the_weights_alone() -> None:
    ours, all_ = network(), network()
    for net, kind in ((ours, NoBiasDecay), (all_, DecoupledWeightDecay)):
        with torch.no_grad():
            net[0].bias.fill_(1.0)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
        lent(kind(weight_decay=0.1), optimizer).after_step(net, 1)
    assert torch.equal(ours[0].weight, all_[0].weight) and torch.equal(
        ours[3].weight, all_[3].weight
    )
    assert ours[0].bias[0] == 1.0 and all_[0].bias[0] < 1.0
    assert torch.equal(ours[1].weight, torch.ones(4))


def test_l1_is_the_sum_of_absolute_weights_without_biases() -> None:
    net = network()
    by_hand = sum(
        abs(w) for layer in (net[0], net[3]) for row in layer.weight.tolist() for w in row
    )
    assert size(net).item() == pytest.approx(by_hand, rel=1e-5)
    L1(l1=0.01).penalty(net).backward()
    torch.testing.assert_close(net[0].weight.grad, 0.01 * net[0].weight.detach().sign())
    assert net[0].bias.grad is None


@pytest.mark.parametrize("shape", [(6, 9), (6, 4, 3, 3)])
def test_max_norm_shortens_what_is_too_long(shape: tuple[int, ...]) -> None:
    weight = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    weight[0] *= 0.01
    rows, after = weight.flatten(1), shortened(weight, 2.0).flatten(1)
    factor = (2.0 / rows.norm(dim=1, keepdim=True)).clamp(max=1)
    torch.testing.assert_close(after, rows * factor)
    assert torch.equal(after[0], rows[0])


def test_max_norm_counts_the_steps_at_which_it_acted() -> None:
    net, trick = nn.Linear(3, 2), MaxNorm(max_norm=1.0)
    for step, length in enumerate((0.5, 4.0, 0.9), 1):
        nn.init.zeros_(net.weight)
        with torch.no_grad():
            net.weight[1, 2] = length
        trick.after_step(net, step)
        assert net.weight[1, 2].item() == pytest.approx(min(length, 1.0))
    assert trick.acted() == (1, 3, "steps with weights longer than 1")


@pytest.mark.parametrize(
    ("tricks", "found"),
    [
        ([WeightDecayL2()], []),
        ([WeightDecayL2(), BatchNorm()], ["hint"]),
        ([WeightDecayL2(weight_decay=0), BatchNorm()], []),
        ([DecoupledWeightDecay()], []),
        ([DecoupledWeightDecay(), BatchNorm()], ["hint"]),
        ([DecoupledWeightDecay(), WeightDecayL2()], ["warning"]),
        ([DecoupledWeightDecay(weight_decay=0), WeightDecayL2()], []),
        ([DecoupledWeightDecay(), NoBiasDecay()], ["warning"]),
        ([DecoupledWeightDecay(), AdamW(lr=0.1)], ["warning"]),
        ([DecoupledWeightDecay(), AdamW(lr=0.1, weight_decay=0)], []),
        ([DecoupledWeightDecay(), GradAccum()], ["hint"]),
        ([DecoupledWeightDecay(), GradAccum(k=1)], []),
        ([NoBiasDecay(), WeightDecayL2()], ["warning"]),
        ([NoBiasDecay(), AdamW(lr=0.1)], ["warning"]),
        ([NoBiasDecay(), BatchNorm()], []),
        ([L1(), Flooding()], ["hint"]),
        ([L1(), Flooding(level=0)], []),
    ],
)
def test_what_is_said_before_launch(tricks: list[Trick], found: list[str]) -> None:
    assert kinds(*tricks) == found
