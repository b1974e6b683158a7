"""Group norm: the thread's own code, divisors, and no dependence on the batch."""

from __future__ import annotations

import pytest
import torch

from tricks.normalization.group_norm import GroupNorm, divisor


def test_layer_equals_the_code_of_the_thread() -> None:
    x_NCHW = 2 + 3 * torch.randn(4, 32, 5, 5, generator=torch.Generator().manual_seed(0))
    grouped = x_NCHW.reshape(4, 8, -1)
    mean = grouped.mean(-1, keepdim=True)
    deviation = torch.sqrt(grouped.var(-1, correction=0, keepdim=True) + 1e-5)
    by_hand = ((grouped - mean) / deviation).reshape(x_NCHW.shape)
    assert (GroupNorm(groups=8).layer(32, True)(x_NCHW) - by_hand).abs().max() < 5e-6


def test_an_example_does_not_see_its_batch() -> None:
    x_NC = torch.randn(6, 16, generator=torch.Generator().manual_seed(0))
    layer = GroupNorm().layer(16, False)
    torch.testing.assert_close(layer(x_NC)[:1], layer(x_NC[:1]))


@pytest.mark.parametrize(
    ("groups", "features", "images", "expected"),
    [
        (8, 128, True, 8),
        (8, 12, True, 4),  # the greatest common divisor
        (8, 7, True, 1),
        (32, 16, True, 16),
        (8, 8, True, 8),  # one channel a group: the pixels are enough
        (8, 8, False, 4),  # without pixels a group of one would always be zero
        (64, 64, False, 32),
        (5, 5, False, 1),
        (3, 1, False, 1),
    ],
)
def test_groups_are_reduced_to_a_divisor(
    groups: int, features: int, images: bool, expected: int
) -> None:
    assert divisor(groups, features, images) == expected


def test_features_of_an_mlp_never_become_all_zero() -> None:
    x_NC = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    assert GroupNorm(groups=8).layer(8, False)(x_NC).abs().min() > 0
