"""Skip connections: the same weights, an identity path, gradients that reach the first layer."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy

from trainer.networks import build, kaiming
from tricks.architecture.skip_connection import SkipConnection
from tricks.base import NetworkSpec


def plain(kind: str, depth: int) -> NetworkSpec:
    return NetworkSpec(
        kind=kind, depth=depth, width=32, image=(1, 8, 8), classes=10, activation=torch.nn.ReLU
    )


def seeded(spec: NetworkSpec) -> torch.nn.Module:
    network = build(spec)
    kaiming(network, torch.Generator().manual_seed(0))
    return network


def test_it_adds_no_weights() -> None:
    for kind, depth in (("mlp", 4), ("cnn", 4), ("resnet", 4)):
        spec = plain(kind, depth)
        counts = [
            sum(p.numel() for p in build(one).parameters())
            for one in (spec, SkipConnection().network(spec))
        ]
        assert counts[0] == counts[1]


def test_scale_0_is_the_identity_and_scale_1_adds_the_layer() -> None:
    """An MLP of two hidden layers: the second one gets the skip."""
    x = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    first, second, last = (
        layer for layer in seeded(plain("mlp", 2)).modules() if isinstance(layer, torch.nn.Linear)
    )
    hidden = first(x.flatten(1)).relu()
    for scale in (0.0, 0.5, 1.0):
        network = seeded(SkipConnection(scale=scale).network(plain("mlp", 2)))
        by_hand = last(hidden + scale * second(hidden).relu())
        torch.testing.assert_close(network(x), by_hand)


def test_scale_left_alone_follows_the_normalization() -> None:
    bare = plain("mlp", 16)
    normal = replace(bare, normalization=lambda features, images: torch.nn.BatchNorm1d(features))
    assert SkipConnection().network(bare).skip_scale == 0.25
    assert SkipConnection().network(normal).skip_scale == 1.0
    assert SkipConnection(scale=0.7).network(normal).skip_scale == 0.7


def test_signals_stay_in_range_through_30_layers() -> None:
    """With a scale of 1 and no normalization they grow by a factor in every layer."""
    x = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    for scale, low, high in ((None, 0.5, 50.0), (1.0, 1e4, math.inf)):
        network = seeded(SkipConnection(scale=scale).network(plain("mlp", 30)))
        with torch.no_grad():
            assert low < network(x).std() < high


def test_a_network_of_30_layers_trains_with_skips_and_not_without() -> None:
    """The claim itself: what degrades with depth is the training loss."""
    y = torch.arange(100) % 10
    noise = torch.randn(100, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    x = noise + 2 * torch.randn(10, 1, 8, 8, generator=torch.Generator().manual_seed(2))[y]
    losses = []
    for spec in (plain("mlp", 30), SkipConnection().network(plain("mlp", 30))):
        network = seeded(spec)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
        for _ in range(100):
            optimizer.zero_grad()
            loss = cross_entropy(network(x), y)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[1] < 0.5 * losses[0]
