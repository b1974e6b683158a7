"""SAM: the gradient of the worst point nearby, weights back in place, batch norm left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from tricks.optimizer.sam import SAM, ascent

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def loop(network: nn.Module, x: Tensor, lr: float) -> tuple[torch.optim.SGD, Callable[[], Tensor]]:
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = network(x).pow(4).mean()
        loss.backward()
        return loss

    return optimizer, closure


def test_step_by_hand() -> None:
    network = nn.Linear(3, 2).double()
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    start = [p.detach().clone() for p in network.parameters()]

    def gradients(at: list[Tensor]) -> list[Tensor]:
        weight, bias = (p.clone().requires_grad_() for p in at)
        return list(torch.autograd.grad((x @ weight.T + bias).pow(4).mean(), (weight, bias)))

    here = gradients(start)
    norm = torch.cat([g.flatten() for g in here]).norm()
    worst = gradients([p + 0.2 * g / norm for p, g in zip(start, here, strict=True)])

    optimizer, closure = loop(network, x, lr=0.1)
    loss = SAM(rho=0.2).step(optimizer, closure, network)
    for p, before, g in zip(network.parameters(), start, worst, strict=True):
        torch.testing.assert_close(p.detach(), before - 0.1 * g)
    torch.testing.assert_close(loss.detach(), (x @ start[0].T + start[1]).pow(4).mean())


def test_a_rate_of_0_leaves_the_weights_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    before = [p.detach().clone() for p in network.parameters()]
    SAM(rho=0.3).step(*loop(network, torch.randn(8, 3), lr=0.0), network)
    for p, old in zip(network.parameters(), before, strict=True):
        assert torch.equal(p, old)


def test_ascent_has_length_rho_and_survives_a_gradient_of_0() -> None:
    moves = ascent([torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])], rho=0.05)
    assert torch.cat([move.flatten() for move in moves]).norm().item() == pytest.approx(0.05)
    assert ascent([torch.zeros(2)], rho=0.05)[0].tolist() == [0.0, 0.0]


def test_batch_norm_counts_the_batch_once() -> None:
    x = 5 + torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
    network, once = (nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1)) for _ in range(2))
    SAM(rho=0.1).step(*loop(network, x, lr=0.1), network)
    once(x)
    assert network[0].num_batches_tracked == 1
    torch.testing.assert_close(network[0].running_mean, once[0].running_mean)
    torch.testing.assert_close(network[0].running_var, once[0].running_var)
    assert network[0].track_running_stats and network[0].training
