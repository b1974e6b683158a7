"""What blurs, drops and takes apart: BlurPool, stochastic depth, low rank."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.networks import build, kaiming, multiply_adds
from tricks.architecture.blurpool import Blurpool
from tricks.architecture.factorize import Factorize
from tricks.architecture.skip_connection import SkipConnection
from tricks.architecture.stochastic_depth import StochasticDepth
from tricks.base import NetworkSpec, Trick
from tricks.initialization.pretrained_finetune import PretrainedFinetune
from tricks.layers.blur import BlurPool
from tricks.layers.low_rank import factorize, factors


def spec(kind: str, depth: int = 3, width: int = 16) -> NetworkSpec:
    return NetworkSpec(
        kind=kind, depth=depth, width=width, image=(1, 8, 8), classes=10, activation=nn.ReLU
    )


def said(*tricks: Trick, **network: Any) -> list[str]:
    setup = Setup.model_validate({"network": network})
    return [one.title for one in notices(setup, tricks)]


def seeded(spec: NetworkSpec) -> nn.Module:
    network = build(spec)
    kaiming(network, torch.Generator().manual_seed(0))
    return network


@pytest.mark.parametrize("side", [4, 7])
def test_blur_is_the_binomial_filter_at_every_second_pixel(side: int) -> None:
    x = torch.randn(2, 5, side, side)
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    inside = conv2d(x.reshape(10, 1, side, side), kernel[None, None])[:, :, 1::2, 1::2]
    out = BlurPool(5)(x)
    assert out.shape == (2, 5, -(-side // 2), -(-side // 2))
    rows = inside.shape[-1]
    torch.testing.assert_close(
        out[:, :, 1 : 1 + rows, 1 : 1 + rows], inside.reshape(2, 5, rows, rows)
    )


def test_blur_keeps_what_is_even_and_removes_the_checkerboard() -> None:
    torch.testing.assert_close(
        BlurPool(1)(torch.full((1, 1, 8, 8), 3.0)), torch.full((1, 1, 4, 4), 3.0)
    )
    board = torch.tensor([[1.0, -1], [-1, 1]]).repeat(4, 4)[None, None]
    assert BlurPool(1)(board).abs().max() < 1e-6
    assert board[:, :, ::2, ::2].abs().min() == 1, "a stride alone sees a white image"


def test_blurred_maxima_move_less_with_a_shift() -> None:
    """The claim itself, for the pooling of the CNN: shift by a pixel, compare what comes out."""
    spec_of_cnn = Blurpool().network(spec("cnn"))
    assert spec_of_cnn.downsample is not None
    blurred = spec_of_cnn.downsample(1)
    x = torch.randn(200, 1, 16, 18, generator=torch.Generator().manual_seed(0)).relu()
    changes = []
    for pool in (nn.MaxPool2d(2), blurred):
        here, there = pool(x[..., :-2]), pool(x[..., 1:-1])
        changes.append(((here - there).norm() / here.norm()).item())
    assert changes[1] < 0.75 * changes[0]


@pytest.mark.parametrize("kind", ["cnn", "resnet"])
def test_blurred_maps_have_the_sizes_of_the_plain_ones(kind: str) -> None:
    for image in ((1, 8, 8), (3, 15, 15)):
        plain = NetworkSpec(
            kind=kind, depth=3, width=4, image=image, classes=10, activation=nn.ReLU
        )
        network = build(Blurpool().network(plain))
        assert network(torch.randn(2, *image)).shape == (2, 10)
        shapes = [[p.shape for p in one.parameters()] for one in (network, build(plain))]
        assert shapes[0] == shapes[1], "a blur has no weights"


def test_blurpool_of_one_block_has_nothing_to_do() -> None:
    title = "BlurPool has nothing to make smaller"
    assert said(Blurpool(), kind="resnet", depth=1) == [title]
    assert said(Blurpool(), kind="resnet", depth=2) == []


def test_blocks_are_dropped_as_often_as_the_paper_says() -> None:
    """p_l = l/L p, and what stays grows by 1 / (1 - p_l): the mean is the block."""
    drop_path = StochasticDepth(p=0.6).network(spec("mlp")).drop_path
    assert drop_path is not None
    torch.manual_seed(0)
    for part in (0.25, 1.0):
        layer = drop_path(part)
        out = layer(torch.ones(20_000, 2))
        kept = (out != 0).float()
        assert torch.equal(kept[:, 0], kept[:, 1]), "an example is dropped as a whole"
        assert kept.mean().item() == pytest.approx(1 - 0.6 * part, abs=0.02)
        assert out.mean().item() == pytest.approx(1, abs=0.03)
        assert torch.equal(layer.eval()(torch.ones(5, 2)), torch.ones(5, 2))


def test_stochastic_depth_needs_skips() -> None:
    title = "Stochastic depth needs skip connections"
    assert said(StochasticDepth(), kind="mlp", depth=3) == [title]
    assert said(StochasticDepth(), SkipConnection(), kind="mlp", depth=3) == []


def test_factors_are_the_best_of_their_rank() -> None:
    """Eckart and Young 1936: the error is the norm of the singular values cut off."""
    w = torch.randn(12, 9, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(w)
    for rank in (1, 4, 9):
        u, v = factors(w, rank)
        assert u.shape == (12, rank) and v.shape == (rank, 9)
        error = (w - u @ v).norm()
        torch.testing.assert_close(error, values[rank:].norm(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet"])
def test_at_nearly_full_rank_the_network_is_the_same(kind: str) -> None:
    """A layer of rank 3 is found again by the factors of rank 4 of 16."""
    network = seeded(spec(kind, depth=2))
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            flat = layer.weight.data.flatten(1)
            u, v = factors(flat, 2)
            layer.weight.data.copy_((u @ v).view_as(layer.weight))
    x = torch.randn(4, 1, 8, 8)
    before = network(x)
    torch.testing.assert_close(factorize(network, 0.25)(x), before, atol=1e-4, rtol=1e-4)


def test_a_quarter_of_the_rank_is_half_of_the_work() -> None:
    plain, thin = seeded(spec("mlp", width=64)), factorize(seeded(spec("mlp", width=64)), 0.25)
    last = 64 * 10
    work = [multiply_adds(one, (1, 8, 8)) - last for one in (plain, thin)]
    assert work[0] == 2 * work[1]


def test_a_layer_that_stands_twice_is_one_pair() -> None:
    layer = nn.Linear(8, 8)
    network = factorize(nn.Sequential(layer, layer, nn.Linear(8, 2)), 0.5)
    assert network[0] is network[1] and isinstance(network[2], nn.Linear)


def test_factorize_tells_when_it_saves_nothing() -> None:
    title = "Factorize saves nothing at this rank"
    assert said(Factorize(rank=0.5), kind="mlp", depth=3) == [title]
    assert said(Factorize(), kind="mlp", depth=3) == []
    assert said(Factorize(rank=1.0), kind="mlp", depth=3) == []


def test_factorize_and_pretraining_exclude_each_other() -> None:
    title = "Factorize leaves Pretrain and fine-tune no layer to fill"
    assert title in said(Factorize(), PretrainedFinetune(), kind="mlp", depth=3)
    assert title not in said(Factorize(rank=1.0), PretrainedFinetune(), kind="mlp", depth=3)
