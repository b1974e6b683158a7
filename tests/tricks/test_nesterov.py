"""Nesterov momentum: its formula, its rate, and how it walks down a narrow valley."""

from __future__ import annotations

import pytest
import torch
from torch.nn import Parameter

from tricks.optimizer.nesterov import Nesterov

VALLEY = torch.tensor([1.0, 100.0], dtype=torch.float64)


def steps_down(momentum: float, lr: float) -> int:
    """Steps until the loss of a quadratic with condition 100 is below 1e-6."""
    point = Parameter(torch.ones(2, dtype=torch.float64))
    optimizer = Nesterov(momentum=momentum).optimizer([point], lr)
    for step in range(10_000):
        loss = 0.5 * (VALLEY * point**2).sum()
        if loss < 1e-6:
            return step
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return 10_000


def test_formula() -> None:
    momentum, lr = 0.9, 0.01
    point = Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    theta, velocity = point.detach().clone(), torch.zeros(2, dtype=torch.float64)
    optimizer = Nesterov(momentum=momentum).optimizer([point], lr)
    for _ in range(5):
        gradient = VALLEY * theta
        velocity = momentum * velocity + gradient
        theta = theta - lr * (gradient + momentum * velocity)
        point.grad = VALLEY * point.detach()
        optimizer.step()
        torch.testing.assert_close(point.detach(), theta)


def test_it_is_ten_times_faster_down_a_narrow_valley() -> None:
    plain, nesterov = steps_down(0.0, 0.01), steps_down(0.9, 0.01)
    assert nesterov * 8 < plain


def test_rate() -> None:
    assert Nesterov().rate(0.1) == pytest.approx(0.01)
    assert Nesterov(momentum=0.0).rate(0.1) == 0.1
    assert Nesterov(lr=0.03).rate(0.1) == 0.03
