"""Class balance: torch's weighted sampler, and shares of classes that are equal."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import WeightedRandomSampler

from tricks.base import Split
from tricks.data.class_balance import ClassBalance, balance_weights

Y = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
SPLIT = Split(x=torch.zeros(1000, 1, 1, 1), y=Y, classes=4)  # of class 3 there is no example


def test_weights_of_a_class_sum_to_one() -> None:
    weights = balance_weights(Y)
    for one in range(3):
        assert weights[one == Y].sum().item() == pytest.approx(1)


def test_it_is_torchs_sampler() -> None:
    weights = (1 / torch.tensor([900.0, 90.0, 10.0], dtype=torch.float64))[Y]
    reference = WeightedRandomSampler(weights, 1000, generator=torch.Generator().manual_seed(7))
    ours = ClassBalance().sampler(SPLIT, torch.Generator().manual_seed(7))
    assert ours.tolist() == list(reference)


def test_classes_come_equally_often() -> None:
    rng, trick = torch.Generator().manual_seed(0), ClassBalance()
    drawn = torch.cat([Y[trick.sampler(SPLIT, rng)] for _ in range(20)])
    shares = drawn.bincount().double() / len(drawn)
    assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.015)
