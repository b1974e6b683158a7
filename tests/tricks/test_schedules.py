"""Schedules against torch's: cosine restarts, one cycle, linear warm-up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch.optim.lr_scheduler import (
    CosineAnnealingWarmRestarts,
    LinearLR,
    LRScheduler,
    OneCycleLR,
)

from tricks.schedule.cyclic_cosine import cyclic_cosine
from tricks.schedule.one_cycle import one_cycle
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
