"""What weighs the maps at the end of a block: thresholds, channels, places."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, softshrink
from torchvision.ops import SqueezeExcitation

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.networks import build
from tricks.architecture.drsn_cs import DrsnCs
from tricks.architecture.drsn_cw import DrsnCw
from tricks.architecture.spatial_attention import SpatialAttention
from tricks.architecture.squeeze_excite import SqueezeExcite
from tricks.base import NetworkSpec, Trick
from tricks.layers.shrinkage import Shrinkage, soft_threshold
from tricks.layers.spatial_gate import SpatialGate


def spec(kind: str = "resnet") -> NetworkSpec:
    return NetworkSpec(
        kind=kind, depth=3, width=8, image=(1, 8, 8), classes=10, activation=nn.ReLU, skip=True
    )


def said(trick: Trick, **setup: Any) -> list[str]:
    return [one.title for one in notices(Setup.model_validate(setup), [trick])]


def resnet(**setup: Any) -> dict[str, Any]:
    return {"network": {"kind": "resnet", "depth": 3, "width": 8}, **setup}


@pytest.mark.parametrize("tau", [0.0, 0.3, 2.0])
def test_soft_threshold_is_torchs(tau: float) -> None:
    x = torch.linspace(-3, 3, 61)
    torch.testing.assert_close(soft_threshold(x, torch.tensor(tau)), softshrink(x, tau))


@pytest.mark.parametrize("channel_wise", [False, True])
def test_thresholds_are_a_share_of_the_mean_size(channel_wise: bool) -> None:
    """At first weights of zero alpha is one half, for every image and channel."""
    layer = Shrinkage(3, channel_wise=channel_wise)
    for one in layer.alpha.parameters():
        nn.init.zeros_(one)
    scale = torch.tensor([0.1, 1.0, 10.0])[None, :, None, None]
    x = scale * torch.randn(5, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    size = x.abs().mean((2, 3) if channel_wise else (1, 2, 3), keepdim=True)
    expected = torch.stack(
        [
            torch.stack(
                [softshrink(x[n, c], size.expand(5, 3, 1, 1)[n, c].item() / 2) for c in range(3)]
            )
            for n in range(5)
        ]
    )
    torch.testing.assert_close(layer(x), expected)
    small = (layer(x)[:, 0] == 0).float().mean()
    assert small == 1 if not channel_wise else small < 0.6


def test_thresholds_are_never_negative_and_leave_something() -> None:
    """What the thread asks for: alpha lies between 0 and 1, so the largest value survives."""
    for seed in range(10):
        torch.manual_seed(seed)
        layer = Shrinkage(4, channel_wise=True)
        x = torch.randn(8, 4, 5, 5) * 10
        y = layer(x)
        assert (y.abs() <= x.abs()).all() and (y * x >= 0).all()
        assert (y.abs().amax((2, 3)) > 0).all()


@pytest.mark.parametrize("made", [DrsnCs, DrsnCw])
def test_drsn_tells_how_much_it_cut_and_where(made: type[DrsnCs | DrsnCw]) -> None:
    trick = made()
    network = build(trick.network(spec()))
    trick.tools = SimpleNamespace(network=network)  # type: ignore[assignment]
    assert trick.acted()[:2] == (0, 0)
    network.eval()(torch.randn(4, 1, 8, 8))
    assert trick.acted()[:2] == (0, 0), "only training counts"
    network.train()(torch.randn(4, 1, 8, 8))
    cut, of, _ = trick.acted()
    assert of == 4 * (8 * 64 + 16 * 16 + 32 * 4) and 0 < cut < of
    layers = trick.report()["thresholds"]
    assert len(layers) == 3 and all(one > 0 for one in layers)


def test_drsn_refuses_batches_of_one() -> None:
    assert "DRSN-CS needs batches of two or more" in said(DrsnCs(), **resnet(batch_size=1))
    assert said(DrsnCs(), **resnet(batch_size=2)) == []
    assert "DRSN-CW needs batches of two or more" in said(DrsnCw(), **resnet(batch_size=1))
    assert said(DrsnCw(), **resnet(batch_size=2)) == []


@pytest.mark.parametrize("trick", [DrsnCs, DrsnCw, SqueezeExcite, SpatialAttention])
def test_an_mlp_has_no_maps_to_weigh(trick: type[Trick]) -> None:
    assert said(trick())[0] == f"{trick.card.title} does not work in an MLP"


def test_squeeze_excite_is_the_librarys_with_a_bottleneck_of_one_at_least() -> None:
    for reduction, widths in ((4, [2, 4, 8]), (16, [1, 1, 2])):
        network = build(SqueezeExcite(reduction=reduction).network(spec()))
        gates = [one for one in network.modules() if isinstance(one, SqueezeExcitation)]
        assert [one.fc1.out_channels for one in gates] == widths


def test_spatial_gate_is_cbams() -> None:
    gate = SpatialGate(7)
    x = torch.randn(2, 5, 9, 9)
    stacked = torch.stack([x.mean(1), x.max(1).values], 1)
    weight = torch.sigmoid(conv2d(stacked, gate.conv.weight, padding=3))
    torch.testing.assert_close(gate(x), x * weight)
    nn.init.zeros_(gate.conv.weight)
    torch.testing.assert_close(gate(x), x / 2)


def test_spatial_attention_says_when_its_window_is_as_large_as_the_map() -> None:
    assert said(SpatialAttention(), **resnet()) == ["Spatial attention sees a whole map at once"]
    assert said(SpatialAttention(radius=0), **resnet()) == []
    assert said(SpatialAttention(), **resnet(dataset="shapes")) == []
