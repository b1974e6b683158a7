"""Feature pyramids and pyramid pooling in front of the last layer."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import nn

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.networks import build
from tricks.architecture.fpn import Fpn
from tricks.architecture.pan import Pan
from tricks.architecture.spp import Spp
from tricks.base import NetworkSpec, Trick
from tricks.layers.fusions import GAIN, PathAggregation, Pyramid, SpatialPyramid


def maps() -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(2, c, s, s, generator=draw) for c, s in ((4, 8), (8, 4), (16, 2))]


def said(trick: Trick, depth: int, **setup: Any) -> list[str]:
    network = {"kind": "resnet", "depth": depth, "width": 8}
    return [
        one.title for one in notices(Setup.model_validate({"network": network, **setup}), [trick])
    ]


def test_a_level_is_the_stage_and_the_coarser_level_enlarged() -> None:
    pyramid = Pyramid([4, 8, 16], 6)
    inner = [block[0] for block in pyramid.top_down.inner_blocks]
    smooth = [block[0] for block in pyramid.top_down.layer_blocks]
    fine, middle, coarse = (conv(one) for conv, one in zip(inner, maps(), strict=True))
    up = nn.Upsample(scale_factor=2)
    middle = middle + up(coarse)
    fine = fine + up(middle)
    expected = [GAIN * conv(one) for conv, one in zip(smooth, (fine, middle, coarse), strict=True)]
    for level, wanted in zip(pyramid.levels(maps()), expected, strict=True):
        torch.testing.assert_close(level, wanted)
    pooled = torch.cat([one.mean((2, 3)) for one in expected], 1)
    torch.testing.assert_close(pyramid(maps()), pooled)
    assert pooled.shape == (2, pyramid.features)


def test_the_way_back_up_carries_what_the_fine_map_saw() -> None:
    """A change of the finest map reaches the coarsest level only through the second way."""
    for made, reaches in ((Pyramid, False), (PathAggregation, True)):
        torch.manual_seed(1)
        fusion = made([4, 8, 16], 6)
        before, changed = maps(), maps()
        changed[0] = changed[0] + 1
        same = torch.equal(fusion.levels(before)[-1], fusion.levels(changed)[-1])
        assert same != reaches


def test_path_aggregation_is_the_papers_sum() -> None:
    fusion = PathAggregation([4, 8], 6)
    two = maps()[:2]
    named = OrderedDict(zip("ab", two, strict=True))
    first, second = (GAIN * one for one in fusion.top_down(named).values())
    down, smooth = fusion.down[0], fusion.smooth[0]
    expected = smooth(math.sqrt(0.5) * (second + down(first).relu())).relu()
    levels = fusion.levels(two)
    torch.testing.assert_close(levels[0], first)
    torch.testing.assert_close(levels[1], expected)


@pytest.mark.parametrize("side", [1, 2, 5, 16])
def test_windows_are_yolos_however_small_the_map(side: int) -> None:
    x = torch.randn(3, 4, side, side)
    pools = [nn.MaxPool2d(one, stride=1, padding=one // 2) for one in (5, 9, 13)]
    expected = torch.cat([one.mean((2, 3)) for one in (x, *(pool(x) for pool in pools))], 1)
    fusion = SpatialPyramid([2, 4], (5, 9, 13))
    torch.testing.assert_close(fusion([x, x]), expected)
    assert fusion.features == 16


@pytest.mark.parametrize("trick", [Fpn(channels=8), Pan(channels=8)])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_signals_keep_their_size(trick: Trick, depth: int) -> None:
    """First weights that blow up or vanish here would be the fusion's fault."""
    from trainer.networks import kaiming

    spec = NetworkSpec(
        kind="resnet", depth=depth, width=16, image=(1, 8, 8), classes=10, activation=nn.ReLU
    )
    x = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    sizes = []
    for one in (spec, trick.network(spec)):
        network = build(one)
        kaiming(network, torch.Generator().manual_seed(0))
        with torch.no_grad():
            sizes.append(network(x).std().item())
    assert 0.25 < sizes[1] / sizes[0] < 4


def test_one_stage_is_no_pyramid() -> None:
    assert said(Fpn(), 1) == ["Feature pyramid has one level only"]
    assert said(Pan(), 1) == ["Path aggregation has one level only"]
    assert said(Fpn(), 2) == said(Pan(), 2) == []


def test_small_maps_have_no_scales() -> None:
    assert said(Spp(), 3) == ["Spatial pyramid pooling has no scales to tell apart"]
    assert said(Spp(), 2) == [], "a map of 4x4"
    assert said(Spp(), 3, dataset="shapes") == []


def test_only_one_may_make_the_features() -> None:
    setup = Setup.model_validate({"network": {"kind": "resnet", "depth": 3, "width": 8}})
    found = [one.title for one in notices(setup, [Fpn(), Pan()]) if one.kind == "error"]
    assert len(found) == 1 and "exclude each other" in found[0]
