"""Designs: which arms, and what a fraction cannot tell apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trainer import designs
from trainer.effects import effects
from trainer.experiment import parse

FIVE = [{"id": one, "knobs": {}} for one in ("dropout", "mixup", "ema", "grad_clip", "warmup")]
EIGHT = [
    *FIVE,
    *({"id": one, "knobs": {}} for one in ("label_smoothing", "flooding", "mish")),
]


def parsed(arms: list[dict[str, Any]]) -> Any:
    return parse({"name": "design", "setup": {"epochs": 1}, "arms": arms, "seeds": [0]})


@pytest.mark.parametrize("design", designs.MAKERS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8])
def test_every_design_is_an_experiment(design: str, count: int) -> None:
    arms = designs.MAKERS[design](EIGHT[:count])
    assert len({arm["name"] for arm in arms}) == len(arms)
    parsed(arms)


def test_leave_one_out() -> None:
    arms = designs.leave_out(FIVE[:3])
    assert [arm["name"] for arm in arms] == [
        "all three", "without dropout", "without mixup", "without EMA",
    ]  # fmt: skip
    assert [len(arm["tricks"]) for arm in arms] == [3, 2, 2, 2]


@pytest.mark.parametrize("count", range(1, 9))
def test_two_level_designs_are_balanced_and_orthogonal(count: int) -> None:
    rows = np.array(designs.signs(count)).reshape(-1, count)
    assert len(rows) == min(2**count, 16)
    assert len({tuple(row) for row in rows.tolist()}) == len(rows)
    assert (rows[0] == -1).all(), "the plain net comes first"
    assert np.array_equal(rows.T @ rows, len(rows) * np.eye(count))


def test_nine_tricks_are_too_many() -> None:
    with pytest.raises(ValueError, match="at most 8 tricks can be combined, not 9"):
        designs.signs(9)
    with pytest.raises(ValueError, match="at most 8 tricks"):
        designs.every([*EIGHT, {"id": "sam", "knobs": {}}])
    assert designs.arms_in("every", 9) is None


@pytest.mark.parametrize("count", range(5))
def test_full_designs_alias_nothing(count: int) -> None:
    assert designs.aliases(count) == []


def test_resolution() -> None:
    """V: pairs are clear of mains and of each other; IV: pairs are mixed with pairs only."""
    assert designs.aliases(5) == []
    for count in (6, 7, 8):
        groups = designs.aliases(count)
        assert groups and all(len(term) == 2 for group in groups for term in group)
    assert next(group for group in designs.aliases(6) if (0, 1) in group)[:2] == [(0, 1), (2, 4)]


@pytest.mark.parametrize("count", range(9))
def test_counts_are_those_of_the_arms(count: int) -> None:
    for design, make in designs.MAKERS.items():
        assert designs.arms_in(design, count) == len(make(EIGHT[:count]))
    few = designs.every(EIGHT[:count], fraction=True)
    assert designs.arms_in("every", count, fraction=True) == len(few) <= 16


@pytest.mark.parametrize("fraction", [False, True])
@pytest.mark.parametrize("count", range(9))
def test_every_combination_is_recognized_with_its_order(count: int, fraction: bool) -> None:
    arms = designs.every(EIGHT[:count], fraction=fraction)
    assert designs.combined(arms) == (EIGHT[:count], fraction and count > 4)


def test_what_is_no_factorial_is_not_taken_for_one() -> None:
    arms = designs.every(FIVE[:3])
    assert designs.combined(arms[:-1]) is None
    assert designs.combined([arms[1], arms[0], *arms[2:]]) is None, "the baseline comes first"
    other = {"id": "dropout", "knobs": {"p": 0.9}}
    changed = [{**arm, "tricks": [other if one["id"] == "dropout" else one
               for one in arm["tricks"]]} for arm in arms[3:4]]  # fmt: skip
    assert designs.combined([*arms[:3], *changed, *arms[4:]]) is None, "knobs differ between arms"
    assert designs.combined(designs.alone(FIVE)) is None


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_effects_are_those_that_were_put_in(count: int) -> None:
    """Additive gains of 1, 2, 3, ... and the first two together 10 more than their sum."""
    rows = designs.signs(count)
    noise = np.random.default_rng(0)
    per_seed = {seed: noise.normal() for seed in range(6)}
    values = []
    for row in rows:
        gain = sum((i + 1) * (sign > 0) for i, sign in enumerate(row))
        gain += 10 * (row[0] > 0 and row[1] > 0)
        values.append({seed: gain + shift for seed, shift in per_seed.items()})
    found = {one.term: one for one in effects("ABCDEF"[:count], rows, values)}
    assert found["A", "B"].mean == pytest.approx(10)
    assert found["A",].mean == pytest.approx(1 + 5)
    if count > 2:
        assert found["C",].mean == pytest.approx(3)
        assert found["A", "C"].mean == pytest.approx(0, abs=1e-9) or count >= 6
    assert found["A",].n == 6 and found["A",].low == pytest.approx(6)


def test_effects_use_complete_seeds_only() -> None:
    rows = designs.signs(1)
    found = effects(["A"], rows, [{0: 1.0, 1: 2.0, 2: 3.0}, {0: 2.0, 1: 4.0, 3: 0.0}])
    assert found[0].n == 2 and found[0].deltas == pytest.approx((1.0, 2.0))
    assert effects(["A"], rows, [{}, {}])[0].mean is None


def test_effects_match_ordinary_least_squares() -> None:
    rows = designs.signs(3)
    draw = np.random.default_rng(1)
    y = draw.normal(size=(len(rows), 7))
    values = [dict(enumerate(arm)) for arm in y]
    found = {one.term: one.mean for one in effects("ABC", rows, values)}
    x = np.array(rows, float)
    pairs = [(0, 1), (0, 2), (1, 2)]
    matrix = np.column_stack([np.ones(len(x)), x, *(x[:, i] * x[:, j] for i, j in pairs)])
    slope = np.linalg.lstsq(np.repeat(matrix, 7, axis=0), y.ravel(), rcond=None)[0]
    assert found["A",] == pytest.approx(2 * slope[1])
    assert found["A", "B"] == pytest.approx(4 * slope[4])


def test_unbalanced_designs_are_refused() -> None:
    with pytest.raises(ValueError, match="not a balanced design"):
        effects(["A"], [(-1,), (1,), (1,)], [{0: 1.0}] * 3)
