"""AdamW: the first step in closed form, torch's own steps, its own rate."""

from __future__ import annotations

import torch
from torch.nn import Parameter

from tricks.optimizer.adamw import AdamW


def test_first_step_is_the_sign_of_the_gradient_and_the_decay() -> None:
    weights = torch.tensor([1.0, -2.0, 0.5])
    point = Parameter(weights.clone())
    optimizer = AdamW(weight_decay=0.1).optimizer([point], 0.01)
    point.grad = torch.tensor([3.0, -0.2, 0.7])
    optimizer.step()
    expected = weights - 0.01 * (torch.tensor([1.0, -1.0, 1.0]) + 0.1 * weights)
    torch.testing.assert_close(point.detach(), expected)


def test_decay_does_not_pass_through_the_moments() -> None:
    """Without a gradient a weight shrinks by exactly 1 - lr * decay a step; Adam with L2 would
    take steps of the size of the rate."""
    point = Parameter(torch.tensor([4.0]))
    optimizer = AdamW(weight_decay=0.5).optimizer([point], 0.1)
    for _ in range(3):
        point.grad = torch.zeros(1)
        optimizer.step()
    torch.testing.assert_close(point.detach(), torch.tensor([4.0 * 0.95**3]))


def test_it_has_its_own_rate() -> None:
    assert AdamW().rate(0.1) == 0.001
    assert AdamW(lr=0.02).rate(0.1) == 0.02
