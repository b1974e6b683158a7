"""The laws that every trick keeps, new ones included, before it has a test of its own."""

from __future__ import annotations

import math
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from trainer.engine import Outcome, Point, train
from trainer.experiment import parse
from tricks import catalog
from tricks.base import Facts, NetworkSpec, Slot, Trick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Curve = tuple[list[Point], Outcome]

TRICKS = list(catalog().values())
KNOBS = [(trick, one) for trick in TRICKS for one in trick.knobs()]
TIMES = {"seconds", "samples_per_second"}  # the only numbers that two equal runs do not share
ROOT = Path(__file__).parents[1]


def name(value: Any) -> str | None:
    return value.id() if isinstance(value, type) else getattr(value, "name", None)


every_trick = pytest.mark.parametrize("trick", TRICKS, ids=name)
every_knob = pytest.mark.parametrize(("trick", "one"), KNOBS, ids=name)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Curve]]:
    """Train an arm of a tiny experiment: 128 digits, 60 steps, one thread."""
    home = tmp_path_factory.mktemp("home")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def run(*tricks: dict[str, Any], kind: str = "mlp", width: int = 32, **setup: Any) -> Curve:
        network = {"kind": kind, "depth": 3 if kind == "cnn" else 2, "width": width}
        setup = {"train_size": 128, "steps": 60, "network": network, **setup}
        arm = {"name": "arm", "tricks": list(tricks)}
        experiment = parse({"name": "law", "setup": setup, "arms": [arm], "seeds": [0]})
        points = []
        running = train(experiment.runs()[0], home=home)
        while True:
            try:
                points.append(next(running))
            except StopIteration as end:
                return [one for one in points if one.key not in TIMES], end.value

    yield run
    torch.set_num_threads(threads)


# The card and the knobs.


def test_a_trick_is_called_like_its_file() -> None:
    for trick in TRICKS:
        letters = trick.id().replace("_", "")
        assert trick.__name__.lower() == letters
        assert trick.__module__ == f"tricks.{trick.family()}.{trick.id()}"


def test_names_are_unique() -> None:
    for part in ("title", "title_zh"):
        titles = [getattr(trick.card, part) for trick in TRICKS]
        assert len(set(titles)) == len(titles)


@every_trick
def test_card_is_complete(trick: type[Trick]) -> None:
    card = trick.card
    for part in ("title", "claim", "claimed_by", "when", "watch_out", "formula", "cost"):
        assert getattr(card, part).strip(), part
    assert re.search(r"[\u4e00-\u9fff]", card.title_zh), "the Chinese title has no Chinese"
    assert len(card.claim) <= 90, "a claim fits two lines of the catalog"
    assert card.claim.endswith(".") and card.watch_out.endswith(".")
    assert card.formula.count("{") == card.formula.count("}")
    brackets = [len(re.findall(rf"\\{side}(?![a-z])", card.formula)) for side in ("left", "right")]
    assert brackets[0] == brackets[1]
    assert card.paper.authors and card.paper.title and 1900 < card.paper.year < 2100
    assert card.paper.arxiv or card.paper.where, "a source can be found"
    assert card.paper.arxiv is None or re.fullmatch(r"\d{4}\.\d{4,5}", card.paper.arxiv)
    assert card.published is None or re.search(r"\d", card.published)


@every_trick
def test_rules_name_tricks_and_slots_that_exist(trick: type[Trick]) -> None:
    known = {*catalog(), *(f"slot:{slot}" for slot in Slot)}
    for rule in trick.card.rules:
        assert rule.other is None or rule.other in known
        assert rule.unless is None or rule.unless in known
        assert rule.other != trick.id()


@every_trick
def test_defaults_are_allowed(trick: type[Trick]) -> None:
    values = trick().values()
    assert set(values) == {one.name for one in trick.knobs()}
    for one in trick.knobs():
        assert one.check(values[one.name]) is None


@every_knob
def test_knob_is_explained_and_its_range_makes_sense(trick: type[Trick], one: Any) -> None:
    assert one.help and one.symbol
    assert one.low < one.high
    assert one.default is None or one.low <= one.default <= one.high
    assert one.neutral is None or one.low <= one.neutral <= one.high
    assert not one.log or one.low > 0
    for value in (one.low, one.high):
        assert trick(**{one.name: value}).values()[one.name] == value


@every_knob
def test_knob_refuses_nonsense_with_its_name(trick: type[Trick], one: Any) -> None:
    wrong = [one.low - 1, one.high + 1, math.nan, math.inf, "0.5", True, [1]]
    wrong += [one.low + 0.5] if one.integer else []
    wrong += [None] if one.default is not None else []
    for value in wrong:
        with pytest.raises(ValueError, match=rf"{trick.id()}\.{one.name} goes from"):
            trick(**{one.name: value})


@every_trick
def test_instances_travel(trick: type[Trick]) -> None:
    one = trick()
    assert pickle.loads(pickle.dumps(one)) == one


def test_catalog_and_checks_import_no_torch() -> None:
    code = """
import sys
from tricks import catalog
from trainer import checks, designs, experiment, rates
setup = experiment.Setup.model_validate({"epochs": 2})
every = [trick() for trick in catalog().values()]
checks.notices(setup, every)
rates.schedule(setup, every)(1)
assert not {"torch", "numpy", "streamlit"} & set(sys.modules), "heavy"
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# The runs.


@pytest.fixture(scope="module")
def baseline(run: Callable[..., Curve]) -> list[Point]:
    return run()[0]


@every_trick
def test_neutral_trick_is_the_baseline(
    trick: type[Trick], run: Callable[..., Curve], baseline: list[Point]
) -> None:
    """Bit for bit the same curve; where labels become probabilities, up to rounding."""
    knobs = {one.name: one.neutral for one in trick.knobs() if one.neutral is not None}
    if not knobs and not trick.is_default:
        return  # it has no neutral value: it is always a change
    points, _ = run({"id": trick.id(), "knobs": knobs})
    if trick.changes("batch") or trick.changes("loss"):
        assert [one[:2] for one in points] == [one[:2] for one in baseline]
        expected = pytest.approx([one.value for one in baseline], rel=1e-3, abs=1e-4)
        assert [one.value for one in points] == expected
    else:
        assert points == baseline


@every_trick
def test_same_seed_same_curve_and_it_learns(trick: type[Trick], run: Callable[..., Curve]) -> None:
    points, outcome = run({"id": trick.id()})
    assert points == run({"id": trick.id()})[0]
    assert outcome.state == "done" and outcome.steps == 60
    if trick.learns:
        assert outcome.metrics["test_accuracy"] > 0.3  # chance is 0.1 ± 0.014


@every_trick
@pytest.mark.parametrize("kind", ["mlp", "cnn", "resnet"])
def test_trick_works_in_every_network(
    trick: type[Trick], kind: str, run: Callable[..., Curve]
) -> None:
    points, outcome = run({"id": trick.id()}, kind=kind, width=8, steps=2)
    assert outcome.state == "done" and outcome.steps == 2
    assert all(math.isfinite(one.value) for one in points)
    assert all(one.value > 0 for one in points if one.key == "grad_norm")


@every_trick
def test_a_trick_that_is_not_neutral_changes_the_curve(
    trick: type[Trick], run: Callable[..., Curve], baseline: list[Point]
) -> None:
    """With its defaults, or, where 60 steps are too few to see them, with its knobs turned up."""
    high = {one.name: one.high for one in trick.knobs()}
    curves = (run({"id": trick.id(), "knobs": knobs})[0] for knobs in ({}, high))
    assert any(points != baseline for points in curves) != trick.is_default


def test_tricks_that_go_together_train_together(run: Callable[..., Curve]) -> None:
    """One trick for each slot and all that own none, in one arm."""
    chosen: dict[str, str] = {}
    for trick in TRICKS:
        if not trick.is_default:
            chosen.setdefault(trick.slot or trick.id(), trick.id())
    points, outcome = run(*({"id": one} for one in chosen.values()))
    assert outcome.state == "done"
    assert points == run(*({"id": one} for one in reversed(chosen.values())))[0]


# The mathematics, for any leading dimensions.


def spec() -> NetworkSpec:
    return NetworkSpec(
        kind="mlp", depth=2, width=8, image=(1, 8, 8), classes=10, activation=torch.nn.ReLU
    )


@every_trick
def test_losses_and_batches_of_two_models_are_those_of_each(trick: type[Trick]) -> None:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 6, 10, generator=draw)
    y = torch.softmax(torch.randn(2, 6, 10, generator=draw), dim=-1)
    x = torch.randn(2, 6, 1, 8, 8, generator=draw)
    one = trick()
    if trick.changes("loss"):
        both = one.loss(logits, y)
        assert both.shape == (2, 6)
        torch.testing.assert_close(both, torch.stack([one.loss(logits[i], y[i]) for i in (0, 1)]))
    if trick.changes("batch_loss"):
        means = torch.tensor([0.05, 0.7])
        each = torch.stack([one.batch_loss(mean) for mean in means])
        torch.testing.assert_close(one.batch_loss(means), each)
    if trick.changes("batch"):
        new_x, new_y = one.batch(x, y, torch.Generator().manual_seed(1))
        for i in (0, 1):
            part_x, part_y = one.batch(x[i], y[i], torch.Generator().manual_seed(1))
            torch.testing.assert_close(new_x[i], part_x)
            torch.testing.assert_close(new_y[i], part_y)
        torch.testing.assert_close(new_y.sum(dim=-1), torch.ones(2, 6))


@pytest.mark.parametrize("trick", [one for one in TRICKS if one.slot is Slot.ACTIVATION], ids=name)
def test_activations_look_at_each_number_alone(trick: type[Trick]) -> None:
    layer = trick().network(spec()).activation()
    x = torch.linspace(-4, 4, 24)
    torch.testing.assert_close(layer(x.reshape(2, 3, 4)).flatten(), layer(x))


@every_trick
def test_rates_are_finite_and_not_negative(trick: type[Trick]) -> None:
    one = trick()
    assert one.rate(0.1) > 0
    for steps in (1, 2, 3, 7, 100, 1000):
        factors = [one.factor(step, steps) for step in range(steps)]
        assert all(0 <= factor <= 1 for factor in factors)
        assert max(factors) > 0


@every_trick
def test_rules_say_whole_sentences(trick: type[Trick]) -> None:
    """Whatever the setup, a rule fills its text or keeps quiet."""
    for network in ("mlp", "cnn", "resnet"):
        for size, steps in ((1, 10), (4, None), (64, 1000)):
            facts = Facts(
                dataset="digits", classes=10, image=(1, 8, 8), train_size=100, label_noise=0.0,
                imbalance=1.0, network=network, depth=1, width=12, batch_size=size, lr=0.1,
                steps=steps,
            )  # fmt: skip
            for rule in trick.card.rules:
                for other in others(rule.other):
                    numbers = rule.when(trick(), other, facts)
                    if numbers is not None:
                        assert rule.title.format(**numbers)
                        assert rule.reason.format(**numbers).endswith(".")


def others(wanted: str | None) -> list[Trick | None]:
    if wanted is None:
        return [None]
    return [one() for one in TRICKS if wanted in (one.id(), f"slot:{one.slot}")]
