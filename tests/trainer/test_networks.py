"""The networks: shapes, skips, first weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from trainer.networks import Block, build, kaiming, multiply_adds
from tricks.base import NetworkSpec


def spec(kind: str, **changes: object) -> NetworkSpec:
    base = NetworkSpec(
        kind=kind, depth=3, width=16, image=(1, 8, 8), classes=10, activation=nn.ReLU
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet"])
@pytest.mark.parametrize("image", [(1, 8, 8), (1, 28, 28), (3, 32, 32)])
@pytest.mark.parametrize("depth", [1, 2, 7])
@pytest.mark.parametrize("skip", [False, True])
def test_images_become_logits(
    kind: str, image: tuple[int, int, int], depth: int, skip: bool
) -> None:
    network = build(spec(kind, image=image, depth=depth, skip=skip))
    assert network(torch.randn(4, *image)).shape == (4, 10)


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet"])
def test_skips_add_no_weights(kind: str) -> None:
    """A plain net and one with skips must differ in the skips alone."""
    plain, skips = (build(spec(kind, depth=6, skip=skip)) for skip in (False, True))
    assert [p.shape for p in plain.parameters()] == [p.shape for p in skips.parameters()]
    for network in (plain, skips):
        kaiming(network, torch.Generator().manual_seed(0))
    x = torch.randn(2, 1, 8, 8)
    assert not torch.allclose(plain(x), skips(x))


def test_a_block_at_scale_zero_is_the_identity_after_its_activation() -> None:
    block = Block(spec("resnet", skip=True, skip_scale=0.0), 16, 16, 1)
    x = torch.randn(2, 16, 4, 4).relu()
    torch.testing.assert_close(block(x), x)


def test_a_block_that_changes_shape_strides_and_pads_its_skip() -> None:
    block = Block(spec("resnet", skip=True, skip_scale=0.0), 16, 32, 2)
    x = torch.randn(2, 16, 8, 8).relu()
    out = block(x)
    torch.testing.assert_close(out[:, :16], x[:, :, ::2, ::2])
    assert not out[:, 16:].any()


def test_kaiming_has_the_variance_of_the_paper() -> None:
    network = nn.Sequential(nn.Linear(400, 500), nn.Conv2d(64, 64, 3))
    kaiming(network, torch.Generator().manual_seed(0))
    assert network[0].weight.var().item() == pytest.approx(2 / 400, rel=0.02)
    assert network[1].weight.var().item() == pytest.approx(2 / (64 * 9), rel=0.02)
    assert not network[0].bias.any()


def test_depth_counts_hidden_layers_and_blocks() -> None:
    linear = [m for m in build(spec("mlp", depth=5)).modules() if isinstance(m, nn.Linear)]
    assert len(linear) == 5 + 1
    blocks = [m for m in build(spec("resnet", depth=5)).modules() if isinstance(m, Block)]
    assert len(blocks) == 5


def test_multiply_adds_of_a_known_net() -> None:
    network = build(spec("mlp", depth=2, width=16))
    assert multiply_adds(network, (1, 8, 8)) == 64 * 16 + 16 * 16 + 16 * 10
    image = (1, 4, 4)
    conv = nn.Conv2d(1, 2, 3, padding=1)
    assert multiply_adds(nn.Sequential(conv), image) == 2 * 9 * 16
