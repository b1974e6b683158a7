"""ReLU, Swish, Mish and soft threshold against their formulas and a few known values."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tricks import catalog
from tricks.base import NetworkSpec

X = torch.linspace(-5, 5, 101, dtype=torch.float64)


def apply(trick: str, x: Tensor, **knobs: float) -> Tensor:
    plain = NetworkSpec(
        kind="mlp", depth=1, width=4, image=(1, 8, 8), classes=10, activation=torch.nn.Tanh
    )
    y: Tensor = catalog()[trick](**knobs).network(plain).activation()(x)
    return y


def test_relu() -> None:
    assert torch.equal(apply("relu", X), torch.where(X > 0, X, torch.zeros_like(X)))


def test_swish_is_x_times_its_sigmoid() -> None:
    torch.testing.assert_close(apply("silu", X), X / (1 + torch.exp(-X)))
    lowest = apply("silu", X).min().item()
    assert lowest == pytest.approx(-0.2785, abs=1e-4)


def test_mish_is_x_times_tanh_of_softplus() -> None:
    torch.testing.assert_close(apply("mish", X), X * torch.tanh(torch.log(1 + torch.exp(X))))
    fine = torch.linspace(-2, 0, 20_001, dtype=torch.float64)
    assert apply("mish", fine).min().item() == pytest.approx(-0.30884, abs=1e-5)  # Misra, section 2


def test_soft_threshold_is_the_threads_formula() -> None:
    tau = 0.7
    by_hand = torch.sign(X) * torch.clamp(X.abs() - tau, min=0)
    torch.testing.assert_close(apply("soft_threshold", X, tau=tau), by_hand)
    assert torch.equal(apply("soft_threshold", X, tau=0.0), X)


def test_a_threshold_that_is_too_large_leaves_nothing() -> None:
    assert apply("soft_threshold", X / 10, tau=0.5).count_nonzero() == 0
    assert apply("soft_threshold", X / 10, tau=0.1).count_nonzero() > 0
