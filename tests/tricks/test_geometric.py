"""Moving pixels: each example alone against torchvision's functional with the same numbers.

torchvision is given no fill: with one it weakens the pixels along the border twice.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import interpolate
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from trainer.checks import notices
from trainer.experiment import Setup
from tricks.augmentation.affine import Affine, affine
from tricks.augmentation.colout import Colout, colout
from tricks.augmentation.elastic import Elastic, elastic
from tricks.augmentation.hflip import Hflip, hflip
from tricks.augmentation.multi_scale import MultiScale
from tricks.augmentation.random_crop import RandomCrop, random_crop
from tricks.augmentation.random_resized_crop import RandomResizedCrop, resized_crop
from tricks.augmentation.random_scale import random_scale
from tricks.augmentation.rotate import Rotate, rotate

BILINEAR = InterpolationMode.BILINEAR
X = torch.rand(5, 3, 12, 10, generator=torch.Generator().manual_seed(0))
Y = torch.eye(5)
DEGREES = torch.tensor([0.0, 90.0, -37.0, 12.5, 180.0])
NONE = torch.zeros(5)


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_chosen_examples_are_mirrored() -> None:
    chosen = torch.tensor([True, False, True, False, False])
    expected = [functional.horizontal_flip(x) if c else x for x, c in zip(X, chosen, strict=True)]
    torch.testing.assert_close(hflip(X, chosen), torch.stack(expected))
    many = torch.rand(4000, 1, 1, 2, generator=dice())
    flipped = Hflip(p=0.3).batch(many, many, dice())[0]
    assert (flipped != many).any(-1).float().mean().item() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("padding", [1, 3])
def test_a_crop_is_torchvisions(padding: int) -> None:
    top, left = (torch.randint(2 * padding + 1, (5,), generator=dice(i)) for i in (1, 2))
    fill = torch.tensor([0.2, 0.4, 0.6])[:, None, None]
    new = random_crop(X, top, left, padding, fill)
    for x, *at, mine in zip(X, top.tolist(), left.tolist(), new, strict=True):
        wide = functional.pad(x, [padding], fill=[0.2, 0.4, 0.6])
        torch.testing.assert_close(mine, functional.crop(wide, *at, 12, 10))


def test_the_default_shift_is_an_eighth_of_the_side_and_takes_every_place() -> None:
    image = torch.zeros(900, 1, 8, 8)
    image[:, :, 4, 4] = 1
    new, _ = RandomCrop().batch(image, image, dice())
    places = {tuple(one.tolist()) for one in new[:, 0].nonzero()[:, 1:]}
    assert places == {(row, column) for row in (3, 4, 5) for column in (3, 4, 5)}


def test_rotation_is_torchvisions() -> None:
    new = rotate(X, DEGREES, 0.0)
    for x, angle, mine in zip(X, DEGREES.tolist(), new, strict=True):
        theirs = functional.rotate(x, angle, interpolation=BILINEAR)
        torch.testing.assert_close(mine, theirs, atol=2e-5, rtol=0)


def test_scale_and_affine_are_torchvisions() -> None:
    scale, shear = torch.tensor([1.0, 0.7, 1.3, 1.1, 0.9]), torch.tensor([0.0, 20, -15, 5, 30])
    across, down = torch.tensor([0.0, 2, -3, 1, 4]), torch.tensor([1.0, 0, -2, 3, -1])
    both = affine(X, DEGREES, (across, down), scale, shear, 0.0)
    only = random_scale(X, scale, 0.0)
    for i, x in enumerate(X):
        a, s, h = DEGREES[i].item(), scale[i].item(), [shear[i].item(), 0.0]
        t = [int(across[i]), int(down[i])]
        theirs = functional.affine(x, a, t, s, h, interpolation=BILINEAR)
        torch.testing.assert_close(both[i], theirs, atol=2e-5, rtol=0)
        theirs = functional.affine(x, 0.0, [0, 0], s, [0.0, 0.0], interpolation=BILINEAR)
        torch.testing.assert_close(only[i], theirs, atol=2e-5, rtol=0)


def test_what_turns_in_is_black_whatever_the_inputs_mean() -> None:
    white = torch.full((1, 1, 9, 9), 3.0)
    turned = rotate(white, torch.tensor([45.0]), torch.tensor([-2.0]))
    assert turned[0, 0, 0, 0] == -2 and turned[0, 0, 4, 4] == 3


def test_a_resized_crop_is_the_crop_enlarged() -> None:
    """Rows 2 to 7 and columns 1 to 5, away from its border, where torchvision repeats the edge."""
    size, center = torch.tensor([[5 / 10, 6 / 12]]), torch.tensor([[-1.5 / 10, -1 / 12]])
    mine = resized_crop(X[:1], center, size)
    theirs = interpolate(X[:1, :, 2:8, 1:6], size=(12, 10), mode="bilinear", align_corners=False)
    torch.testing.assert_close(mine[..., 1:-1, 1:-1], theirs[..., 1:-1, 1:-1], atol=1e-5, rtol=0)
    whole = resized_crop(X, torch.zeros(5, 2), torch.ones(5, 2))
    torch.testing.assert_close(whole, X, atol=1e-5, rtol=0)


def test_a_resized_crop_has_the_area_and_the_ratio_asked_for() -> None:
    """A ramp tells where it was read: its slope is the size of the part."""
    ramp = torch.arange(64.0)
    x = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64)]).expand(500, 2, 64, 64)
    new, _ = RandomResizedCrop(scale=0.3, ratio=2.0).batch(x, x, dice())
    across = new[:, 0, 32, 33] - new[:, 0, 32, 32]
    down = new[:, 1, 33, 32] - new[:, 1, 32, 32]
    assert 0.29 < (across * down).min() < 0.33 and (across * down).max() > 0.93
    assert across.max() < 1.001 and down.max() < 1.001
    assert 1.8 < (across / down).max() < 2.01 and 0.49 < (across / down).min() < 0.56


def test_elastic_is_torchvisions() -> None:
    field = 2 * torch.randn(5, 12, 10, 2, generator=dice())
    new = elastic(X, field, 0.0)
    for x, pixels, mine in zip(X, field, new, strict=True):
        part = pixels[None] * torch.tensor([2 / 10, 2 / 12])
        theirs = functional.elastic(x, part, interpolation=BILINEAR)
        torch.testing.assert_close(mine, theirs, atol=2e-5, rtol=0)


def test_elastic_moves_pixels_as_far_as_the_blur_of_noise_says() -> None:
    """Uniform noise has deviation 1 / sqrt 3; a blur of sigma divides it by sqrt(4 pi) sigma."""
    ramp = torch.arange(64.0).expand(8, 1, 64, 64)
    moved = Elastic(alpha=40, sigma=4).batch(ramp, ramp, dice())[0] - ramp
    inner = moved[..., 24:-24, 24:-24]  # so far in that nothing is read from outside
    assert inner.std().item() == pytest.approx(
        40 / math.sqrt(3) / (math.sqrt(4 * math.pi) * 4), rel=0.25
    )


def test_colout_keeps_lines_in_their_order_and_the_same_for_all() -> None:
    rows, columns = torch.tensor([0, 2, 5]), torch.tensor([1, 9])
    torch.testing.assert_close(colout(X, rows, columns), X[:, :, [0, 2, 5]][..., [1, 9]])
    ramp = torch.arange(120.0).reshape(1, 1, 12, 10).expand(3, 1, 12, 10)
    new, _ = Colout(p=0.3).batch(ramp, ramp, dice())
    assert new.shape == (3, 1, 8, 7)
    assert (new.diff(dim=-1) > 0).all() and (new.diff(dim=-2) > 0).all()
    assert torch.equal(new[0], new[2])


def test_a_size_lasts_for_so_many_batches() -> None:
    trick, rng = MultiScale(scale=0.5, every=3), dice()
    sizes = [tuple(trick.batch(X, Y, rng)[0].shape[-2:]) for _ in range(30)]
    for k in range(0, 30, 3):
        assert len(set(sizes[k : k + 3])) == 1
    assert len(set(sizes)) > 5
    assert all(6 <= height <= 18 and 5 <= width <= 15 for height, width in sizes)


def titles(trick: object, **setup: object) -> list[str]:
    given = Setup.model_validate({"epochs": 2, **setup})
    return [f"{one.kind}: {one.title}" for one in notices(given, [trick])]


def test_mirrored_digits_are_warned_of_and_mirrored_clothes_are_not() -> None:
    warning = "warning: Horizontal flip makes wrong examples of digits"
    assert titles(Hflip()) == [warning]
    assert titles(Hflip(p=0)) == []
    assert titles(Hflip(), dataset="shapes") == titles(Hflip(), dataset="fashion_mnist") == []


@pytest.mark.parametrize("kind", [Rotate, Affine])
def test_digits_turned_too_far_are_hinted_at(kind: type[Rotate] | type[Affine]) -> None:
    assert [one[:5] for one in titles(kind(degrees=46))] == ["hint:"]
    assert titles(kind(degrees=45)) == []
    assert titles(kind(degrees=90), dataset="shapes") == []


@pytest.mark.parametrize("trick", [Colout(), MultiScale()])
def test_changing_sizes_need_global_pooling(trick: Colout | MultiScale) -> None:
    for kind in ("mlp", "cnn"):
        assert [one[:6] for one in titles(trick, network={"kind": kind})] == ["error:"]
    assert titles(trick, network={"kind": "resnet"}) == []
