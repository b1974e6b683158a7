"""The promises of the verdicts, kept over thousands of simulated experiments.

``python -m tests.trainer.test_simulation`` prints the table.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer.statistics import chance, holm, judge, seeds_needed, sign_flip_p, t_interval

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (6, 10, 20)
MANY = 10_000  # experiments behind a rate of false alarms, and behind a coverage
TIMES = 2_000  # behind a power
SPREAD = 0.02  # of an arm's accuracy from seed to seed


def experiments(
    seeds: int, arms: int, gain: float, times: int, heavy: bool = False
) -> Iterator[np.ndarray]:
    """Accuracies, (arms + 1, seeds), of a baseline and arms that share half of each seed's "
    "luck; all gain the same."""
    draw = np.random.default_rng([seeds, arms, int(1e6 * gain), heavy])

    def noise(*shape: int) -> np.ndarray:
        return draw.standard_t(3, shape) / math.sqrt(3) if heavy else draw.normal(size=shape)

    for _ in range(times):
        luck = SPREAD * math.sqrt(0.5) * noise(seeds)
        each = 0.7 + luck + SPREAD * math.sqrt(0.5) * noise(arms + 1, seeds)
        each[1:] += gain
        yield each


def share(seeds: int, arms: int, gain: float, heavy: bool = False, times: int = TIMES) -> float:
    """Of the experiments, how many call at least one arm better or worse."""
    said = 0
    for values in experiments(seeds, arms, gain, times, heavy):
        base, *others = values
        ps = holm([sign_flip_p(one - base) for one in others])
        words = [
            judge(*t_interval(one - base)[1:], p, seeds, 0.0, arms, higher_is_better=True)
            for one, p in zip(others, ps, strict=True)
        ]
        said += "better" in words or "worse" in words
    return said / times


def above(rate: float, times: int) -> float:
    """What a rate is exceeded by once in a thousand times by luck."""
    return rate + 3.1 * math.sqrt(rate * (1 - rate) / times)


@pytest.mark.parametrize("heavy", [False, True], ids=["normal", "heavy tails"])
@pytest.mark.parametrize("seeds", SIZES)
def test_a_trick_that_does_nothing_is_called_something_at_most_once_in_twenty(
    seeds: int, heavy: bool
) -> None:
    assert share(seeds, 1, 0.0, heavy, MANY) <= above(0.05, MANY)


def test_nor_is_any_of_three_tricks_that_do_nothing() -> None:
    assert share(10, 3, 0.0, times=MANY) <= above(0.05, MANY)


def coverage(seeds: int) -> float:
    """How often the 95 % interval of a mean holds the true one."""
    draw = np.random.default_rng(seeds)
    held = 0
    for deltas in draw.normal(0.01, SPREAD, (MANY, seeds)):
        found = t_interval(deltas)
        assert found.low is not None and found.high is not None
        held += found.low <= 0.01 <= found.high
    return held / MANY


@pytest.mark.parametrize("seeds", (3, *SIZES))
def test_the_interval_holds_the_truth_in_95_of_100_experiments(seeds: int) -> None:
    assert abs(coverage(seeds) - 0.95) <= 0.015


@pytest.mark.parametrize("seeds", SIZES)
@pytest.mark.parametrize("effect", [0.7, 1.2])
def test_power_is_what_is_promised(seeds: int, effect: float) -> None:
    """``effect`` is in deviations of the difference, which here is the spread of one arm."""
    simulated = share(seeds, 1, effect * SPREAD)
    assert simulated == pytest.approx(chance(effect, seeds), abs=0.035)


def test_the_seeds_that_are_said_to_settle_it_do_so_in_four_of_five() -> None:
    deltas = [0.004, 0.026, -0.009, 0.031, 0.012, 0.020]
    seeds = seeds_needed(deltas)
    assert seeds is not None
    effect = float(np.mean(deltas) / np.std(deltas, ddof=1))
    assert share(seeds, 1, effect * SPREAD) >= 0.8 - 0.025


def table() -> None:
    print(" n   says something of nothing   coverage   power at 0.7   promised   at 1.2   promised")
    for n in SIZES:
        powers = [(share(n, 1, one * SPREAD), chance(one, n)) for one in (0.7, 1.2)]
        cells = "   ".join(f"{got:8.3f}   {told:8.3f}" for got, told in powers)
        print(f"{n:2}   {share(n, 1, 0.0, times=MANY):24.3f}   {coverage(n):8.3f}   {cells}")


if __name__ == "__main__":
    table()
