"""The parts of a stack that take maps: every way of a convolution, and when which is gone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.trainer.test_stacking import one_thread as one_thread
from trainer.stacking import maps
from trainer.stacking.rows import Rows


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("into", [True, False])
@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize(("stride", "biased"), [(1, True), (2, False)])
def test_every_way_of_a_convolution_gives_what_each_gives(
    monkeypatch: pytest.MonkeyPatch, *, ahead: bool, into: bool, weights: bool, stride: int,
    biased: bool,
) -> None:  # fmt: skip
    """For all networks at once or one by one; which of them is tried out elsewhere."""
    monkeypatch.setattr(maps, "ways", lambda *shapes: maps.Ways(ahead, into, weights))
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 4, 3, stride, 1, bias=biased).to(memory_format=torch.channels_last)
        for _ in range(3)
    ]
    x = torch.randn(3, 5, 3, 8, 8)
    inputs = [one.contiguous(memory_format=torch.channels_last).requires_grad_() for one in x]
    outs = [layer(one) for layer, one in zip(layers, inputs, strict=True)]
    slope = torch.randn(3, *outs[0].shape)
    for out, one in zip(outs, slope, strict=True):
        out.backward(one)
    wanted = [[one.grad.clone() for one in layer.parameters()] for layer in layers]
    rows = Rows(layers)
    bias = rows.weight(layers[0].bias) if layers[0].bias is not None else None
    part = maps.Convolution(layers[0], rows.weight(layers[0].weight), bias)
    rows.begin()
    torch.testing.assert_close(part.forward(x, True), torch.stack(outs).detach())
    torch.testing.assert_close(part.forward(x[:, :2], False), torch.stack(outs).detach()[:, :2])
    found = part.backward(slope)
    torch.testing.assert_close(found, torch.stack([one.grad for one in inputs]))
    for layer, grads in zip(layers, wanted, strict=True):
        torch.testing.assert_close([one.grad for one in layer.parameters()], grads)


def test_a_way_that_changes_a_bit_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    form, shapes = maps.Form((1, 1), (1, 1), (1, 1)), (3, (5, 12, 8, 8), (24, 4, 3, 3), True)
    plain = maps.Form.ahead
    maps.ways.cache_clear()
    monkeypatch.setattr(
        maps.Form, "ahead",
        lambda self, x, w, b, groups: plain(self, x, w, b, groups) * (1 + 1e-6 * (groups == 1)),
    )  # fmt: skip
    assert not maps.ways(form, *shapes).ahead
    maps.ways.cache_clear()


def test_what_adds_up_otherwise_over_all_channels_is_done_one_by_one() -> None:
    class Mean(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x - x.mean() if x.shape[1] > 2 else x * 2

    part = maps.Channelwise(Mean(), 3)
    x = torch.randn(3, 5, 2, 4, 4)
    assert torch.equal(part.forward(x, True), x * 2)
    assert torch.equal(part.backward(x), x * 2)
