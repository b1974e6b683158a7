"""Flooding: up below the level, down above it; the floors that its warnings compute."""

from __future__ import annotations

import math

import pytest
import torch

from trainer.checks import notices
from trainer.experiment import Setup
from tricks.loss.flooding import Flooding, flooding, mixed_floor, smoothed_floor
from tricks.schedule.reduce_on_plateau import ReduceOnPlateau


@pytest.mark.parametrize(("loss", "slope"), [(0.05, -1.0), (0.3, 1.0)])
def test_below_the_level_it_climbs(loss: float, slope: float) -> None:
    mean = torch.tensor(loss, requires_grad=True)
    flooded = Flooding(level=0.1).batch_loss(mean)
    flooded.backward()
    assert flooded.item() == pytest.approx(abs(loss - 0.1) + 0.1)
    assert mean.grad == slope


def test_level_0_changes_nothing() -> None:
    losses = torch.linspace(0, 3, 50)
    assert torch.equal(flooding(losses, 0.0), losses)


@pytest.mark.parametrize(("epsilon", "floor"), [(0.05, 0.282), (0.1, 0.500), (0.2, 0.867)])
def test_floor_of_smoothed_labels(epsilon: float, floor: float) -> None:
    assert smoothed_floor(epsilon, 10) == pytest.approx(floor, abs=5e-4)
    soft = torch.full((10,), epsilon / 10, dtype=torch.float64)
    soft[3] += 1 - epsilon
    entropy = torch.distributions.Categorical(probs=soft).entropy().item()
    assert smoothed_floor(epsilon, 10) == pytest.approx(entropy)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 1.0, 4.0])
def test_floor_of_mixed_labels_is_the_mean_entropy_of_the_share(alpha: float) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        share = torch.distributions.Beta(
            torch.tensor(alpha, dtype=torch.float64), torch.tensor(alpha, dtype=torch.float64)
        ).sample((200_000,))
    entropy = -(torch.xlogy(share, share) + torch.xlogy(1 - share, 1 - share)).mean().item()
    assert mixed_floor(alpha) == pytest.approx(entropy, abs=2e-3)


def test_floors_in_closed_form() -> None:
    assert mixed_floor(1.0) == pytest.approx(0.5)
    assert mixed_floor(0.2) == pytest.approx(0.2277, abs=1e-4)
    assert mixed_floor(1000.0) == pytest.approx(math.log(2), abs=1e-3)


def test_it_counts_the_steps_below_the_level() -> None:
    trick = Flooding(level=0.1)
    for loss in (0.5, 0.05, 0.2, 0.01):
        trick.batch_loss(torch.tensor(loss))
    assert trick.acted() == (2, 4, "steps with a loss below 0.1")
    assert Flooding().acted().of == 0


@pytest.mark.parametrize(("level", "count"), [(0.1, 1), (0.0, 0)])
def test_a_plateau_before_the_second_descent_is_told(level: float, count: int) -> None:
    setup = Setup.model_validate({"steps": 1000})
    said = notices(setup, [Flooding(level=level), ReduceOnPlateau()])
    assert sum("second descent" in one.title for one in said) == count
