"""Adversarial training: the closed form for a linear model, and the ball it stays in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.base import Pixels, Trick
from tricks.procedure.adversarial_training import AdversarialTraining, ascend, slope


def ready(channels: int = 1, **knobs: float) -> AdversarialTraining:
    trick = AdversarialTraining(**knobs)
    trick.tools = tools(channels)
    return trick


def titles(setup: dict[str, Any], *tricks: Trick) -> list[str]:
    found = notices(Setup.model_validate({"epochs": 1, **setup}), tricks)
    return [f"{one.kind}: {one.title}" for one in found]


def test_the_gradient_is_autograds_and_leaves_none_in_the_weights() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3))
    x, y = torch.rand(5, 1, 2, 2), one_hot(torch.arange(5) % 3, 3).float()
    running = net[2].running_mean.clone()
    ours = slope(net, x, y)
    assert torch.equal(running, net[2].running_mean) and net.training
    assert all(one.grad is None for one in net.parameters())
    x.requires_grad_()
    cross_entropy(net.eval()(x), y, reduction="sum").backward()
    torch.testing.assert_close(ours, x.grad)


def test_one_step_is_the_fast_gradient_sign_method() -> None:
    """Against a linear model of two classes the worst change is ε sign(w), whatever x is."""
    w = torch.tensor([[0.3, -2.0, 0.0, 1.0]])
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    net[1].weight.data = torch.cat([torch.zeros_like(w), w])
    trick = ready(epsilon=0.1)
    trick.tools.network = net
    x = torch.full((3, 1, 2, 2), 0.5)
    y = one_hot(torch.zeros(3, dtype=torch.long), 2).float()  # more of class 1 is worse
    worse, same = trick.batch(x, y, torch.Generator())
    assert same is y
    torch.testing.assert_close(worse, x + 0.1 * w.sign().reshape(1, 2, 2))


@pytest.mark.parametrize("steps", [1, 3])
def test_it_stays_in_the_ball_and_pixels_stay_pixels(steps: int) -> None:
    trick = ready(epsilon=0.2, steps=steps)
    pixels = Pixels(mean=torch.full((1, 1, 1), 0.4), spread=torch.full((1, 1, 1), 0.25))
    trick.tools.pixels = pixels
    bright = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    x, y = pixels.from_unit(bright), one_hot(torch.arange(20) % 10, 10).float()
    new, _ = trick.batch(x, y, torch.Generator().manual_seed(1))
    moved = new * 0.25 + 0.4
    assert (moved - bright).abs().max() <= 0.2 + 1e-5
    assert moved.min() >= -1e-5 and moved.max() <= 1 + 1e-5
    net = trick.tools.network
    assert cross_entropy(net(new), y) > cross_entropy(net(x), y)


def test_more_steps_find_worse_images() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 30), nn.Tanh(), nn.Linear(30, 10))
    for weight in net.parameters():
        weight.data *= 4
    found = []
    for steps in (1, 10):
        trick = ready(epsilon=0.3, steps=steps)
        trick.tools.network = net
        x, y = trick.tools.split.x, one_hot(trick.tools.split.y, 10).float()
        found.append(cross_entropy(net(trick.attacked(x, x, y, 0.3, steps)), y).item())
    assert found[1] > found[0]


def test_noise_that_left_the_range_may_stay() -> None:
    trick = ready(epsilon=0.1)
    x = torch.full((2, 1, 8, 8), 1.7)
    new, _ = trick.batch(x, one_hot(torch.arange(2), 10).float(), torch.Generator())
    assert new.max() <= 1.7 and new.min() >= 1.6 - 1e-5


def test_a_step_ends_at_the_ball() -> None:
    x = torch.tensor([0.0, 0.25, 0.5])
    far = ascend(x, torch.zeros(3), torch.ones(3), torch.tensor(0.2), torch.tensor(0.3))
    torch.testing.assert_close(far, torch.tensor([0.2, 0.3, 0.3]))


def test_the_report_attacks_training_images() -> None:
    told = ready(epsilon=0.0).report()["robustness"]
    assert told["images"] == 30 and told["epsilon"] == 0.1
    assert 0 <= told["attacked"] <= told["clean"] <= 1


def test_rules() -> None:
    seconds = {"epochs": None, "seconds": 3.0}
    assert titles({}, AdversarialTraining(steps=3))[0].startswith(
        "hint: Adversarial training takes"
    )
    assert titles(seconds, AdversarialTraining(steps=3)) == []
