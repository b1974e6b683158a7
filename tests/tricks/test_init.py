"""Kaiming, Xavier and PyTorch's default: their variances, and what ten layers make of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from trainer.networks import kaiming
from tricks import catalog


def initialize(trick: str, network: nn.Module, seed: int = 0) -> nn.Module:
    catalog()[trick]().initialize(network, torch.Generator().manual_seed(seed))
    return network


def deep(width: int = 256, depth: int = 10) -> nn.Sequential:
    layers = [layer for _ in range(depth) for layer in (nn.Linear(width, width), nn.ReLU())]
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("trick", "variance"),
    [
        ("init_kaiming", lambda fan_in, fan_out: 2 / fan_in),
        ("init_xavier", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        ("init_torch_default", lambda fan_in, fan_out: 1 / (3 * fan_in)),
    ],
)
def test_variance_of_linear_and_convolutional_layers(trick: str, variance) -> None:
    network = initialize(trick, nn.ModuleList([nn.Linear(64, 800), nn.Conv2d(32, 64, 3)]))
    for layer, fan_in, fan_out in zip(network, (64, 32 * 9), (800, 64 * 9), strict=True):
        expected = math.sqrt(variance(fan_in, fan_out))
        assert layer.weight.std().item() == pytest.approx(expected, rel=0.03)
        assert abs(layer.weight.mean().item()) < 0.03 * expected


def test_kaiming_at_64_inputs_is_more_than_twice_the_default() -> None:
    stds = [initialize(one, nn.Linear(64, 2000)).weight.std().item()
            for one in ("init_kaiming", "init_torch_default")]  # fmt: skip
    assert stds == pytest.approx([0.177, 0.072], abs=0.003)


def test_torch_default_draws_what_the_layers_draw_themselves() -> None:
    for make in (lambda: nn.Linear(7, 5), lambda: nn.Conv2d(3, 4, 3)):
        with torch.random.fork_rng():
            torch.manual_seed(11)
            own = make()
        ours = initialize("init_torch_default", make(), seed=11)
        assert torch.equal(own.weight, ours.weight)
        assert torch.equal(own.bias, ours.bias)


def test_kaiming_is_what_the_plain_network_starts_from() -> None:
    plain, trick = deep(16, 3), initialize("init_kaiming", deep(16, 3), seed=5)
    kaiming(plain, torch.Generator().manual_seed(5))
    for one, other in zip(plain.parameters(), trick.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("trick", "low", "high"),
    [("init_kaiming", 0.5, 2.0), ("init_xavier", 0.01, 0.1), ("init_torch_default", 0.0, 0.2)],
)
def test_signal_after_ten_relu_layers(trick: str, low: float, high: float) -> None:
    """Kaiming keeps it; Xavier loses half of the variance in each layer, the default more."""
    x = torch.randn(200, 256, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ratio = initialize(trick, deep())(x).pow(2).mean().sqrt() / x.relu().pow(2).mean().sqrt()
    assert low < ratio.item() < high


def test_normalization_and_missing_biases_are_left_alone() -> None:
    for trick in ("init_kaiming", "init_xavier", "init_torch_default"):
        network = initialize(
            trick, nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4))
        )
        assert torch.equal(network[1].weight, torch.ones(4))
