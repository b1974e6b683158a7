"""Batch norm: statistics of each channel over the batch, running ones in testing."""

from __future__ import annotations

import torch

from tricks.normalization.batch_norm import batch_norm


def test_each_channel_has_mean_0_and_deviation_1() -> None:
    x_NCHW = 3 + 2 * torch.randn(16, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    y_NCHW = batch_norm(5, images=True)(x_NCHW)
    mean = x_NCHW.mean((0, 2, 3), keepdim=True)
    variance = x_NCHW.var((0, 2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(y_NCHW, (x_NCHW - mean) / torch.sqrt(variance + 1e-5))


def test_it_is_not_the_threads_snippet_of_one_mean_for_all() -> None:
    scale = torch.tensor([1.0, 5.0, 9.0])
    x_NC = scale * torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
    snippet = (x_NC - x_NC.mean()) / x_NC.std()
    assert (batch_norm(3, images=False)(x_NC) - snippet).abs().max() > 0.4


def test_testing_uses_running_statistics() -> None:
    draw = torch.Generator().manual_seed(0)
    layer = batch_norm(2, images=False)
    for _ in range(200):
        layer(4 + 3 * torch.randn(64, 2, generator=draw))
    layer.eval()
    one = layer(torch.tensor([[4.0, 7.0]]))
    torch.testing.assert_close(one, torch.tensor([[0.0, 1.0]]), atol=0.1, rtol=0)


def test_two_examples_come_out_as_plus_and_minus_one() -> None:
    """Why tiny batches are warned of: nothing but the order of the two is left."""
    x_NC = torch.tensor([[0.3, -8.0], [0.9, 5.0]])
    y_NC = batch_norm(2, images=False)(x_NC)
    expected = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    torch.testing.assert_close(y_NC, expected, atol=1e-3, rtol=0)
