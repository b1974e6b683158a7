"""Zero-mean input and whitening: torchvision's formula, and what the results look like."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torchvision.transforms import v2

from trainer.checks import notices
from trainer.experiment import Setup
from tricks.base import Split, Trick
from tricks.data.pca_whitening import PCAWhitening, whitening
from tricks.data.zero_center_norm import ZeroCenterNorm, channel_statistics

DRAW = torch.Generator().manual_seed(0)
X = 200 + 30 * torch.rand(500, 3, 4, 5, generator=DRAW) * torch.arange(1, 4)[:, None, None]
SPLIT = Split(x=X, y=torch.zeros(500, dtype=torch.long), classes=10)


def titles(setup: dict[str, Any], *tricks: Trick) -> list[str]:
    found = notices(Setup.model_validate({"epochs": 1, **setup}), tricks)
    return [f"{one.kind}: {one.title}" for one in found]


def first(trick: Trick) -> nn.Module:
    built = trick.surgery(nn.Identity(), SPLIT, torch.Generator())
    assert not list(built.parameters())
    return built


def test_it_is_torchvisions_normalization() -> None:
    mean, spread = (one.flatten().tolist() for one in channel_statistics(X))
    torch.testing.assert_close(first(ZeroCenterNorm())(X), v2.Normalize(mean, spread)(X))
    ours = first(ZeroCenterNorm(divide=0))(X)
    torch.testing.assert_close(ours, X - X.mean((0, 2, 3), keepdim=True))
    assert ours.mean().abs() < 1e-3


def test_a_channel_that_never_changes_stays_finite() -> None:
    flat = Split(x=torch.full((4, 1, 2, 2), 7.0), y=torch.zeros(4), classes=2)
    built = ZeroCenterNorm().surgery(nn.Identity(), flat, torch.Generator())
    assert torch.equal(built(flat.x), torch.zeros(4, 1, 2, 2))


def test_whitened_inputs_have_the_unit_matrix_as_covariance() -> None:
    white = first(PCAWhitening(epsilon=1e-8))(X).flatten(1).double()
    torch.testing.assert_close(white.mean(0), torch.zeros(60).double(), atol=1e-3, rtol=0)
    covariance = white.T @ white / len(white)
    torch.testing.assert_close(covariance, torch.eye(60).double(), atol=1e-2, rtol=0)


def test_it_is_the_formula_with_numpys_svd() -> None:
    x = X.flatten(1).double()
    mean, matrix = whitening(x, 1e-5)
    u, s, _ = torch.linalg.svd((x - mean).T @ (x - mean) / len(x))
    theirs, ours = (x - mean) @ u / (s + 1e-5).sqrt(), (x - mean) @ matrix
    # eigh sorts upwards, and the sign of a direction is free.
    torch.testing.assert_close(ours.flip(1).abs(), theirs.abs(), atol=1e-6, rtol=1e-6)


def test_a_large_epsilon_leaves_directions_of_noise_small() -> None:
    x = torch.randn(400, 2, generator=DRAW).double() * torch.tensor([3.0, 0.001])
    mean, matrix = whitening(x, 0.01)
    assert ((x - mean) @ matrix).std(0).min() < 0.02


def test_rules() -> None:
    assert "hint: The inputs have mean 0 and deviation 1 already" in titles({}, ZeroCenterNorm())
    assert titles({"preprocessing": "raw"}, ZeroCenterNorm()) == []
    both = titles({"preprocessing": "raw"}, ZeroCenterNorm(), PCAWhitening())
    assert both == ["hint: Zero-mean input before PCA whitening changes nothing"]
    assert titles({"preprocessing": "raw"}, PCAWhitening()) == []
    in_cnn = titles({"preprocessing": "raw", "network": {"kind": "cnn"}}, PCAWhitening())
    assert in_cnn[0].startswith("error")
