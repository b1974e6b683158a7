"""The statistics against scipy's own, brute force and numbers worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from trainer import statistics
from trainer.statistics import Comparison, compare, holm, minimum_seeds, seeds_needed, sign_flip_p

IMAGES = 450


def versus(deltas: list[float], images: int = IMAGES, base: float = 0.74, **more) -> Comparison:
    """The comparison of one arm whose differences from a flat baseline are ``deltas``."""
    values = {
        "baseline": dict.fromkeys(range(len(deltas)), base),
        "arm": {seed: base + delta for seed, delta in enumerate(deltas)},
    }
    return compare(values, baseline="baseline", images=images, **more)[0]


# Intervals.


@pytest.mark.parametrize("n", [2, 3, 8, 40])
def test_t_interval_is_scipys(n):
    values = np.random.default_rng(n).normal(0.7, 0.1, n)
    mean, low, high = statistics.t_interval(values)
    want = scipy.stats.t.interval(0.95, n - 1, values.mean(), scipy.stats.sem(values))
    assert (mean, low, high) == pytest.approx((values.mean(), *want), rel=1e-12)


def test_an_interval_needs_two_values():
    assert statistics.t_interval([0.4]) == (0.4, None, None)
    assert statistics.t_interval([]) == (None, None, None)


def test_the_interval_of_an_arm_leaves_out_what_is_not_a_number():
    assert statistics.arm_interval({0: 0.5, 1: math.nan, 2: 0.7}).n == 2
    assert statistics.arm_interval({0: 0.5, 2: 0.7}).mean == pytest.approx(0.6)


# The sign-flip test.


@pytest.mark.parametrize(("n", "smallest"), [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125)])
def test_the_smallest_p_is_two_in_two_to_the_n(n, smallest):
    assert sign_flip_p(np.linspace(0.1, 0.5, n)) == smallest
    assert sign_flip_p(-np.linspace(0.1, 0.5, n)) == smallest


@pytest.mark.parametrize("n", range(1, 12))
def test_sign_flip_is_exact(n):
    # Accuracies come in steps of 1/450, so ties are the rule and rounding must not break them.
    deltas = np.random.default_rng(n).integers(-4, 9, n) / IMAGES
    sums = [abs(np.dot(signs, deltas)) for signs in itertools.product([-1, 1], repeat=n)]
    want = np.mean([total >= abs(deltas.sum()) - 1e-12 for total in sums])
    assert sign_flip_p(deltas) == pytest.approx(want, abs=1e-15)


def test_sign_flip_is_scipys_permutation_test():
    deltas = np.random.default_rng(3).normal(0.4, 1, 13)
    want = scipy.stats.permutation_test(
        (deltas, np.zeros(13)), lambda a, b: np.mean(a - b), permutation_type="samples",
        vectorized=False, n_resamples=math.inf,
    )  # fmt: skip
    assert sign_flip_p(deltas) == pytest.approx(want.pvalue, rel=1e-9)


def test_forty_differences_are_still_exact_and_more_are_close():
    deltas = np.random.default_rng(1).normal(0.35, 1, 40)
    # A pair +z, -z doubles neither side: a random estimate is within 5 standard errors.
    exact = sign_flip_p(deltas)
    estimate = statistics.random_flips_p(np.abs(deltas), abs(deltas.sum()))
    assert estimate == pytest.approx(exact, abs=5 * math.sqrt(exact / statistics.RANDOM_FLIPS))
    more = np.random.default_rng(2).normal(0.3, 1, 60)
    assert sign_flip_p(more) == pytest.approx(scipy.stats.ttest_1samp(more, 0).pvalue, abs=0.01)
    assert sign_flip_p(more) == sign_flip_p(more)


def test_no_difference_at_all_has_p_one():
    assert sign_flip_p([0.0] * 8) == 1
    assert sign_flip_p([0.1, -0.1]) == 1
    assert sign_flip_p([]) == 1


# Several comparisons.


def test_holm_by_hand():
    # .01 x 4, .02 x 3, .03 x 2, .04 x 1, and never below the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_counts_comparisons_without_a_p():
    assert holm([0.01, None, 0.02]) == pytest.approx([0.03, None, 0.04])


def test_holm_is_the_closed_test_of_bonferroni():
    """Holm rejects a hypothesis iff Bonferroni rejects every intersection that contains it."""
    ps = np.random.default_rng(5).uniform(0, 0.06, 5)
    sets = [s for k in range(1, 6) for s in itertools.combinations(range(5), k)]
    for i, adjusted in enumerate(holm(list(ps))):
        closed = max(min(1, len(s) * min(ps[j] for j in s)) for s in sets if i in s)
        assert adjusted == pytest.approx(closed)


def test_the_seeds_a_design_needs():
    wanted = {0: 6, 1: 6, 2: 7, 3: 7, 4: 8, 6: 8, 7: 9, 12: 9, 13: 10, 25: 10, 26: 11}
    assert {k: minimum_seeds(k) for k in wanted} == wanted
    for k in range(1, 60):
        assert k * 2 / 2 ** minimum_seeds(k) < 0.05
        assert minimum_seeds(k) == 6 or k * 2 / 2 ** (minimum_seeds(k) - 1) >= 0.05


# Power.


@pytest.mark.parametrize(("n", "effect"), [(3, 3.26), (5, 1.68), (8, 1.16), (10, 1.0), (29, 0.54)])
def test_power_is_that_of_the_noncentral_t(n, effect):
    shift, edge = effect * math.sqrt(n), scipy.stats.t.ppf(0.975, n - 1)
    want = scipy.stats.nct.sf(edge, n - 1, shift) + scipy.stats.nct.cdf(-edge, n - 1, shift)
    assert statistics.power_of(effect, n) == pytest.approx(want, abs=1e-5)
    assert want == pytest.approx(0.8, abs=0.006)  # the published row of detectable effects


def test_seeds_needed_keep_their_promise():
    deltas = np.array([0.2, 1.4, -0.6, 1.1, 0.3, 0.2])
    effect = deltas.mean() / deltas.std(ddof=1)
    n = seeds_needed(deltas)
    draws = np.random.default_rng(0).normal(effect, 1, (4000, n))
    seen = np.mean(scipy.stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05)
    assert seen == pytest.approx(0.8, abs=0.03)
    assert statistics.chance(effect, n) >= 0.8 > statistics.chance(effect, n - 1)
    assert seeds_needed(deltas, comparisons=3) > n
    assert seeds_needed(deltas, power=0.95) > n


def test_seeds_needed_at_the_edges():
    assert seeds_needed([0.1]) is None
    assert seeds_needed([0.1, -0.1]) is None
    assert seeds_needed([0.0] * 6) is None
    assert seeds_needed([0.1] * 6) == 6
    assert seeds_needed([0.1] * 6, comparisons=3) == 7
    assert seeds_needed([1, -1.0001] * 100) is None  # beyond 10,000


def test_the_test_floor():
    assert 100 * statistics.test_floor(0.94, 10_000) == pytest.approx(0.24, abs=0.005)
    assert 100 * statistics.test_floor(0.90, 2_000) == pytest.approx(0.67, abs=0.005)
    assert 100 * statistics.test_floor(0.74, 450) == pytest.approx(2.1, abs=0.05)
    assert statistics.test_floor(1.0, 450) == 0


# The words, rule by rule.

CLEAR = [0.09, 0.10, 0.11, 0.08, 0.12, 0.10, 0.09, 0.11]


def test_better_and_worse():
    one = versus(CLEAR)
    assert (one.verdict, one.n, one.seeds) == ("better", 8, tuple(range(8)))
    assert one.p == 2 / 2**8
    assert one.low > 0
    assert one.needed is None
    assert versus([-delta for delta in CLEAR]).verdict == "worse"


def test_lower_is_better_for_a_loss():
    assert versus(CLEAR, metric="test_loss").verdict == "worse"
    assert versus([-d for d in CLEAR], metric="test_loss").verdict == "better"
    assert versus(CLEAR, metric="test_loss", higher_is_better=True).verdict == "better"


@pytest.mark.parametrize(("n", "word"), [(1, "anecdote"), (2, "too_few_seeds"),
                                         (5, "too_few_seeds"), (6, "better")])  # fmt: skip
def test_few_seeds_claim_nothing_however_large_the_effect(n, word):
    one = versus(CLEAR[:n])
    assert one.verdict == word
    assert one.needed == (None if n == 6 else 6)


def test_few_seeds_do_not_claim_equality_either():
    assert versus([0.0] * 5).verdict == "too_few_seeds"


def test_the_interval_alone_is_not_enough():
    # The interval excludes 0, but 3 of 64 sign choices reach the sum twice over: p = .09375.
    deltas = [0.05, 0.06, 0.05, 0.07, 0.05, -0.001]
    one = versus(deltas)
    assert one.low > 0
    assert one.p == 2 * 2 / 2**6
    assert one.verdict == "not_resolved"
    assert one.needed > one.n


def test_p_alone_is_not_enough():
    deltas = [0.001, 0.001, 0.001, 0.001, 0.001, 0.2]  # every sign agrees, one seed does it all
    one = versus(deltas)
    assert one.p < 0.05
    assert one.low < 0
    assert one.verdict == "not_resolved"


def test_holm_raises_the_seeds_that_several_arms_need():
    base = {s: 0.5 for s in range(6)}
    arms = {name: {s: 0.6 + s / 1000 for s in range(6)} for name in "abc"}
    found = compare({"baseline": base, **arms}, baseline="baseline", images=IMAGES)
    assert [one.verdict for one in found] == ["not_resolved"] * 3
    assert [one.p for one in found] == pytest.approx([3 * 2 / 2**6] * 3)
    assert all(one.needed == 7 for one in found)
    base[6] = 0.5
    for runs in arms.values():
        runs[6] = 0.606
    found = compare({"baseline": base, **arms}, baseline="baseline", images=IMAGES)
    assert [one.verdict for one in found] == ["better"] * 3


def test_no_difference_larger_than_the_margin():
    small = [0.001, -0.002, 0.003, -0.001, 0.002, -0.002, 0.001, 0.0]
    one = versus(small)
    assert one.margin == pytest.approx(0.0207, abs=1e-4)
    assert one.verdict == "no_difference"
    assert versus(small, margin=0.001).verdict == "not_resolved"
    assert versus(small, images=1_000_000).verdict == "not_resolved"


def test_a_loss_has_no_margin_of_its_own():
    one = versus([0.001, -0.001, 0.001, -0.001, 0.001, -0.001], metric="test_loss")
    assert (one.margin, one.verdict) == (0, "not_resolved")


@pytest.mark.parametrize("metric", ["test_accuracy", "test_loss"])
def test_identical_arms(metric):
    one = versus([0.0] * 6, metric=metric)
    assert (one.verdict, one.p, one.mean, one.low, one.high) == ("no_difference", 1, 0, 0, 0)


def test_not_resolved_says_how_many_seeds_would():
    deltas = [0.05, -0.04, 0.06, 0.03, -0.05, 0.04]
    one = versus(deltas)
    assert one.verdict == "not_resolved"
    assert one.needed == seeds_needed(deltas) > 6


def test_only_seeds_finished_in_both_arms_are_compared():
    values = {
        "baseline": {0: 0.5, 1: 0.5, 2: math.nan, 3: 0.5},
        "arm": {1: 0.6, 2: 0.6, 3: 0.7, 4: 0.9},
        "lost": {},
    }
    arm, lost = compare(values, baseline="baseline", images=IMAGES)
    assert arm.seeds == (1, 3)
    assert arm.deltas == pytest.approx((0.1, 0.2))
    assert arm.p == pytest.approx(2 * 0.5)  # Holm counts the lost arm
    assert (lost.n, lost.mean, lost.p, lost.verdict) == (0, None, None, "too_few_seeds")


def test_without_a_finished_baseline_nothing_is_claimed():
    (one,) = compare({"baseline": {}, "arm": {0: 0.9}}, baseline="baseline", images=IMAGES)
    assert (one.n, one.margin, one.verdict) == (0, 0, "too_few_seeds")


@pytest.mark.parametrize(("n", "arms"), [(6, 1), (8, 3), (10, 1)])
def test_false_claims_stay_below_five_percent(n, arms):
    """Without a true difference at most 5 % of experiments claim one (tested at 1 in 1,000)."""
    rng = np.random.default_rng(n)
    trials, claimed = 400, 0
    for _ in range(trials):
        draws = rng.normal(0.7, 0.02, (arms + 1, n))
        values = {f"arm {i}": dict(enumerate(row)) for i, row in enumerate(draws)}
        found = compare(values, baseline="arm 0", images=IMAGES, margin=0.0)
        claimed += any(one.verdict in ("better", "worse") for one in found)
    assert claimed <= scipy.stats.binom.ppf(0.999, trials, 0.05)
    # The bound is worth something only if a true difference is seen.
    strong = rng.normal(0.05, 0.01, n)
    assert versus(list(strong)).verdict == "better"
