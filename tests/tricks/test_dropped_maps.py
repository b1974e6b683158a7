"""Spatial dropout and DropBlock: what is dropped, how much, and that the mean stays."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.ops import drop_block2d

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.networks import build
from tricks.augmentation.cutmix import Cutmix
from tricks.base import NetworkSpec, Trick
from tricks.normalization.batch_norm import BatchNorm
from tricks.regularization.dropblock import DropBlock
from tricks.regularization.spatial_dropout import SpatialDropout


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def spec(trick: Trick, kind: str = "cnn") -> NetworkSpec:
    plain = NetworkSpec(
        kind=kind, depth=3, width=8, image=(1, 8, 8), classes=10, activation=nn.ReLU
    )
    return trick.network(plain)


def test_spatial_dropout_drops_whole_channels() -> None:
    y_NCHW = spec(SpatialDropout(p=0.3)).map_dropout()(torch.ones(200, 50, 3, 3))
    channels = y_NCHW.flatten(2)
    assert torch.equal(channels.amin(2), channels.amax(2)), "a channel is dropped or it is not"
    assert (channels[..., 0] == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert y_NCHW.max().item() == pytest.approx(1 / 0.7)


@pytest.mark.parametrize(("side", "asked", "used"), [(8, 3, 3), (8, 4, 3), (4, 5, 3), (2, 3, 1)])
def test_dropblock_is_torchvisions_with_an_odd_block_that_fits(
    side: int, asked: int, used: int
) -> None:
    x_NCHW = torch.rand(5, 4, side, side)
    layer = spec(DropBlock(p=0.2, block_size=asked)).map_dropout()
    torch.manual_seed(3)
    ours = layer(x_NCHW)
    torch.manual_seed(3)
    torch.testing.assert_close(ours, drop_block2d(x_NCHW, 0.2, used, training=True))
    assert torch.equal(layer.eval()(x_NCHW), x_NCHW)


def test_dropblock_drops_about_p_and_keeps_the_mean() -> None:
    y_NCHW = spec(DropBlock(p=0.1)).map_dropout()(torch.ones(100, 20, 16, 16))
    assert (y_NCHW == 0).float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert y_NCHW.mean().item() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("trick", [SpatialDropout(), DropBlock()])
@pytest.mark.parametrize("kind", ["cnn", "resnet"])
def test_it_stands_in_the_network(trick: Trick, kind: str) -> None:
    kinds = [type(layer) for layer in build(spec(trick, kind)).modules()]
    assert type(spec(trick).map_dropout()) in kinds


@pytest.mark.parametrize(
    ("tricks", "steps", "found"),
    [
        ([SpatialDropout()], 100, []),
        ([SpatialDropout(), BatchNorm()], 100, ["hint"]),
        ([SpatialDropout(p=0), BatchNorm()], 100, []),
        ([SpatialDropout(), DropBlock()], 100, ["error"]),
        ([DropBlock(), Cutmix()], 100, ["warning"]),
    ],
)
def test_what_is_said_before_launch(tricks: list[Trick], steps: int, found: list[str]) -> None:
    own = [one.id() for one in tricks]
    said = notices(
        Setup.model_validate({"steps": steps, "network": {"kind": "cnn", "depth": 3, "width": 8}}),
        tricks,
    )
    both = [one.kind for one in said if set(one.tricks) == set(own)]
    assert both == found
