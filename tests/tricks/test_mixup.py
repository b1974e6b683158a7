"""Mixup against torchvision's, and the distribution of its shares."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import one_hot

from tricks.augmentation.mixup import Mixup, mixup

DRAW = torch.Generator().manual_seed(0)
X = torch.randn(6, 3, 4, 4, generator=DRAW)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])
Y = one_hot(LABELS, 5).float()


def shares(alpha: float, count: int, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    pair = torch.tensor([1.0, 0.0]).reshape(2, 1, 1, 1)
    trick = Mixup(alpha=alpha)
    mixed = [trick.batch(pair, torch.eye(2), rng)[0][0].item() for _ in range(count)]
    return torch.tensor(mixed, dtype=torch.float64)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.75, 1.0])
def test_it_is_torchvisions(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.transforms import v2

    reference = v2.MixUp(alpha=1.0, num_classes=5)
    monkeypatch.setattr(reference._dist, "sample", lambda *size: torch.tensor(share))
    x, y = reference(X, LABELS)
    torch.testing.assert_close(mixup(X, share, dim=-4), x)
    torch.testing.assert_close(mixup(Y, share, dim=-2), y)


def test_image_and_label_have_the_same_share() -> None:
    x, y = Mixup(alpha=1.0).batch(Y.reshape(6, 5, 1, 1), Y, torch.Generator().manual_seed(3))
    torch.testing.assert_close(x.reshape(6, 5), y)
    torch.testing.assert_close(y.sum(-1), torch.ones(6))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_beta_distributed(alpha: float) -> None:
    """Mean 1/2 and variance 1 / (4 (2 alpha + 1))."""
    drawn = shares(alpha, 4000)
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.03)
    assert drawn.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.08)


def test_dice_are_its_own() -> None:
    before = torch.random.get_rng_state()
    assert torch.equal(shares(0.2, 20), shares(0.2, 20))
    assert not torch.equal(shares(0.2, 20), shares(0.2, 20, seed=1))
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_batch_it_was_given_is_not_changed() -> None:
    x, y = X.clone(), Y.clone()
    Mixup(alpha=1.0).batch(x, y, torch.Generator().manual_seed(0))
    assert torch.equal(x, X) and torch.equal(y, Y)
