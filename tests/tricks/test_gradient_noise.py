"""Gradient noise: its deviation over the steps, and where the numbers come from."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tricks.regularization.gradient_noise import GradientNoise, deviation


def network() -> nn.Module:
    net = nn.Linear(400, 100)
    for one in net.parameters():
        one.grad = torch.zeros_like(one)
    return net


def begun(eta: float, gamma: float = 0.55) -> GradientNoise:
    trick = GradientNoise(eta=eta, gamma=gamma)
    trick.begin(torch.Generator().manual_seed(0))
    return trick


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.3), (1, 0.3 / 2**0.55), (99, 0.3 / 100**0.55)]
)
def test_the_papers_schedule(step: int, expected: float) -> None:
    assert deviation(0.3, 0.55, step) ** 2 == pytest.approx(expected)


@pytest.mark.parametrize("step", [0, 1, 50])
def test_the_noise_has_that_deviation(step: int) -> None:
    net, trick = network(), begun(eta=0.3)
    if step:
        trick.after_step(net, step)
    trick.gradients(net)
    assert net.weight.grad.std().item() == pytest.approx(deviation(0.3, 0.55, step), rel=0.02)
    assert net.weight.grad.mean().abs() < 0.02
    assert net.bias.grad.any()


def test_it_is_added_and_fresh_each_time() -> None:
    net, trick = network(), begun(eta=0.01, gamma=0.0)
    net.weight.grad.fill_(5.0)
    trick.gradients(net)
    first = net.weight.grad - 5.0
    assert first.abs().max() < 1
    trick.gradients(net)
    assert not torch.allclose(net.weight.grad - 5.0, 2 * first)


def test_its_numbers_come_from_its_own_generator() -> None:
    one, other = network(), network()
    before = torch.get_rng_state()
    begun(eta=0.3).gradients(one)
    begun(eta=0.3).gradients(other)
    assert torch.equal(one.weight.grad, other.weight.grad)
    assert torch.equal(torch.get_rng_state(), before)


def test_variance_0_draws_nothing() -> None:
    net, trick = network(), begun(eta=0.0)
    state = trick.rng.get_state()
    trick.gradients(net)
    assert not net.weight.grad.any() and torch.equal(trick.rng.get_state(), state)
