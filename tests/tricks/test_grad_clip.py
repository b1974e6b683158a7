"""Gradient clipping: long gradients get the length c, short ones stay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tricks.optimizer.grad_clip import GradClip


def network(scale: float) -> nn.Module:
    one = nn.Linear(3, 4)
    draw = torch.Generator().manual_seed(0)
    for p in one.parameters():
        p.grad = torch.randn(p.shape, generator=draw)
    norm = torch.cat([p.grad.flatten() for p in one.parameters()]).norm()
    for p in one.parameters():
        p.grad *= scale / norm
    return one


def test_a_long_gradient_gets_the_length_and_keeps_the_direction() -> None:
    long, same = network(30.0), network(30.0)
    GradClip(max_norm=2.0).gradients(long)
    flat, before = (torch.cat([p.grad.flatten() for p in n.parameters()]) for n in (long, same))
    assert flat.norm().item() == pytest.approx(2.0, rel=1e-5)
    torch.testing.assert_close(flat, before * (2 / 30))


def test_a_short_gradient_stays() -> None:
    short, same = network(1.9), network(1.9)
    GradClip(max_norm=2.0).gradients(short)
    for p, q in zip(short.parameters(), same.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad)
