"""Triplet loss: the batch-hard triplets found by hand, and where the features come from."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize, one_hot

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.augmentation.mixup import Mixup
from tricks.loss.flooding import Flooding
from tricks.loss.triplet_loss import TripletLoss, batch_hard

if TYPE_CHECKING:
    from tricks.base import Trick


def by_hand(features: torch.Tensor, labels: torch.Tensor, margin: float) -> float:
    """Every anchor with its farthest partner and its nearest stranger, one after the other."""
    found = []
    for a in range(len(labels)):
        apart = [(features[a] - one + 1e-6).norm().item() for one in features]
        same = [d for i, d in enumerate(apart) if labels[i] == labels[a] and i != a]
        other = [d for i, d in enumerate(apart) if labels[i] != labels[a]]
        if same and other:
            found.append(max(0.0, max(same) - min(other) + margin))
    return sum(found) / max(1, len(found))


@pytest.mark.parametrize("margin", [0.01, 0.3, 1.0])
def test_the_hardest_triplets_of_a_batch(margin: float) -> None:
    draw = torch.Generator().manual_seed(0)
    features = normalize(torch.randn(24, 6, generator=draw, dtype=torch.float64))
    labels = torch.randint(8, (24,), generator=draw)  # some are alone with their class
    expected = by_hand(features, labels, margin)
    assert batch_hard(features, labels, margin).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_without_a_triplet_there_is_no_loss(labels: list[int]) -> None:
    features = torch.eye(3, requires_grad=True)
    loss = batch_hard(features, torch.tensor(labels), 0.3)
    loss.backward()
    assert loss.item() == 0.0 and not features.grad.any()


def test_classes_that_lie_apart_cost_nothing() -> None:
    features = normalize(torch.tensor([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [0.01, 1.0]]))
    assert batch_hard(features, torch.tensor([0, 0, 1, 1]), 0.3) == 0.0


def network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))


def begun(net: nn.Module, **knobs: float) -> TripletLoss:
    trick = TripletLoss(**knobs)
    trick.tools = tools()
    trick.tools.network = net
    trick.begin(torch.Generator())
    return trick


def test_features_are_those_in_front_of_the_last_layer() -> None:
    net, draw = network(), torch.Generator().manual_seed(0)
    trick = begun(net, weight=2.0, margin=0.3)
    x, labels = torch.randn(8, 1, 2, 2, generator=draw), torch.arange(8) % 3
    trick.batch(x, one_hot(labels, 3).float(), draw)
    net(x)
    features = normalize(net[:3](x))
    expected = 2.0 * batch_hard(features, labels, 0.3)
    torch.testing.assert_close(trick.penalty(net), expected)
    trick.penalty(net).backward()
    assert net[1].weight.grad.any() and net[3].weight.grad is None


def test_testing_leaves_the_features_of_training() -> None:
    net = network()
    trick = begun(net)
    net(torch.ones(2, 1, 2, 2))
    kept = trick.features
    net.eval()(torch.zeros(5, 1, 2, 2))
    assert trick.features is kept


def test_a_copy_of_the_network_does_not_copy_the_trick() -> None:
    """EMA, SWA and early stopping copy the network, whose features are no leaf of a graph."""
    net = network()
    begun(net)
    net(torch.ones(2, 1, 2, 2))
    assert deepcopy(net).eval()(torch.ones(1, 1, 2, 2)).shape == (1, 3)


@pytest.mark.parametrize(
    ("tricks", "size", "found"),
    [
        ([TripletLoss()], 32, []),
        ([TripletLoss()], 8, ["hint"]),
        ([TripletLoss(weight=0)], 8, []),
        ([TripletLoss(), Mixup()], 32, ["warning"]),
        ([TripletLoss(weight=0), Mixup()], 32, []),
        ([TripletLoss(), Flooding()], 32, ["hint"]),
        ([TripletLoss(), Flooding(level=0)], 32, []),
    ],
)
def test_what_is_said_before_launch(tricks: list[Trick], size: int, found: list[str]) -> None:
    setup = Setup.model_validate({"steps": 10, "batch_size": size})
    assert [one.kind for one in notices(setup, tricks)] == found
