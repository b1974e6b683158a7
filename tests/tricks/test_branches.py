"""What stands inside a block, how often, and with which convolutions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from trainer.blocks import Block
from trainer.checks import notices
from trainer.experiment import Setup
from trainer.networks import build, multiply_adds
from tricks.architecture.cross_fusion import CrossFusion
from tricks.architecture.csp import Csp
from tricks.architecture.dense_concat import DenseConcat
from tricks.architecture.large_filters import LargeFilters
from tricks.architecture.repeated_block import RepeatedBlock
from tricks.architecture.resnet_tweaks import ResnetTweaks
from tricks.architecture.skip_connection import SkipConnection
from tricks.architecture.small_filters import SmallFilters
from tricks.architecture.split_transform import SplitTransform
from tricks.base import NetworkSpec, Trick
from tricks.layers.branches import DenseBranch, ExchangeBranch, PartialBranch
from tricks.normalization.instance_norm import InstanceNorm


def spec(kind: str = "resnet", width: int = 16) -> NetworkSpec:
    return NetworkSpec(
        kind=kind, depth=3, width=width, image=(1, 8, 8), classes=10, activation=nn.ReLU
    )


def said(*tricks: Trick, kind: str = "resnet", depth: int = 3, width: int = 16) -> list[str]:
    setup: dict[str, Any] = {"network": {"kind": kind, "depth": depth, "width": width}}
    return [one.title for one in notices(Setup.model_validate(setup), tricks)]


@pytest.mark.parametrize("trick", [DenseConcat(), Csp(), CrossFusion()])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [8, 7, 1])
def test_branches_have_the_shape_of_two_convolutions(trick: Trick, stride: int, side: int) -> None:
    plain = spec()
    x = torch.randn(2, 16, side, side)
    shapes = [Block(one, 16, 32, stride)(x).shape for one in (plain, trick.network(plain))]
    assert shapes[0] == shapes[1]


def test_dense_layers_read_all_before_them() -> None:
    branch = DenseBranch(spec(), 16, 32, 1, growth=5, layers=3)
    assert [layer[0].in_channels for layer in branch.layers] == [16, 21, 26]
    assert branch.transition[0].weight.shape == (32, 31, 1, 1)
    x = torch.randn(2, 16, 4, 4)
    stack = [x]
    for layer in branch.layers:
        stack.append(layer(torch.cat(stack, 1)))
    torch.testing.assert_close(branch(x), branch.transition(torch.cat(stack, 1)))


def test_the_share_around_a_partial_block_is_untouched() -> None:
    branch = PartialBranch(spec(), 16, 16, 1, share=0.5)
    x = torch.randn(2, 16, 4, 4)
    joined = torch.cat([x[:, :8], branch.inside(x[:, 8:])], 1)
    torch.testing.assert_close(branch(x), branch.transition(joined))


def test_a_partial_block_takes_a_third_of_the_work() -> None:
    """Two 3x3 convolutions of C channels are 18 CC, of half of them 4.5 CC, and the 1x1 one CC."""
    work = [
        multiply_adds(Block(one, 16, 16, 1), (16, 8, 8)) for one in (spec(), Csp().network(spec()))
    ]
    assert work[1] / work[0] == pytest.approx(5.5 / 18)


def test_both_resolutions_hear_from_both() -> None:
    branch = ExchangeBranch(spec(), 16, 16, 1)
    x = torch.randn(2, 16, 8, 8)
    fine, coarse = branch.fine(x), branch.coarse(x)
    up = nn.Upsample(scale_factor=2)
    new_fine = branch.fine_to_fine(fine) + up(branch.coarse_to_fine(coarse))
    new_coarse = branch.coarse_to_coarse(coarse) + branch.fine_to_coarse(fine)
    torch.testing.assert_close(branch(x), torch.cat([new_fine, up(new_coarse)], 1))


def test_grouped_convolutions_save_that_share_of_the_work() -> None:
    convolve = SplitTransform(groups=4).network(spec()).convolution
    assert convolve is not None
    work = [
        multiply_adds(one, (16, 8, 8))
        for one in (nn.Conv2d(16, 32, 3, padding=1), convolve(16, 32, 3, 1, True))
    ]
    assert work[0] == 4 * work[1]


def test_groups_are_what_divides_the_channels_and_shuffled() -> None:
    convolve = SplitTransform(groups=6).network(spec()).convolution
    assert convolve is not None
    assert [convolve(16, features, 3, 1, True)[0].groups for features in (16, 32)] == [2, 2]
    assert isinstance(convolve(1, 16, 3, 1, True), nn.Conv2d), "one channel cannot be split"
    assert isinstance(convolve(16, 16, 1, 1, True), nn.Conv2d), "1x1 convolutions join the groups"
    pair = convolve(16, 16, 3, 1, True)
    out = pair[0](torch.randn(1, 16, 4, 4))
    order = [group * 8 + i for i in range(8) for group in range(2)]
    assert torch.equal(pair[1](out), out[:, order])


def test_large_filters_have_the_weights_of_their_area() -> None:
    for radius, ratio in ((1, 1.0), (2, 25 / 9), (3, 49 / 9)):
        work = [
            multiply_adds(network[:-1], (1, 8, 8))
            for network in (
                build(spec("cnn")), build(LargeFilters(radius=radius).network(spec("cnn"))),
            )
        ]  # fmt: skip
        assert work[1] / work[0] == pytest.approx(ratio)


def test_small_and_large_filters_exclude_each_other() -> None:
    title = "Large filters and Small filters exclude each other"
    assert title in said(LargeFilters(), SmallFilters())
    assert said(LargeFilters()) == []


def test_resnet_tweaks_change_the_stem_and_the_skips() -> None:
    changed = ResnetTweaks().network(spec())
    assert (changed.stem, changed.shortcut) == (3, "pool")
    title = "ResNet tweaks change only the stem here"
    assert said(ResnetTweaks()) == [title]
    assert title not in said(ResnetTweaks(), SkipConnection())


def test_repeats_without_anything_to_repeat() -> None:
    title = "Repeated block has nothing to repeat"
    assert title in said(RepeatedBlock(), kind="cnn", depth=2)
    assert said(RepeatedBlock(), kind="cnn", depth=3) == []
    assert said(RepeatedBlock(), kind="resnet", depth=1) == []


def test_many_repeats_ask_for_skips() -> None:
    title = "Repeated block makes a network of about 12 layers"
    assert said(RepeatedBlock(repeats=4), kind="mlp") == [title]
    assert title not in said(RepeatedBlock(repeats=4), SkipConnection(), kind="mlp")
    assert said(RepeatedBlock(repeats=3), kind="mlp") == []
    assert said(RepeatedBlock(repeats=1), kind="mlp", depth=20) == []


def test_groups_that_do_not_divide_are_told() -> None:
    assert said(SplitTransform(groups=6)) == ["Split and transform takes 2 groups"]
    assert said(SplitTransform(groups=8)) == []


def test_one_channel_has_no_half() -> None:
    assert said(CrossFusion(), width=1) == ["Cross fusion needs two channels"]
    assert said(CrossFusion(), width=2) == []


def test_a_coarse_map_of_one_pixel_has_no_instance_norm() -> None:
    title = "Cross fusion leaves Instance norm single pixels"
    assert title in said(CrossFusion(), InstanceNorm())
    assert title not in said(CrossFusion(), InstanceNorm(), depth=2)
    with pytest.raises(ValueError, match="spatial element"):
        Block(InstanceNorm().network(CrossFusion().network(spec())), 16, 32, 2)(
            torch.randn(2, 16, 4, 4)
        )
