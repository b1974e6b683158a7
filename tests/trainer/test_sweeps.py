"""Sweeps: the values that are offered, what is refused, and sweeps known again by their arms."""

from __future__ import annotations

from typing import Any

import pytest

from trainer import sweeps
from trainer.experiment import parse
from tricks import catalog

KNOBS = [(name, knob) for name, trick in catalog().items() for knob in trick.knobs()]
DROPOUT = {"id": "dropout", "knobs": {"p": 0.5}}
MIXUP = {"id": "mixup", "knobs": {"alpha": 0.2}}


@pytest.mark.parametrize(("trick", "knob"), KNOBS, ids=[f"{a}.{b.name}" for a, b in KNOBS])
def test_every_knob_has_values_worth_a_look(trick: str, knob: Any) -> None:
    values = sweeps.grid(knob)
    assert 1 <= len(values) <= 5 and values == sorted(set(values))
    assert knob.neutral not in values
    if knob.default is not None and knob.default != knob.neutral:
        assert knob.default in values
    swept = sweeps.usual(trick, knob.name)
    choices = [{"id": trick, "knobs": catalog()[trick]().values()}]
    assert sweeps.problems(swept, choices) == []
    arms = sweeps.sweep(choices, swept)
    parse({"name": "x", "setup": {"epochs": 1}, "arms": arms, "seeds": [0]}, draft=True)
    assert len(values) == 1 or sweeps.swept(arms) == swept


def test_the_rest_is_in_every_arm() -> None:
    swept = {"trick": "dropout", "knob": "p", "values": [0.1, 0.5]}
    arms = sweeps.sweep([DROPOUT, MIXUP], swept)
    assert [arm["name"] for arm in arms] == ["baseline", "dropout p 0.1", "dropout p 0.5"]
    assert arms[0]["tricks"] == [MIXUP]
    assert arms[1]["tricks"] == [{"id": "dropout", "knobs": {"p": 0.1}}, MIXUP]
    assert sweeps.swept(arms) == swept


def test_a_sweep_of_the_learning_rate_scales_the_arms() -> None:
    swept = sweeps.usual(None, sweeps.RATE)
    arms = sweeps.sweep([MIXUP], swept)
    assert arms[0] == {"name": "baseline", "tricks": [MIXUP]}
    assert arms[1] == {"name": "rate × 0.1", "tricks": [MIXUP], "lr_scale": 0.1}
    assert sweeps.swept(arms) == swept


@pytest.mark.parametrize(
    "arms",
    [
        [{"tricks": []}, {"tricks": [DROPOUT]}],
        [{"tricks": []}, {"tricks": [DROPOUT]}, {"tricks": [MIXUP]}],
        [{"tricks": [MIXUP]}, {"tricks": [DROPOUT]}, {"tricks": [DROPOUT, MIXUP]}],
    ],
)
def test_other_arms_are_no_sweep(arms: list[Any]) -> None:
    found = sweeps.swept(arms)
    assert found is None or sweeps.sweep([DROPOUT, MIXUP], found) != arms


@pytest.mark.parametrize(
    ("swept", "place", "rule"),
    [
        ("p", "sweep", "a trick, a knob and values"),
        ({"trick": "sam", "knob": "rho", "values": [1]}, "sweep.trick", "must take part"),
        ({"trick": "dropout", "knob": "q", "values": [1]}, "sweep.knob", "no such knob"),
        ({"trick": None, "knob": "p", "values": [2]}, "sweep.knob", "it is lr_scale"),
        ({"trick": "dropout", "knob": "p", "values": []}, "sweep.values", "a list of 1 to 50"),
        ({"trick": "dropout", "knob": "p", "values": [0.1, 2]}, "sweep.values[1]", "from 0 to"),
        ({"trick": "dropout", "knob": "p", "values": [0.0]}, "sweep.values[0]", "the baseline"),
        ({"trick": "dropout", "knob": "p", "values": [0.1, 0.1]}, "sweep.values[1]", "twice"),
        ({"trick": "dropout", "knob": "p", "values": [None]}, "sweep.values[0]", "a number"),
        ({"trick": None, "knob": "lr_scale", "values": [1]}, "sweep.values[0]", "the baseline"),
        ({"trick": None, "knob": "lr_scale", "values": [-1]}, "sweep.values[0]", "above 0"),
        ({"trick": None, "knob": "lr_scale", "values": [True]}, "sweep.values[0]", "a number"),
    ],
)
def test_what_is_wrong_is_named_by_place(swept: Any, place: str, rule: str) -> None:
    (found,) = sweeps.problems(swept, [DROPOUT])
    assert found[0] == place and rule in found[1]
    if isinstance(swept, dict):
        with pytest.raises(ValueError, match="sweep"):
            sweeps.sweep([DROPOUT], swept)  # type: ignore[arg-type]
