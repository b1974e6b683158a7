"""Schedules against torch's schedulers, and the two that look at the loss."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    StepLR,
)

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.rates import schedule
from tricks import catalog
from tricks.base import Split
from tricks.schedule.cosine import cosine
from tricks.schedule.cyclic_cosine import cyclic_cosine
from tricks.schedule.exponential import exponential
from tricks.schedule.inv_sqrt import inv_sqrt
from tricks.schedule.lr_range_test import LRRangeTest, steepest, sweep
from tricks.schedule.multistep import multistep
from tricks.schedule.one_cycle import one_cycle
from tricks.schedule.poly import poly
from tricks.schedule.reduce_on_plateau import ReduceOnPlateau, held_out_loss
from tricks.schedule.step_lr import step_decay
from tricks.schedule.triangular_cyclic import triangular
from tricks.schedule.warmup import Warmup, warmup

if TYPE_CHECKING:
    from collections.abc import Callable


def torchs(make: Callable[[torch.optim.Optimizer], LRScheduler], steps: int) -> list[float]:
    """The rates of a torch scheduler at a rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < steps:
            scheduler.step()
    return rates


@pytest.mark.parametrize(("steps", "cycles"), [(100, 4), (100, 1), (99, 4), (7, 3), (5, 20)])
def test_cyclic_cosine_is_torchs(steps: int, cycles: int) -> None:
    length = math.ceil(steps / cycles)
    expected = torchs(lambda o: CosineAnnealingWarmRestarts(o, T_0=length), steps)
    ours = [cyclic_cosine(step, steps, cycles) for step in range(steps)]
    assert ours == pytest.approx(expected, abs=1e-12)


def test_cyclic_cosine_is_the_threads_formula() -> None:
    """The thread counts from 1: mod(x - 1, C)."""
    steps, cycles = 120, 4
    length = steps / cycles
    ours = [cyclic_cosine(step, steps, cycles) for step in range(steps)]
    thread = [
        (math.cos(math.pi * ((x - 1) % length) / length) + 1) / 2 for x in range(1, steps + 1)
    ]
    assert ours == pytest.approx(thread, abs=0)
    assert [step for step in range(steps) if ours[step] == 1] == [0, 30, 60, 90]
    assert 0 < ours[-1] < 0.01


@pytest.mark.parametrize(("steps", "peak"), [(100, 0.3), (1000, 0.3), (37, 0.6), (20, 0.1)])
def test_one_cycle_is_torchs(steps: int, peak: float) -> None:
    expected = torchs(
        lambda o: OneCycleLR(
            o, max_lr=1.0, total_steps=steps, pct_start=peak, cycle_momentum=False
        ),
        steps,
    )
    assert [one_cycle(step, steps, peak) for step in range(steps)] == pytest.approx(expected)


def test_one_cycle_in_very_short_runs() -> None:
    for steps in range(1, 6):
        rates = [one_cycle(step, steps, 0.3) for step in range(steps)]
        assert all(0 < rate <= 1 for rate in rates)


@pytest.mark.parametrize(("steps", "fraction"), [(100, 0.1), (100, 0.5), (101, 0.25)])
def test_warmup_is_torchs(steps: int, fraction: float) -> None:
    length = math.ceil(fraction * steps)
    expected = torchs(
        lambda o: LinearLR(o, start_factor=1 / length, end_factor=1, total_iters=length - 1), steps
    )
    assert [warmup(step, steps, fraction) for step in range(steps)] == pytest.approx(expected)


def test_warmup_is_over_in_time() -> None:
    assert [warmup(step, 10, 0.3) for step in range(5)] == pytest.approx([1 / 3, 2 / 3, 1, 1, 1])
    assert [Warmup(fraction=0.0).factor(step, 10) for step in range(10)] == [1.0] * 10


@pytest.mark.parametrize("steps", [12, 100, 101])
@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (lambda k, n: cosine(k, n, 0.1), lambda o, n: CosineAnnealingLR(o, T_max=n, eta_min=0.1)),
        (
            lambda k, n: step_decay(k, n, 3, 0.2),
            lambda o, n: StepLR(o, step_size=math.ceil(n / 4), gamma=0.2),
        ),
        (
            lambda k, n: multistep(k, n, (0.5, 0.75), 0.1),
            lambda o, n: MultiStepLR(o, [math.ceil(n / 2), math.ceil(0.75 * n)], gamma=0.1),
        ),
        (
            lambda k, n: exponential(k, n, 0.01),
            lambda o, n: ExponentialLR(o, gamma=0.01 ** (1 / n)),
        ),
        (lambda k, n: poly(k, n, 0.9), lambda o, n: PolynomialLR(o, total_iters=n, power=0.9)),
        (
            lambda k, n: triangular(k, n, 4, 0.1),
            lambda o, n: CyclicLR(
                o, base_lr=0.1, max_lr=1.0, step_size_up=math.ceil(n / 8), cycle_momentum=False
            ),
        ),
    ],
    ids=["cosine", "step_lr", "multistep", "exponential", "poly", "triangular_cyclic"],
)
def test_it_is_torchs(ours, make, steps: int) -> None:
    expected = torchs(lambda o: make(o, steps), steps)
    assert [ours(step, steps) for step in range(steps)] == pytest.approx(expected, abs=1e-9)


def test_inverse_square_root_is_the_papers() -> None:
    """Vaswani et al., equation 3: min(step^-.5, step warm^-1.5), here with a peak of 1."""
    steps, warm = 400, 40

    def paper(step: int) -> float:
        return min((step + 1) ** -0.5, (step + 1) * warm**-1.5) / warm**-0.5

    expected = torchs(lambda o: LambdaLR(o, paper), steps)
    ours = [inv_sqrt(step, steps, 0.1) for step in range(steps)]
    assert ours == pytest.approx(expected)
    assert max(ours) == ours[warm - 1] == 1


def rates(*tricks: str, steps: int = 100, **knobs: dict[str, float]) -> list[float]:
    made = [catalog()[one](**knobs.get(one, {})) for one in tricks]
    at = schedule(Setup.model_validate({"steps": steps, "lr": 0.5}), made)
    return [at(step) for step in range(steps)]


def test_scaled_to_half_a_schedule_is_over_half_way_and_stays() -> None:
    short = rates("cosine", "scale_schedule", scale_schedule={"ratio": 0.5})
    assert short[:50] == rates("cosine", steps=50)
    assert set(short[50:]) == {short[49]}


def test_scaled_to_twice_its_length_a_schedule_is_cut_off() -> None:
    long = rates("cosine", "scale_schedule", scale_schedule={"ratio": 2.0})
    assert long == rates("cosine", steps=200)[:100]


def test_the_constant_rate_is_the_setups() -> None:
    assert set(rates("constant_lr")) == {0.5}


def split(size: int) -> Split:
    x = torch.arange(size).float().reshape(size, 1, 1, 1)
    return Split(x=x, y=torch.arange(size) % 2, classes=2, index=torch.arange(size))


def test_plateau_holds_out_a_tenth_that_it_does_not_train_on() -> None:
    trick = ReduceOnPlateau()
    kept = trick.dataset(split(50), torch.Generator().manual_seed(0))
    assert trick.held is not None
    assert len(kept.y) == 45 and len(trick.held.y) == 5
    assert sorted([*kept.index.tolist(), *trick.held.index.tolist()]) == list(range(50))


def test_plateau_reduces_when_torch_would() -> None:
    """The held-out loss of a network whose logits the test chooses."""

    class Fixed(nn.Module):
        loss = 0.0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            wrong = math.log(math.expm1(self.loss))  # cross-entropy is log(1 + e^wrong)
            right = nn.functional.one_hot(x.flatten().long() % 2, 2)
            return wrong * (1 - right.float())

    losses = [0.9, 0.8, 0.85, 0.81, 0.79, 0.795, 0.8, 0.81, 0.9, 0.7, 0.72, 0.75, 0.9, 0.9]
    trick = ReduceOnPlateau(gamma=0.5, patience=2)
    trick.dataset(split(50), torch.Generator().manual_seed(0))
    rng = torch.Generator()
    trick.begin(rng)
    alone = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    torchs_own = torch.optim.lr_scheduler.ReduceLROnPlateau(alone, factor=0.5, patience=2)
    network, found, expected = Fixed().train(), [], []
    for epoch, loss in enumerate(losses, 1):
        network.loss = loss
        assert held_out_loss(network, split(10)) == pytest.approx(loss, abs=1e-6)
        trick.after_epoch(network, epoch)
        torchs_own.step(loss)
        found.append(trick.factor(0, 1))
        expected.append(alone.param_groups[0]["lr"])
    assert found == expected and found[-1] == 0.25
    assert network.training
    assert trick.report() == {"dropped_after_epochs": [8, 13]}
    assert trick.acted()[:2] == (2, 14)


def test_range_test_rises_by_the_same_factor() -> None:
    rates = [sweep(step, 101, 1e-4) for step in range(101)]
    assert rates[0] == pytest.approx(1e-4) and rates[-1] == 1
    assert [b / a for a, b in pairwise(rates)] == pytest.approx([10 ** (4 / 100)] * 100)


def test_suggested_rate_is_where_the_loss_falls_fastest() -> None:
    """A fall like a logistic curve is steepest at its middle, here at 0.01."""
    logs = [-5 + 6 * i / 399 for i in range(400)]
    losses = [2.3 - 2 / (1 + math.exp(-4 * (x + 2))) for x in logs]
    found = steepest([10**x for x in logs], losses)
    assert found is not None and math.log10(found) == pytest.approx(-2, abs=0.02)
    assert steepest([10**x for x in logs], [2.3 + x / 100 for x in range(400)]) is None
    assert steepest([0.1], [2.0]) is None


def test_range_test_stands_still_once_the_loss_has_blown_up() -> None:
    trick, layer = LRRangeTest(lowest=0.001, highest=10.0), nn.Linear(2, 1)
    seen = []
    for step, loss in enumerate([2.0, 1.9, 1.5, 9.0, 9.0]):
        seen.append(trick.factor(step, 5))
        layer(torch.ones(2)).sum().backward()
        trick.batch_loss(torch.tensor(loss))
        trick.gradients(layer)
        assert bool(layer.weight.grad.any()) == (loss < 9)
    assert seen[:4] == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1]) and seen[4] == 0
    assert trick.report()["blew_up_at_lr"] == pytest.approx(1.0)


def test_range_test_takes_the_place_of_an_optimizers_rate() -> None:
    tricks = sorted(
        (catalog()[one]() for one in ("adamw", "lr_range_test")), key=lambda one: one.order
    )
    at = schedule(Setup.model_validate({"steps": 100}), tricks)
    assert (at(0), at(99)) == pytest.approx((1e-5, 10.0))


def said(setup: dict, *tricks: str, **knobs: dict[str, float]) -> list[tuple[str, str]]:
    made = [catalog()[one](**knobs.get(one, {})) for one in tricks]
    found = notices(Setup.model_validate(setup), made)
    return [(one.kind, one.title) for one in found]


@pytest.mark.parametrize(
    ("setup", "tricks", "kind", "part"),
    [
        ({"epochs": 3}, ("reduce_on_plateau",), "warning", "cannot act in 3 epochs"),
        ({"epochs": 40}, ("reduce_on_plateau",), "hint", "drawn as a constant"),
        ({"epochs": 9}, ("scale_schedule",), "warning", "no schedule to scale"),
        ({"epochs": 9}, ("inv_sqrt", "warmup"), "hint", "warm-up of its own"),
        ({"epochs": 9}, ("triangular_cyclic", "ema"), "hint", "EMA blurs"),
        ({"steps": 60}, ("lr_range_test",), "warning", "60 steps for its whole range"),
        ({"steps": 600}, ("lr_range_test",), "hint", "measures"),
        ({"steps": 600}, ("lr_range_test", "warmup"), "warning", "bends the range"),
        ({"epochs": 9}, ("cosine", "reduce_on_plateau"), "error", "exclude each other"),
    ],
)
def test_rules_fire(setup: dict, tricks: tuple[str, ...], kind: str, part: str) -> None:
    assert [one for one, title in said(setup, *tricks) if part in title] == [kind]


def test_valid_neighbors_are_quiet() -> None:
    assert said({"epochs": 40}, "cosine", "scale_schedule") == []
    assert said({"epochs": 40}, "inv_sqrt", "warmup", warmup={"fraction": 0.0}) == []
    assert said({"epochs": 40}, "triangular_cyclic") == []
    kinds = [kind for kind, _ in said({"epochs": 40}, "reduce_on_plateau")]
    assert kinds == ["hint"]
    assert [kind for kind, _ in said({"steps": 600}, "lr_range_test")] == ["hint"]
