"""Every rule of every card: it fires somewhere, it keeps quiet elsewhere, and its text is whole."""

from __future__ import annotations

import random
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from trainer.checks import named, told
from tricks import catalog
from tricks.base import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tricks.base import Rule, Trick

TRICKS = list(catalog().values())
RULES = [
    pytest.param(trick, rule, id=f"{trick.id()}-{i}")
    for trick in TRICKS
    for i, rule in enumerate(trick.card.rules)
]
CHOICES: dict[str, list[Any]] = {
    "dataset": ["digits", "mnist", "cifar10", "shapes"],
    "train_size": [400, 10, 100, 1347, 50_000],
    "pool": [947, 0, 20],
    "preprocessing": ["standardize", "scale", "raw"],
    "label_noise": [0.0, 0.3],
    "imbalance": [1.0, 50.0],
    "network": ["mlp", "cnn", "resnet"],
    "depth": [3, 1, 2, 12, 30],
    "width": [128, 12, 1],
    "batch_size": [32, 1, 2, 4, 256, 2000],
    "lr": [0.1, 0.001, 0.5, 1.0],
    "steps": [1000, 5, 50, 100, 20_000, None],
    "device": ["auto", "cpu", "cuda"],
}
IMAGES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "cifar10": (3, 32, 32), "shapes": (3, 32, 32)}


def facts(**chosen: Any) -> Facts:
    chosen = {name: values[0] for name, values in CHOICES.items()} | chosen
    color = chosen["dataset"] in ("cifar10", "shapes")
    symmetries = ("shift", "hflip") if color else ("shift",)
    return Facts(classes=10, image=IMAGES[chosen["dataset"]], symmetries=symmetries, **chosen)


def all_facts() -> Iterator[Facts]:
    """The usual setup, every single change of it, and 150 changes of several things at once."""
    yield facts()
    for name, values in CHOICES.items():
        yield from (facts(**{name: value}) for value in values[1:])
    draw = random.Random(0)
    for _ in range(150):
        yield facts(**{name: draw.choice(values) for name, values in CHOICES.items()})


FACTS = list(all_facts())


def turned(trick: type[Trick]) -> list[Trick]:
    """The trick at its defaults, and with each knob at its ends, its neutral and in between."""
    ways = [trick()]
    for one in trick.knobs():
        middle = (one.low + one.high) / 2
        spots = {one.low, one.high, one.neutral, round(middle) if one.integer else middle}
        ways += [trick(**{one.name: spot}) for spot in spots if spot is not None]
    return ways


def others(wanted: str | None) -> list[Trick | None]:
    if wanted is None:
        return [None]
    met = [one for one in TRICKS if wanted in (one.id(), f"slot:{one.slot}")]
    return [way for one in met for way in turned(one)]


ENOUGH = 12  # texts of one rule


@pytest.mark.parametrize(("trick", "rule"), RULES)
def test_a_rule_can_fire_and_says_whole_sentences(trick: type[Trick], rule: Rule) -> None:
    ways = list(product(FACTS, turned(trick), others(rule.other)))
    random.Random(0).shuffle(ways)
    fired = quiet = 0
    for situation, own, other in ways:
        numbers = rule.when(own, other, situation)
        if numbers is None:
            quiet += 1
            continue
        fired += 1
        notice = told(rule, own, other, numbers)
        text = f"{notice.title} {notice.reason}"
        assert notice.title and not notice.title.endswith(".")
        assert notice.reason.endswith(".") and "{" not in text
        assert other is None or all(named(one, text.casefold()) for one in (own, other))
        if fired >= ENOUGH and (quiet or rule.other):
            break
    assert fired, "no setup and no knob makes it speak"
    if rule.kind != "hint" and not (rule.other or rule.unless):
        assert quiet, "it speaks always: that belongs into watch_out"
