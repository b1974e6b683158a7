"""The networks: shapes, skips, first weights."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, cross_entropy, max_pool2d, pad

from trainer.blocks import Block, Shortcut, tie
from trainer.networks import build, kaiming, multiply_adds
from tricks.base import NetworkSpec
from tricks.layers.convolution import Largest

if TYPE_CHECKING:
    from collections.abc import Callable


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


def plain_mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(),
        nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10),
    )  # fmt: skip


def plain_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 2 * 2, 10),
    )  # fmt: skip


class PlainBlock(nn.Module):
    def __init__(self, channels: int, features: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, features, 3, stride, 1), nn.ReLU(),
            nn.Conv2d(features, features, 3, 1, 1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.branch(x)
        return out.relu()


def plain_resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), PlainBlock(16, 16, 1), PlainBlock(16, 32, 2),
        PlainBlock(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "by_hand"), [("mlp", plain_mlp), ("cnn", plain_cnn), ("resnet", plain_resnet)]
)
def test_plain_networks_stay_what_they_are(kind: str, by_hand: Callable[[], nn.Module]) -> None:
    """The same names, the same draws of the first weights, the same answers, bit for bit."""
    built, expected = build(spec(kind)), by_hand()
    for network in (built, expected):
        kaiming(network, torch.Generator().manual_seed(0))
    weights, wanted = built.state_dict(), expected.state_dict()
    assert list(weights) == list(wanted)
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
    x = torch.randn(4, 1, 8, 8)
    assert torch.equal(built(x), expected(x))


def test_pooling_in_front_of_relu_changes_no_bit() -> None:
    """Of what is learned either; half of each image is empty, so the largest is often no one's."""
    built, expected = build(spec("cnn")), plain_cnn()
    expected.load_state_dict(built.state_dict())
    x, y = torch.randn(32, 1, 8, 8), torch.randint(10, (32,))
    x[..., :4, :] = 0.0
    for network in (built, expected):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(10):
            optimizer.zero_grad()
            cross_entropy(network(x), y).backward()
            optimizer.step()
    pairs = zip(built.parameters(), expected.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    ("activation", "order"),
    [(nn.ReLU, ["Conv2d", "MaxPool2d", "ReLU"]), (nn.SiLU, ["Conv2d", "SiLU", "MaxPool2d"])],
)
def test_only_a_plain_relu_waits_for_the_pooling(
    activation: type[nn.Module], order: list[str]
) -> None:
    network = list(build(spec("cnn", activation=activation)))
    assert [type(one).__name__ for one in network[:3]] == order


class Marked(nn.Identity):
    """A layer to be found again."""


def found(network: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [one for one in network.modules() if isinstance(one, kind)]


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet"])
@pytest.mark.parametrize("skip", [False, True])
def test_every_slot_at_once_still_makes_logits(kind: str, skip: bool) -> None:
    filled = spec(
        kind, skip=skip, depth=4, image=(3, 9, 9), kernel=5, pieces=2, repeats=2, tied=True, stem=2,
        shortcut="pool", attention=Marked, map_dropout=nn.Dropout2d, dropout=nn.Dropout,
        normalization=lambda features, images: (nn.BatchNorm2d if images else nn.BatchNorm1d)(
            features
        ),
        drop_path=lambda part: Marked(),
    )  # fmt: skip
    network = build(filled)
    assert network(torch.randn(4, 3, 9, 9)).shape == (4, 10)
    assert multiply_adds(network, (3, 9, 9)) > 0


def test_largest_is_the_maximum_over_neighbors() -> None:
    x = torch.tensor([[1.0, 5.0, -2.0, -3.0]])
    assert Largest(2)(x).tolist() == [[5.0, -2.0]]
    assert Largest(2)(x[:, :, None, None]).flatten().tolist() == [5.0, -2.0]


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet"])
def test_pieces_multiply_the_outputs_of_hidden_layers(kind: str) -> None:
    one, three = (build(spec(kind, pieces=pieces)) for pieces in (1, 3))
    outputs = [
        [len(m.weight) for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        for network in (one, three)
    ]
    assert outputs[1] == [*(3 * features for features in outputs[0][:-1]), 10]


@pytest.mark.parametrize(("kind", "keeping"), [("mlp", 4), ("cnn", 3), ("resnet", 3)])
def test_what_keeps_its_shape_is_repeated(kind: str, keeping: int) -> None:
    """A ResNet of 5 blocks has 2 + 2 + 1; the first ones of stages 2 and 3 change the shape."""
    plain, twice, tied = (
        build(spec(kind, depth=5, **more))
        for more in ({}, {"repeats": 2}, {"repeats": 2, "tied": True})
    )
    unit = nn.Linear if kind == "mlp" else nn.Conv2d
    layers = 2 if kind == "resnet" else 1
    counts = [len(found(network, unit)) for network in (plain, twice, tied)]
    assert counts == [counts[0], counts[0] + keeping * layers, counts[0]]
    image = (1, 8, 8)
    assert multiply_adds(twice, image) == multiply_adds(tied, image) > multiply_adds(plain, image)


def test_tied_layers_keep_norms_of_their_own() -> None:
    first, second = (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)) for _ in range(2))
    tie([first, second])
    assert first[0] is second[0] and first[1] is not second[1]


@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet"])
@pytest.mark.parametrize("repeats", [1, 2])
def test_drop_path_grows_to_the_last_skip(kind: str, repeats: int) -> None:
    parts: list[float] = []

    def drop_path(part: float) -> nn.Module:
        parts.append(part)
        return nn.Identity()

    build(spec(kind, depth=5, drop_path=drop_path, repeats=repeats))
    assert parts == [], "without skips there is nothing to drop"
    build(spec(kind, depth=5, drop_path=drop_path, repeats=repeats, skip=True))
    assert parts == sorted(parts) and parts[0] > 0 and parts[-1] == 1
    assert len(parts) == len(set(parts))


def test_drop_path_stands_on_the_branch() -> None:
    nothing = nn.Threshold(float("inf"), 0.0)
    block = Block(spec("resnet", skip=True, drop_path=lambda part: nothing), 16, 16, 1)
    x = torch.randn(2, 16, 4, 4).relu()
    assert torch.equal(block(x), x)


def test_attention_ends_the_branch() -> None:
    """What is added to the skip has been through it; the skip has not."""

    class Nothing(nn.Module):
        def __init__(self, features: int) -> None:
            super().__init__()
            assert features == 16

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 0 * x

    x = torch.randn(2, 16, 4, 4).relu()
    assert torch.equal(Block(spec("resnet", skip=True, attention=Nothing), 16, 16, 1)(x), x)
    assert len(found(build(spec("cnn", depth=4, attention=Marked)), Marked)) == 4


def test_map_dropout_follows_activations() -> None:
    assert len(found(build(spec("cnn", map_dropout=Marked)), Marked)) == 3
    assert len(found(build(spec("resnet", map_dropout=Marked)), Marked)) == 3
    branch = Block(spec("resnet", map_dropout=Marked), 16, 16, 1).branch
    assert [type(one).__name__ for one in branch] == ["Conv2d", "ReLU", "Marked", "Conv2d"]


def test_downsample_replaces_strides_and_poolings() -> None:
    makes: list[int] = []

    def downsample(features: int) -> nn.Module:
        makes.append(features)
        return nn.AvgPool2d(2)

    network = build(spec("cnn", downsample=downsample))
    assert makes == [16, 32] and not found(network, nn.MaxPool2d)
    makes.clear()
    network = build(spec("resnet", downsample=downsample))
    assert makes == [32, 64]
    assert {one.stride for one in found(network, nn.Conv2d)} == {(1, 1)}
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 10)
    makes.clear()
    build(spec("resnet", downsample=downsample, skip=True))
    assert makes == [32, 16, 64, 32], "the skip is made smaller in the same way"


@pytest.mark.parametrize("side", [8, 7])
def test_a_skip_that_pools_takes_means_and_no_pixel_twice(side: int) -> None:
    x = torch.randn(2, 4, side, side)
    out = Shortcut(spec("resnet", shortcut="pool"), 4, 8, 2)(x)
    expected = avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
    torch.testing.assert_close(out, pad(expected, (0, 0, 0, 0, 0, 4)))
    if side == 7:
        torch.testing.assert_close(out[:, :4, -1, -1], x[:, :, -1, -1])


def test_convolutions_can_be_replaced() -> None:
    asked: list[tuple[int, int, int, int, bool]] = []

    def convolution(
        channels: int, features: int, kernel: int, stride: int, bias: bool
    ) -> nn.Module:
        asked.append((channels, features, kernel, stride, bias))
        return nn.Conv2d(channels, features, kernel, stride, kernel // 2, bias=bias)

    filled = build(spec("resnet", convolution=convolution, depth=2, kernel=5))
    assert asked[:2] == [(1, 16, 5, 1, True), (16, 16, 5, 1, True)] and len(asked) == 5
    assert (16, 32, 5, 2, True) in asked
    plain = build(spec("resnet", depth=2, kernel=5))
    assert [p.shape for p in filled.parameters()] == [p.shape for p in plain.parameters()]


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_kernels_keep_the_size_of_maps(kernel: int) -> None:
    for kind in ("cnn", "resnet"):
        shapes = [build(spec(kind, kernel=side))[-1].in_features for side in (3, kernel)]
        assert shapes[0] == shapes[1]


def test_the_stem_counts_its_convolutions() -> None:
    stems = [list(build(spec("resnet", stem=stem)))[: 2 * stem] for stem in (1, 3)]
    names = [[type(one).__name__ for one in stem] for stem in stems]
    assert names == [["Conv2d", "ReLU"], ["Conv2d", "ReLU"] * 3]


def test_a_block_keeps_its_skip_around_what_a_trick_puts_in() -> None:
    def nothing(spec: NetworkSpec, channels: int, features: int, stride: int) -> nn.Module:
        assert (channels, features, stride) == (16, 32, 2)
        return nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(16, 32, 1), nn.Threshold(float("inf"), 0.0))

    x = torch.randn(2, 16, 8, 8).relu()
    out = Block(spec("resnet", skip=True, block=nothing), 16, 32, 2)(x)
    assert torch.equal(out[:, :16], x[:, :, ::2, ::2]) and not out[:, 16:].any()


def test_a_block_of_a_trick_is_made_smaller_by_the_other_trick() -> None:
    def whole(spec: NetworkSpec, channels: int, features: int, stride: int) -> nn.Module:
        assert stride == 1
        return nn.Conv2d(channels, features, 3, padding=1)

    halve = partial(nn.MaxPool2d, 2)
    filled = spec("resnet", skip=True, block=whole, downsample=lambda features: halve())
    block = Block(filled, 16, 32, 2)
    x = torch.randn(2, 16, 8, 8)
    skip = pad(max_pool2d(x, 2), (0, 0, 0, 0, 0, 16))
    torch.testing.assert_close(block(x), (block.branch[1](max_pool2d(x, 2)) + skip).relu())


@pytest.mark.parametrize(("depth", "stages"), [(1, 1), (2, 2), (5, 3)])
def test_fusion_gets_the_last_map_of_every_stage(depth: int, stages: int) -> None:
    class Fusion(nn.Module):
        def __init__(self, channels: list[int]) -> None:
            super().__init__()
            assert channels == [16, 32, 64][:stages]
            self.features = sum(channels)

        def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
            assert [one.shape[1:] for one in maps] == [(16, 8, 8), (32, 4, 4), (64, 2, 2)][:stages]
            return torch.cat([one.mean((2, 3)) for one in maps], 1)

    network = build(spec("resnet", depth=depth, fusion=Fusion))
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 10)
    plain = build(spec("resnet", depth=depth))
    same = [
        [p.shape for p in one.parameters() if p.dim() == 4] for one in (network, plain)
    ]  # the same blocks in the same order
    assert same[0] == same[1]
