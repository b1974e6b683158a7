"""Dropout: a share of the units is off, the mean stays, testing uses all of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.networks import build
from tricks.base import NetworkSpec
from tricks.regularization.dropout import Dropout


def spec(kind: str, p: float) -> NetworkSpec:
    plain = NetworkSpec(
        kind=kind, depth=3, width=8, image=(1, 8, 8), classes=10, activation=nn.ReLU
    )
    return Dropout(p=p).network(plain)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.95])
def test_share_and_scale(p: float) -> None:
    layer = spec("mlp", p).dropout()
    torch.manual_seed(0)
    y = layer(torch.ones(100_000))
    assert (y == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    torch.testing.assert_close(y[y != 0], torch.full_like(y[y != 0], 1 / (1 - p)))
    layer.eval()
    assert torch.equal(layer(torch.ones(10)), torch.ones(10))


@pytest.mark.parametrize(("kind", "count"), [("mlp", 3), ("cnn", 1), ("resnet", 1)])
def test_where_it_stands(kind: str, count: int) -> None:
    network = build(spec(kind, 0.5))
    assert sum(isinstance(layer, nn.Dropout) for layer in network.modules()) == count
    assert isinstance(list(network.modules())[-1], nn.Linear)
