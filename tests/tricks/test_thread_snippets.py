"""The thread's own snippets, written down as it had them, beside what the catalog does.

Its group norm, label smoothing, flooding and cyclic rate are the same numbers. Its focal loss lacks
the batch mean and the weights of the classes, and its batch norm is another layer.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from tricks.loss.flooding import flooding
from tricks.loss.focal_loss import focal_loss
from tricks.loss.label_smoothing import label_smoothing
from tricks.normalization.batch_norm import batch_norm
from tricks.normalization.group_norm import GroupNorm
from tricks.schedule.cyclic_cosine import CyclicCosine


@pytest.fixture
def draw() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def difference(one: Tensor, other: Tensor) -> float:
    """The largest of all differences."""
    return (one - other).abs().max().item()


def snippet_batch_norm(x: Tensor) -> Tensor:
    """One mean and one deviation for everything: no channels, no γ, β, ε, no running statistics."""
    return (x - x.mean()) / x.std()


def snippet_group_norm(x_NCHW: Tensor, gamma: Tensor, beta: Tensor, groups: int) -> Tensor:
    eps = 1e-5
    n, c, h, w = x_NCHW.shape
    x = x_NCHW.reshape(n, groups, c // groups, h, w)
    mean = x.mean((2, 3, 4), keepdim=True)
    variance = x.var((2, 3, 4), correction=0, keepdim=True)
    x = ((x - mean) / torch.sqrt(variance + eps)).reshape(n, c, h, w)
    return x * gamma.reshape(1, -1, 1, 1) + beta.reshape(1, -1, 1, 1)


def snippet_label_smoothing(labels: Tensor, classes: int, epsilon: float) -> Tensor:
    """The weighted mean of the hard labels and the uniform distribution."""
    return one_hot(labels, classes) * (1 - epsilon) + torch.ones(classes) / classes * epsilon


def snippet_focal_loss(p: Tensor, gamma: float) -> Tensor:
    """``-(1 - p)^γ log p`` of true-class probabilities: no α, no mean over the batch."""
    return -((1 - p) ** gamma) * p.log()


def snippet_flooding(loss: Tensor, b: float) -> Tensor:
    return (loss - b).abs() + b


def snippet_cyclic_rate(step: int, start: float, cycle: int, least: float) -> float:
    """The rate at ``step``, counted from 1."""
    return (start - least) / 2 * (math.cos(math.pi * ((step - 1) % cycle) / cycle) + 1) + least


def test_batch_norm_is_another_layer(draw: torch.Generator) -> None:
    scale, shift = torch.tensor([1.0, 1.3, 0.8]), torch.tensor([0.2, -0.2, 0.1])
    x_NCHW = torch.randn(16, 3, 8, 8, generator=draw)
    x_NCHW = x_NCHW * scale.reshape(-1, 1, 1) + shift.reshape(-1, 1, 1)
    ours = batch_norm(3, images=True)(x_NCHW)
    assert difference(ours, snippet_batch_norm(x_NCHW)) > 0.4


def test_batch_norm_of_one_channel_is_nearly_the_snippet(draw: torch.Generator) -> None:
    """Where there is only one channel, ε and the correction of the variance are left."""
    x_NCHW = torch.randn(16, 1, 8, 8, generator=draw)
    apart = difference(batch_norm(1, images=True)(x_NCHW), snippet_batch_norm(x_NCHW))
    assert 0 < apart < 5e-3


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_group_norm_agrees(groups: int, draw: torch.Generator) -> None:
    x_NCHW = 2 + 3 * torch.randn(5, 8, 6, 6, generator=draw)
    layer = GroupNorm(groups=groups).layer(8, images=True)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(8, generator=draw))
        layer.bias.copy_(torch.randn(8, generator=draw))
    snippet = snippet_group_norm(x_NCHW, layer.weight, layer.bias, groups)
    assert difference(layer(x_NCHW), snippet) < 2e-6


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.3])
def test_label_smoothing_agrees(epsilon: float, draw: torch.Generator) -> None:
    labels = torch.randint(10, (32,), generator=draw)
    logits = torch.randn(32, 10, generator=draw)
    ours = label_smoothing(one_hot(labels, 10).float(), epsilon)
    snippet = snippet_label_smoothing(labels, 10, epsilon)
    assert difference(ours, snippet) < 1e-6
    theirs = -(snippet * logits.log_softmax(-1)).sum(-1).mean()
    assert difference(theirs, cross_entropy(logits, labels, label_smoothing=epsilon)) < 1e-6


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_loss_agrees_for_each_example(gamma: float, draw: torch.Generator) -> None:
    labels = torch.randint(10, (32,), generator=draw)
    logits = torch.randn(32, 10, generator=draw, dtype=torch.float64)
    p = logits.softmax(-1).gather(1, labels[:, None])[:, 0]
    ours = focal_loss(logits, one_hot(labels, 10).double(), gamma)
    assert difference(ours, snippet_focal_loss(p, gamma)) < 1e-6


@pytest.mark.parametrize("b", [0.0, 0.1, 1.0])
def test_flooding_agrees(b: float) -> None:
    losses = torch.linspace(0, 3, 301)
    assert difference(flooding(losses, b), snippet_flooding(losses, b)) == 0.0


@pytest.mark.parametrize(("steps", "cycles"), [(100, 4), (60, 3), (40, 1)])
def test_cyclic_rate_agrees(steps: int, cycles: int) -> None:
    trick = CyclicCosine(cycles=cycles)
    for step in range(steps):
        theirs = snippet_cyclic_rate(step + 1, 1.0, steps // cycles, 0.0)
        assert trick.factor(step, steps) == pytest.approx(theirs, abs=1e-6)
