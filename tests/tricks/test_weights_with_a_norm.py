"""Spectral norm, weight norm and weight standardization: what the layers' weights become."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.checks import notices
from trainer.experiment import Setup
from tricks.base import Split, Trick
from tricks.layers.weight_standardization import standardize
from tricks.normalization.batch_norm import BatchNorm
from tricks.normalization.group_norm import GroupNorm
from tricks.normalization.spectral_norm import SpectralNorm
from tricks.normalization.weight_norm import WeightNorm
from tricks.normalization.weight_standardization import WeightStandardization

SPLIT = Split(x=torch.zeros(2, 1, 8, 8), y=torch.zeros(2, dtype=torch.long), classes=10)


def operated(trick: Trick, seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 8), nn.Linear(8, 10)
        )
    return trick.surgery(network, SPLIT, torch.Generator().manual_seed(seed))


def kinds(*tricks: Trick) -> list[str]:
    return [one.kind for one in notices(Setup.model_validate({"steps": 10}), tricks)]


@pytest.mark.parametrize("at", [0, 3, 4])
def test_spectral_norm_leaves_a_largest_singular_value_of_1(at: int) -> None:
    network = operated(SpectralNorm(n_power_iterations=10)).train()
    for _ in range(20):
        weight = network[at].weight
    largest = torch.linalg.svdvals(weight.flatten(1))[0]
    assert largest.item() == pytest.approx(1.0, abs=1e-3)


def test_spectral_norm_draws_from_its_own_generator() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, other = operated(SpectralNorm()), operated(SpectralNorm())
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one[3].weight, other[3].weight)


def test_weight_norm_starts_as_the_plain_net() -> None:
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(operated(WeightNorm())(x), operated(Trick())(x))


def test_weight_norm_learns_length_and_direction_apart() -> None:
    layer = operated(WeightNorm())[3]
    length, direction = (
        layer.parametrizations.weight.original0,
        layer.parametrizations.weight.original1,
    )
    torch.testing.assert_close(layer.weight.norm(dim=1, keepdim=True), length)
    with torch.no_grad():
        direction.mul_(7)
    torch.testing.assert_close(layer.weight.norm(dim=1, keepdim=True), length)


def test_standardized_weights_have_mean_0_and_kaimings_deviation() -> None:
    weight = 3 + torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    rows = standardize(weight).flatten(1)
    torch.testing.assert_close(rows.mean(1), torch.zeros(6), atol=1e-6, rtol=0)
    torch.testing.assert_close(rows.var(1, correction=0), torch.full((6,), 2 / 36))


def test_standardizing_forgets_scale_and_shift_of_a_filter() -> None:
    weight = torch.randn(6, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(standardize(4 * weight - 1), standardize(weight))


def test_equal_weights_do_not_become_infinite() -> None:
    weight = torch.ones(2, 5, requires_grad=True)
    standardize(weight).sum().backward()
    assert weight.grad.isfinite().all()


def test_behind_a_norm_the_constant_makes_no_difference() -> None:
    """The papers' deviation is 1, ours Kaiming's: same output, same gradient."""
    draw = torch.Generator().manual_seed(0)
    x_NC, weight = torch.randn(16, 9, generator=draw).double(), torch.randn(4, 9, generator=draw)
    found = []
    for constant in (1.0, (9 / 2) ** 0.5):
        w = weight.double().requires_grad_()
        y = nn.functional.batch_norm(
            x_NC @ (constant * standardize(w)).T, None, None, training=True, eps=1e-12
        )
        y.pow(3).sum().backward()
        found.append((y.detach(), w.grad))
    torch.testing.assert_close(found[0], found[1])


def test_the_last_layer_is_not_standardized() -> None:
    network, plain = operated(WeightStandardization()), operated(Trick())
    assert torch.equal(network[4].weight, plain[4].weight)
    assert not torch.allclose(network[3].weight, plain[3].weight)


@pytest.mark.parametrize(
    ("tricks", "found"),
    [
        ([SpectralNorm()], []),
        ([SpectralNorm(), WeightNorm()], ["error"]),
        ([SpectralNorm(), WeightStandardization(), GroupNorm()], ["error", "hint"]),
        ([SpectralNorm(), GroupNorm()], ["hint"]),
        ([WeightNorm()], []),
        ([WeightNorm(), BatchNorm()], ["hint"]),
        ([WeightNorm(), WeightStandardization(), GroupNorm()], ["error"]),
        ([WeightStandardization()], ["hint"]),
        ([WeightStandardization(), GroupNorm()], []),
    ],
)
def test_what_is_said_before_launch(tricks: list[Trick], found: list[str]) -> None:
    assert kinds(*tricks) == found
