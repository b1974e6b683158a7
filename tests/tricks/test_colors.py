"""Changing brightness and color: against torchvision, Python's colorsys and closed forms."""

from __future__ import annotations

import colorsys
from types import SimpleNamespace

import pytest
import torch
from torchvision.transforms.v2 import functional

from trainer.checks import notices
from trainer.experiment import Setup
from tricks.augmentation.blur import Blur
from tricks.augmentation.color_jitter import ColorJitter, color_jitter
from tricks.augmentation.fancy_pca import FancyPca, color_axes, fancy_pca
from tricks.augmentation.gaussian_noise import GaussianNoise
from tricks.augmentation.hsv_power import HsvPower, hsv_power
from tricks.base import Pixels, Split
from tricks.layers.images import blurred, hsv_to_rgb, rgb_to_hsv

X = torch.rand(4, 3, 6, 7, generator=torch.Generator().manual_seed(0))
COLORS = (ColorJitter, HsvPower, FancyPca)


def each(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None, None, None]


def dice() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_hue_saturation_and_value_are_pythons() -> None:
    plain = torch.tensor([[0, 0, 0], [1, 1, 1], [0.3, 0.3, 0.3], [1, 0, 0], [0, 1, 0], [0, 0, 1],
                          [1, 1, 0], [0, 1, 1], [1, 0, 1]])  # fmt: skip
    colors = torch.cat([plain, X.movedim(1, -1).reshape(-1, 3)])
    mine = rgb_to_hsv(colors.T[:, :, None])[..., 0].T
    theirs = torch.tensor([colorsys.rgb_to_hsv(*one) for one in colors.tolist()])
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
    torch.testing.assert_close(hsv_to_rgb(rgb_to_hsv(X)), X, atol=1e-5, rtol=0)


def test_jitter_is_torchvisions_with_each_examples_own_factors() -> None:
    brightness, contrast = each(0.6, 1.4, 1.0, 0.9), each(1.3, 0.7, 1.0, 0.5)
    saturation, hue = each(0.6, 1.4, 1.0, 0.0), each(-0.1, 0.4, 0.0, 0.2)
    mine = color_jitter(X, brightness, contrast, saturation, hue)
    for i, x in enumerate(X):
        x = functional.adjust_brightness(x, brightness[i].item())
        x = functional.adjust_contrast(x, contrast[i].item())
        x = functional.adjust_saturation(x, saturation[i].item())
        x = functional.adjust_hue(x, hue[i].item())
        torch.testing.assert_close(mine[i], x, atol=2e-5, rtol=0)
    torch.testing.assert_close(mine[2], X[2], atol=2e-5, rtol=0)


def test_hsv_power_of_one_color_by_hand() -> None:
    """Hue 0.1, saturation 0.5, value 0.8: 1.2 s^2 - 0.1 = 0.2, 0.9 v^0.5 + 0.05, hue 0.95."""
    color = torch.tensor(colorsys.hsv_to_rgb(0.1, 0.5, 0.8))[None, :, None, None]
    two = [torch.tensor(one)[None, :, None, None] for one in ([2, 0.5], [1.2, 0.9], [-0.1, 0.05])]
    new = hsv_power(color, *two, each(-0.15))
    expected = colorsys.hsv_to_rgb(0.95, 0.2, 0.9 * 0.8**0.5 + 0.05)
    torch.testing.assert_close(new.flatten(), torch.tensor(expected))


def test_hsv_power_draws_the_published_ranges() -> None:
    """A gray pixel of value v: powers from v^4 to v^0.25, factors 0.7 to 1.4, plus or minus 0.1."""
    gray = torch.full((4000, 3, 1, 1), 0.5)
    value = HsvPower().batch(gray, gray, dice())[0].amax(1).flatten()
    assert value.min() >= 0 and value.max() <= 1
    assert value.min() < 0.05 and value.max() > 0.95
    weak = HsvPower(strength=0.1).batch(gray, gray, dice())[0].amax(1).flatten()
    low, high = 0.5 ** (4**0.1) * 0.7**0.1 - 0.01, 0.5 ** (4**-0.1) * 1.4**0.1 + 0.01
    assert low - 1e-5 <= weak.min() < low + 0.02 and high - 0.02 < weak.max() <= high + 1e-5


def test_color_axes_are_numpys_eigenvectors() -> None:
    import numpy as np

    pixels = X.movedim(1, -1).reshape(-1, 3).double().numpy()
    values, vectors = np.linalg.eigh(np.cov(pixels.T))
    axes = color_axes(X).double().numpy()
    np.testing.assert_allclose(np.abs(axes), np.abs(vectors * values), atol=1e-6)


def test_fancy_pca_moves_every_pixel_of_an_image_alike() -> None:
    axes = torch.tensor([[1.0, 0, 2], [0, 1, 0], [3, 0, 0]])
    new = fancy_pca(X, axes, torch.tensor([[1.0, 2, 0], [0, 0, 0], [0, 0, 1], [1, 1, 1]]))
    shift = (new - X)[..., 0, 0]
    torch.testing.assert_close(shift, torch.tensor([[1.0, 2, 3], [0, 0, 0], [2, 0, 0], [3, 1, 3]]))
    torch.testing.assert_close(new - X, shift[..., None, None].expand_as(X))


def test_fancy_pca_shifts_brightness_whatever_the_inputs_are() -> None:
    mean, spread = torch.rand(2, 3, 1, 1, generator=dice())
    moved = []
    for pixels in (Pixels(mean=mean, spread=spread + 0.1),
                   Pixels(mean=torch.zeros(3, 1, 1), spread=torch.ones(3, 1, 1))):  # fmt: skip
        trick = FancyPca(sigma=1.0)
        trick.tools = SimpleNamespace(pixels=pixels)
        x = pixels.from_unit(X)
        trick.dataset(Split(x=x, y=torch.zeros(4), classes=2), dice())
        moved.append((trick.batch(x, x, dice())[0] - x) * pixels.spread)
    torch.testing.assert_close(moved[0], moved[1], atol=1e-5, rtol=1e-3)
    assert moved[0].abs().max() > 1e-3


def test_blur_is_torchvisions_with_each_examples_own_deviation() -> None:
    sigma = each(0.3, 0.8, 1.5, 2.0)
    mine = blurred(X, sigma, 3)
    for x, one, new in zip(X, sigma, mine, strict=True):
        theirs = functional.gaussian_blur(x, [7, 7], [one.item()] * 2)
        torch.testing.assert_close(new, theirs, atol=1e-5, rtol=0)


def test_blur_keeps_flat_images_and_flattens_others() -> None:
    flat = torch.full((3, 1, 8, 8), 0.7)
    torch.testing.assert_close(Blur(sigma=3).batch(flat, flat, dice())[0], flat)
    many = X[:1].expand(200, 3, 6, 7)
    spread = Blur(sigma=1).batch(many, many, dice())[0].std((1, 2, 3))
    assert (spread <= X[0].std() + 1e-6).all()
    assert spread.min() < 0.5 * X[0].std() and spread.max() > 0.99 * X[0].std()


def test_noise_has_its_deviation_in_brightness() -> None:
    trick = GaussianNoise(sigma=0.2)
    spread = torch.tensor([0.5, 2.0])[:, None, None]
    trick.tools = SimpleNamespace(pixels=Pixels(mean=torch.zeros(2, 1, 1), spread=spread))
    x = torch.zeros(200, 2, 8, 8)
    noise = trick.batch(x, x, dice())[0] * spread
    assert noise.std((0, 2, 3)).tolist() == pytest.approx([0.2, 0.2], rel=0.03)
    assert noise.mean().item() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("kind", COLORS)
def test_gray_images_have_no_colors_to_change(kind: type[ColorJitter]) -> None:
    def found(dataset: str) -> list[str]:
        setup = Setup.model_validate({"dataset": dataset, "epochs": 1})
        return [one.title for one in notices(setup, [kind()]) if one.kind == "error"]

    assert found("digits") == [f"{kind.card.title} has no colors to change"]
    assert found("shapes") == found("cifar10") == []
