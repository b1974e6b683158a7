"""Label smoothing against torch's cross-entropy and the thread's formula."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy, one_hot

from tricks.loss.label_smoothing import LabelSmoothing, label_smoothing


def test_cross_entropy_with_it_is_torchs() -> None:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 10, generator=draw)
    y = torch.randint(0, 10, (50,), generator=draw)
    for epsilon in (0.0, 0.05, 0.1, 0.3):
        soft = label_smoothing(one_hot(y, 10).float(), epsilon)
        ours = -(soft * logits.log_softmax(-1)).sum(-1).mean()
        torch.testing.assert_close(ours, cross_entropy(logits, y, label_smoothing=epsilon))


def test_the_threads_weighted_mean_of_uniform_and_hard_labels() -> None:
    y = one_hot(torch.tensor([2]), 4).float()
    uniform = torch.full((1, 4), 0.25)
    torch.testing.assert_close(label_smoothing(y, 0.1), 0.9 * y + 0.1 * uniform)
    torch.testing.assert_close(
        label_smoothing(y, 0.1), torch.tensor([[0.025, 0.025, 0.925, 0.025]])
    )


def test_images_stay() -> None:
    x, y = torch.randn(3, 1, 2, 2), one_hot(torch.arange(3), 5).float()
    new_x, new_y = LabelSmoothing(epsilon=0.2).batch(x, y, torch.Generator())
    assert new_x is x
    torch.testing.assert_close(new_y.sum(-1), torch.ones(3))
