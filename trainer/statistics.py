"""When may we say that a trick helped? Paired differences, intervals, tests, power and verdicts.

Pure functions of numbers. The unit is a training run: run i of two arms shares its seed, so what is
compared is the difference of each seed. "Better" needs both the 95 % t interval of the mean
difference clear of zero and an exact sign-flip p below 0.05 after Holm's adjustment for all the
comparisons of the experiment. One run claims nothing, and neither do fewer than six: the smallest p
that n differences can give is 2 / 2**n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from trainer.sentences import sentence as sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]

ALPHA = 0.05
FEWEST_SEEDS = 6  # below it no exact two-sided p can be under ALPHA
MOST_SEEDS = 10_000  # an experiment has no more runs
COUNTED_UP_TO = 9  # seeds: there the verdicts' power is counted
EXACT_UP_TO = 40  # differences; two halves of 2**20 sums
RANDOM_FLIPS = 100_000  # beyond that

Verdict = Literal["better", "worse", "no_difference", "not_resolved", "anecdote", "too_few_seeds"]
WORDS: dict[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "no_difference": "no difference",
    "not_resolved": "not resolved",
    "anecdote": "anecdote",
    "too_few_seeds": "too few seeds",
}


class Interval(NamedTuple):
    """A mean and its 95 % t interval; None where too few values leave it unknown."""

    mean: float | None
    low: float | None
    high: float | None


class ArmInterval(NamedTuple):
    """An arm's mean over its finished runs, with the number of them."""

    n: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One arm against the baseline. Differences are arm minus baseline, in the metric's unit.

    ``low`` and ``high`` are the unadjusted 95 % t interval, ``p`` is adjusted by Holm. ``needed``
    is how many seeds in total would resolve it (of "not resolved": the observed effect at 80 %
    power; of "anecdote" and "too few seeds": the fewest that can claim anything), None if unknown.
    """

    arm: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    verdict: Verdict
    seeds: tuple[int, ...]
    deltas: tuple[float, ...]
    needed: int | None
    margin: float


def t_interval(values: Iterable[float]) -> Interval:
    """Mean and 95 % Student's t interval. The ends are None for one value, all for none."""
    from scipy.special import stdtrit

    x = np.fromiter(values, float)
    if x.size == 0:
        return Interval(None, None, None)
    mean = float(x.mean())
    if x.size == 1:
        return Interval(mean, None, None)
    half = float(stdtrit(x.size - 1, 1 - ALPHA / 2) * x.std(ddof=1) / math.sqrt(x.size))
    return Interval(mean, mean - half, mean + half)


def arm_interval(values: Mapping[int, float]) -> ArmInterval:
    """The t interval of one arm's final metric by seed. What is not finite is left out."""
    known = finite(values)
    return ArmInterval(len(known), *t_interval(known.values()))


def sign_flip_p(deltas: Iterable[float]) -> float:
    """Two-sided p of the sign-flip test: how often random signs give a sum as far from zero.

    Exact up to 40 differences, by meeting in the middle; beyond that from 100,000 random flips.
    """
    given = np.fromiter(deltas, float)
    sizes = np.abs(given[given != 0])  # flipping a zero changes nothing
    # Sums that differ by rounding alone are ties.
    reach = abs(float(given.sum())) - 1e-9 * float(sizes.sum())
    if reach <= 0:
        return 1.0
    if sizes.size > EXACT_UP_TO:
        return random_flips_p(sizes, reach)
    half = sizes.size // 2
    left, right = np.sort(all_sums(sizes[:half])), np.sort(all_sums(sizes[half:]))
    reached = right.size - np.searchsorted(right, reach - left)
    return float(2 * reached.sum() / 2.0**sizes.size)


def all_sums(sizes: Numbers) -> Numbers:
    """The sums of all 2**n choices of signs."""
    sums: Numbers = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums


def random_flips_p(sizes: Numbers, reach: float) -> float:
    """The same p from random signs, the same ones every time; never 0.

    Eight signs are one draw of 256: their sum is looked up.
    """
    rng = np.random.default_rng(0)
    eights = np.zeros((-(-sizes.size // 8), 8))
    eights.flat[: sizes.size] = sizes
    signs = 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) - 1.0
    sums = np.zeros(RANDOM_FLIPS)
    for table in eights @ signs.T:
        sums += table[rng.integers(0, 256, RANDOM_FLIPS, dtype=np.uint8)]
    reached = int((np.abs(sums) >= reach).sum())
    return (reached + 1) / (RANDOM_FLIPS + 1)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment. A comparison without a p yet was planned too, so it counts."""
    known = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    adjusted: list[float | None] = [None] * len(ps)
    largest = 0.0
    for rank, (p, i) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(ps) - rank)))
        adjusted[i] = largest
    return adjusted


def minimum_seeds(comparisons: int) -> int:
    """The fewest seeds with which Holm over so many comparisons can call anything better."""
    seeds = FEWEST_SEEDS
    while max(1, comparisons) * 2.0 ** (1 - seeds) >= ALPHA:
        seeds += 1
    return seeds


@cache
def gauss_nodes() -> tuple[Numbers, Numbers]:
    nodes, weights = np.polynomial.legendre.leggauss(100)
    return nodes, weights


def power_of(effect: float, seeds: int, comparisons: int = 1) -> float:
    """The chance that a paired two-sided t test at 0.05 / comparisons sees ``effect``.

    ``effect`` is the mean difference over the standard deviation of the differences.
    """
    from scipy.special import gammaincinv, ndtr, stdtrit

    # The noncentral t, averaged over the quantiles of the estimated deviation: scipy's own
    # function is not a number far out in its tails.
    nodes, weights = gauss_nodes()
    free = seeds - 1
    deviation = np.sqrt(2 * gammaincinv(free / 2, (nodes + 1) / 2) / free)
    edge = stdtrit(free, 1 - ALPHA / comparisons / 2) * deviation
    shift = abs(effect) * math.sqrt(seeds)
    return float((ndtr(shift - edge) + ndtr(-shift - edge)) @ weights / 2)


@lru_cache(maxsize=256)
def chance(effect: float, seeds: int, comparisons: int = 1) -> float:
    """The chance that ``effect`` is called better or worse: both tests must agree.

    From ten seeds on the t test decides alone, to within a few points. Below, the sign-flip test
    has too few signs to flip and asks for more, so there it is counted, in 4,000 experiments.
    """
    if seeds > COUNTED_UP_TO:
        return power_of(effect, seeds, comparisons)
    from scipy.special import stdtrit

    x = np.random.default_rng(0).normal(effect, 1, (4000, seeds))
    mean, spread = x.mean(axis=1), x.std(axis=1, ddof=1)
    clear = np.abs(mean) > stdtrit(seeds - 1, 1 - ALPHA / 2) * spread / math.sqrt(seeds)
    flips = 1 - 2 * ((np.arange(2**seeds)[:, None] >> np.arange(seeds)) & 1)
    sums = np.abs(x @ flips.T)
    p = (sums >= np.abs(x.sum(axis=1, keepdims=True)) - 1e-9).mean(axis=1)
    return float((clear & (p * comparisons < ALPHA)).mean())


def seeds_needed(deltas: Iterable[float], comparisons: int = 1, power: float = 0.8) -> int | None:
    """How many seeds in total show an effect of the observed size with this power.

    None if fewer than two differences say nothing of it, or if 10,000 seeds would not do.
    """
    x = np.fromiter(deltas, float)
    comparisons = max(1, comparisons)
    fewest = minimum_seeds(comparisons)
    if x.size < 2 or x.mean() == 0:
        return None
    spread = float(x.std(ddof=1))
    if spread <= 1e-9 * abs(float(x.mean())):
        return fewest
    effect = float(x.mean()) / spread
    if chance(effect, MOST_SEEDS, comparisons) < power:
        return None
    low, high = fewest - 1, MOST_SEEDS  # high is enough; low is not, or is too few to claim
    while high - low > 1:
        middle = (low + high) // 2
        if chance(effect, middle, comparisons) >= power:
            high = middle
        else:
            low = middle
    return high


def test_floor(accuracy: float, images: int) -> float:
    """The standard deviation of an accuracy that so many test images allow."""
    return math.sqrt(max(0.0, accuracy * (1 - accuracy)) / images)


def compare(
    values: Mapping[str, Mapping[int, float]],
    *,
    baseline: str,
    metric: str = "test_accuracy",
    images: int,
    margin: float | None = None,
    higher_is_better: bool | None = None,
    foretell: bool = True,
) -> list[Comparison]:
    """Every arm against the baseline, in the order given.

    ``values`` has the final metric of every finished run by arm and seed; an arm without any still
    counts as a comparison. Only seeds finite in both arms are compared. ``margin`` is the largest
    difference that counts as none: by default the test-set floor of the baseline's mean accuracy;
    for another metric no such floor is known and it is 0. Lower is better for a loss. Without
    ``foretell`` it is not worked out how many seeds would settle what is not resolved, which takes
    most of the time.
    """
    if higher_is_better is None:
        higher_is_better = not metric.endswith("loss")
    base = finite(values.get(baseline, {}))
    if margin is None:
        known = bool(base) and metric.endswith("accuracy")
        margin = test_floor(math.fsum(base.values()) / len(base), images) if known else 0.0
    arms = {name: finite(runs) for name, runs in values.items() if name != baseline}
    pairs = {name: sorted(runs.keys() & base.keys()) for name, runs in arms.items()}
    deltas = {name: [arms[name][s] - base[s] for s in seeds] for name, seeds in pairs.items()}
    ps = holm([sign_flip_p(one) if one else None for one in deltas.values()])
    return [
        comparison(
            name, pairs[name], deltas[name], p, margin, len(arms), higher_is_better, foretell
        )
        for name, p in zip(arms, ps, strict=True)
    ]


def finite(values: Mapping[int, float]) -> dict[int, float]:
    """The runs whose number is one: a diverged run may end with a loss that is not."""
    return {seed: value for seed, value in values.items() if math.isfinite(value)}


def comparison(
    arm: str,
    seeds: Sequence[int],
    deltas: Sequence[float],
    p: float | None,
    margin: float,
    comparisons: int,
    higher_is_better: bool,
    foretell: bool = True,
) -> Comparison:
    mean, low, high = t_interval(deltas)
    verdict = judge(low, high, p, len(deltas), margin, comparisons, higher_is_better)
    needed = None
    if verdict in ("anecdote", "too_few_seeds"):
        needed = minimum_seeds(comparisons)
    elif verdict == "not_resolved" and foretell:
        needed = seeds_needed(deltas, comparisons)
        needed = None if needed is None else max(needed, len(deltas) + 1)
    return Comparison(
        arm=arm,
        n=len(deltas),
        mean=mean,
        low=low,
        high=high,
        p=p,
        verdict=verdict,
        seeds=tuple(seeds),
        deltas=tuple(deltas),
        needed=needed,
        margin=margin,
    )


def judge(
    low: float | None,
    high: float | None,
    p: float | None,
    n: int,
    margin: float,
    comparisons: int,
    higher_is_better: bool,
) -> Verdict:
    """The word for a difference: what the evidence allows, in the order of the rules."""
    if n == 1:
        return "anecdote"
    if n < FEWEST_SEEDS or low is None or high is None or p is None:
        return "too_few_seeds"
    clear = low > 0 or high < 0
    if clear and p < ALPHA and n >= minimum_seeds(comparisons):
        return "better" if (low > 0) == higher_is_better else "worse"
    if -margin <= low and high <= margin:
        return "no_difference"
    return "not_resolved"
