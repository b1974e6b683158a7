"""Which arms are a factorial or a sweep, and what a fraction cannot tell apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trainer import designs
from trainer.effects import effects, factorial_of, indistinguishable, sweep_of
from trainer.experiment import parse

IDS = ["dropout", "mixup", "ema", "grad_clip", "warmup", "label_smoothing", "flooding", "mish"]


def experiment(arms: list[dict[str, Any]], **more: Any) -> Any:
    return parse({"name": "a", "setup": {"epochs": 1}, "arms": arms, "seeds": [0], **more})


def choices(count: int) -> list[dict[str, Any]]:
    return [{"id": one, "knobs": {}} for one in IDS[:count]]


def sweep(*values: float) -> list[dict[str, Any]]:
    return [
        {"name": "baseline", "tricks": []},
        *({"name": f"p {p}", "tricks": [{"id": "dropout", "knobs": {"p": p}}]} for p in values),
    ]


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("fraction", [True, False])
def test_every_combination_is_recognized(count: int, fraction: bool) -> None:
    found = factorial_of(experiment(designs.every(choices(count), fraction=fraction)))
    assert found is not None
    names, rows = found
    assert sorted(names) == sorted(designs.arm_name(one) for one in IDS[:count])
    order = [names.index(designs.arm_name(one)) for one in IDS[:count]]
    own = [tuple(row[i] for i in order) for row in rows]
    assert own == designs.signs(count, fraction=fraction)


def test_a_trick_that_all_arms_have_is_no_factor() -> None:
    arms = designs.every(choices(2))
    for arm in arms:
        arm["tricks"] = [*arm["tricks"], {"id": "ema"}]
    names, _ = factorial_of(experiment(arms)) or ([], [])
    assert names == ["dropout", "mixup"]


@pytest.mark.parametrize("make", [designs.alone, designs.together, designs.leave_out])
def test_other_designs_are_no_factorial(make: Any) -> None:
    assert factorial_of(experiment(make(choices(3)))) is None


def test_what_else_is_no_factorial() -> None:
    full = designs.every(choices(2))
    assert factorial_of(experiment(full[:3])) is None
    assert factorial_of(experiment([*full, full[1] | {"name": "again"}])) is None
    other = [*full[:3], {"name": "x", "tricks": [{"id": "dropout", "knobs": {"p": 0.1}},
                                                 {"id": "mixup"}]}]  # fmt: skip
    assert factorial_of(experiment(other)) is None, "one trick, two knob values"
    faster = [*full[:3], full[3] | {"lr_scale": 2.0}]
    assert factorial_of(experiment(faster)) is None, "one arm has another rate"
    assert factorial_of(experiment(faster, tune={})) is not None, "each arm has its own best"
    assert factorial_of(experiment(designs.alone(choices(1)))) is None


@pytest.mark.parametrize("count", range(2, 9))
def test_what_cannot_be_told_apart_is_what_the_design_says(count: int) -> None:
    groups = [one for one in indistinguishable(designs.signs(count)) if len(one) > 1]
    assert groups == designs.aliases(count)
    assert indistinguishable([]) == []


def test_effects_that_are_one_number_are_one_test() -> None:
    rows = designs.signs(8)  # 8 main effects, and 28 pairs in 7 groups
    draw = np.random.default_rng(0)
    noise = draw.normal(size=(len(rows), 6))
    values = [
        {seed: 5 * row[0] + y for seed, y in enumerate(own)}
        for row, own in zip(rows, noise, strict=True)
    ]
    found = effects("ABCDEFGH", rows, values)
    assert found[0].p == pytest.approx(15 * 2 / 2**6)
    by_term = {one.term: one for one in found}
    for group in designs.aliases(8):
        own = [by_term[tuple("ABCDEFGH"[i] for i in term)] for term in group]
        assert len({one.p for one in own}) == 1
        assert len({round(abs(one.mean or 0), 9) for one in own}) == 1


def test_a_sweep_with_the_baseline_beside_it() -> None:
    found = sweep_of(experiment(sweep(0.5, 0.1, 0.3)))
    assert found is not None and found.knob is not None
    assert (found.trick, found.knob.name, found.baseline) == ("dropout", "p", 0)
    assert found.values == ((2, 0.1), (3, 0.3), (1, 0.5))


def test_a_sweep_whose_baseline_is_one_of_the_values() -> None:
    with_mish = [
        {"name": str(p), "tricks": [{"id": "mish"}, {"id": "dropout", "knobs": {"p": p}}]}
        for p in (0.5, 0.1, 0.3)
    ]
    found = sweep_of(experiment(with_mish))
    assert found is not None
    assert found.baseline is None and found.values == ((1, 0.1), (2, 0.3), (0, 0.5))


def test_a_sweep_of_the_rate() -> None:
    arms = [{"name": str(scale), "tricks": [{"id": "mish"}], "lr_scale": scale}
            for scale in (1.0, 0.5, 2.0)]  # fmt: skip
    found = sweep_of(experiment(arms))
    assert found is not None
    assert found.knob is None and found.values == ((1, 0.5), (0, 1.0), (2, 2.0))
    other = [*arms[:2], {"name": "x", "tricks": [], "lr_scale": 2.0}]
    assert sweep_of(experiment(other)) is None


def test_what_is_no_sweep() -> None:
    arms = sweep(0.1, 0.3)
    assert sweep_of(experiment(arms)) is not None
    assert sweep_of(experiment(arms[:2])) is None, "one value is no sweep"
    assert sweep_of(experiment(designs.alone(choices(3)))) is None
    two = [*arms, {"name": "x", "tricks": [{"id": "dropout", "knobs": {"p": 0.5}},
                                            {"id": "mixup"}]}]  # fmt: skip
    assert sweep_of(experiment(two)) is None
    based = [arms[0] | {"tricks": [{"id": "mixup"}]}, *arms[1:]]
    assert sweep_of(experiment(based)) is None, "the baseline has a trick that the others have not"
