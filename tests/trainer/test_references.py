"""The statistics against statsmodels: another library's tests, power and regression."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from trainer import designs
from trainer.effects import effects
from trainer.statistics import compare, holm, power_of, t_interval


@pytest.mark.parametrize("comparisons", [1, 2, 5, 12])
def test_holm_is_that_of_statsmodels(comparisons: int) -> None:
    ps = np.random.default_rng(comparisons).beta(0.4, 1, comparisons)
    want = multipletests(ps, method="holm")[1]
    assert holm([float(p) for p in ps]) == pytest.approx(list(want), rel=1e-12)


@pytest.mark.parametrize("n", [3, 6, 10, 29])
def test_the_paired_interval_is_that_of_statsmodels(n: int) -> None:
    draw = np.random.default_rng(n)
    base, arm = draw.normal(0.8, 0.02, n), draw.normal(0.81, 0.02, n)
    values = {"baseline": dict(enumerate(base)), "arm": dict(enumerate(arm))}
    found = compare(values, baseline="baseline", images=450)[0]
    assert (found.low, found.high) == pytest.approx(DescrStatsW(arm - base).tconfint_mean())
    assert t_interval(arm - base).mean == pytest.approx(found.mean)


@pytest.mark.parametrize("effect", [0.2, 0.54, 0.8])  # beyond, its own is not a number
@pytest.mark.parametrize("n", [3, 10, 29])
@pytest.mark.parametrize("comparisons", [1, 3])
def test_power_is_that_of_statsmodels(effect: float, n: int, comparisons: int) -> None:
    want = TTestPower().power(effect, n, 0.05 / comparisons)
    assert power_of(effect, n, comparisons) == pytest.approx(want, abs=1e-5)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_effects_are_the_coefficients_of_a_regression(count: int) -> None:
    """On signs of -1 and 1 a main effect is twice its coefficient, an interaction four times."""
    rows = designs.signs(count)
    seeds = 6
    y = np.random.default_rng(count).normal(size=(len(rows), seeds))
    found = effects("ABCD"[:count], rows, [dict(enumerate(arm)) for arm in y])
    columns = [
        np.prod(np.array(rows, float)[:, list("ABCD".index(one) for one in effect.term)], axis=1)
        for effect in found
    ]
    design = np.column_stack([np.ones(len(rows)), *columns])
    fitted = OLS(y.ravel(), np.repeat(design, seeds, axis=0)).fit()
    scale = [2 * len(effect.term) for effect in found]
    assert [one.mean for one in found] == pytest.approx(list(fitted.params[1:] * scale))
