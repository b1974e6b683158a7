"""EMA: the closed form of the average, buffers included, and who answers in testing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.lawbench import tools
from tricks.regularization.ema import EMA


def lent(trick: EMA, network: nn.Module) -> nn.Module:
    """The network, which the trick has among its tools."""
    trick.tools = tools()
    trick.tools.network = network
    return network


def walk(trick: EMA, weights: list[float]) -> nn.Module:
    network = lent(trick, nn.Linear(1, 1, bias=False))
    for step, weight in enumerate(weights, 1):
        nn.init.constant_(network.weight, weight)
        trick.after_step(network, step)
    return network


def answer(trick: EMA, network: nn.Module) -> float:
    return trick.predictor(network, network)(torch.ones(1, 1)).item()


def test_closed_form() -> None:
    """The average starts at the first weights and keeps d of itself at every step."""
    weights, decay = [1.0, 3.0, -2.0, 0.5], 0.9
    trick = EMA(decay=decay)
    average = weights[0]
    for weight in weights[1:]:
        average = decay * average + (1 - decay) * weight
    assert answer(trick, walk(trick, weights)) == pytest.approx(average)


def test_constant_steps_leave_a_lag_of_1_over_1_minus_d() -> None:
    """Weights that move by 1 a step are d / (1 - d) steps ahead of their average."""
    trick = EMA(decay=0.9)
    last = 400.0
    network = walk(trick, [float(i) for i in range(401)])
    assert last - answer(trick, network) == pytest.approx(9.0, abs=1e-2)


def test_decay_0_answers_with_the_last_weights() -> None:
    trick = EMA(decay=0.0)
    assert answer(trick, walk(trick, [1.0, 5.0])) == 5.0


def test_before_the_first_step_the_network_itself_answers() -> None:
    network = nn.Linear(1, 1)
    assert EMA().predictor(network, network) is network


def test_training_is_left_alone() -> None:
    trick = EMA()
    assert walk(trick, [1.0, 2.0, 7.0]).weight.item() == 7.0


def test_running_statistics_of_batch_norm_are_averaged_too() -> None:
    trick = EMA(decay=0.5)
    network = lent(trick, nn.BatchNorm1d(1))
    for step, mean in enumerate([0.0, 4.0], 1):
        network.running_mean.fill_(mean)
        trick.after_step(network, step)
    predict = trick.predictor(network, network)
    x = torch.tensor([[2.0]])
    torch.testing.assert_close(predict(x), torch.zeros(1, 1))  # the mean of 0 and 4 is taken off
    assert predict(torch.tensor([[2.0], [9.0]]))[0] == 0, "it must be in evaluation mode"


def test_every_run_has_its_own_average() -> None:
    one, other = EMA(), EMA()
    walk(one, [1.0])
    assert other.shadow is None
