"""Every law can be broken: for each, a trick that breaks it is refused with the reason."""

from __future__ import annotations

import dataclasses
import re

import pytest

import tricks
from trainer import laws
from trainer.lawbench import many_facts
from tricks import built_in, catalog
from tricks.base import Chinese, Rule, Trick

GOOD = """
from dataclasses import dataclass, field
import math
from tricks.base import Acted, Card, Paper, Regime, Rule, Slot, Trick, knob

@dataclass(kw_only=True)
class SampleTrick(Trick):
    card = Card(
        title="Sample trick", title_zh="样例", claim="It shrinks the gradients.", claimed_by="me",
        when="Never.", watch_out="It is a sample.", formula="g", cost="nothing",
        paper=Paper(authors="Me", year=2025, title="An idea", where="this file"),#MORE
    )
    q: float = knob(0.9, low=0.5, high=1.0, neutral=1.0, symbol="q", help="1 changes nothing")

    def gradients(self, network):
        for weights in network.parameters():
            if weights.grad is not None:
                weights.grad.mul_(self.q)
"""
KNOB = 'knob(0.9, low=0.5, high=1.0, neutral=1.0, symbol="q", help="1 changes nothing")'

ACTIVATION = """
    slot = Slot.ACTIVATION

    def network(self, spec):
        import dataclasses
        import torch
        return dataclasses.replace(spec, activation=%s)
"""
LOSS = """
    slot = Slot.LOSS

    def loss(self, logits, y):
        return %s
"""
BATCH = """
    def batch(self, x, y, rng):
        import torch
        %s
"""

# law -> what is put into the good trick, and what is said of it
FILES: dict[str, list[tuple[list[tuple[str, str]], str]]] = {
    "is_named_after_its_file": [([("class SampleTrick", "class Another")], "call it SampleTrick")],
    "has_a_name_of_its_own": [
        ([('"Sample trick"', '"Mixup"')], "is also that of mixup"),
        ([('"样例"', '"随机失活"')], "is also that of dropout"),
    ],
    "card_is_complete": [
        ([('"Never."', '" "')], "when is empty"),
        ([('"It shrinks the gradients."', '"a" * 90 + "."')], "claim has 91 characters"),
        ([('"It shrinks the gradients."', '"It shrinks"')], "end with ."),
        ([('formula="g"', r'formula=r"\\frac{g"')], "braces"),
        ([('formula="g"', r'formula=r"\left( g"')], "left and"),
        ([("year=2025", "year=25")], "paper.year is 25"),
        ([(', where="this file"', "")], "arxiv or where"),
        ([('where="this file"', 'arxiv="arXiv:1710.09412"')], "bare id"),
        ([("#MORE", 'published="much better",')], "no number in it"),
    ],
    "knobs_are_explained": [
        ([('help="1 changes nothing"', 'help=""')], "q needs help and symbol"),
        ([("    q: float", "    rate: float"), ("self.q", "self.rate")], "is a moment's name"),
        ([("neutral=1.0", "neutral=2.0")], "q's neutral 2.0 is out of its range"),
        ([("low=0.5", "low=0.0, log=True")], "must be above 0"),
    ],
    "knobs_refuse_nonsense": [
        ([(KNOB, f"{KNOB}\n\n    def __post_init__(self):\n        pass")], "must call super"),
    ],
    "instances_travel": [
        ([(KNOB, f"{KNOB}\n\n    def __eq__(self, other):\n        return False")], "its copy"),
    ],
    "regime_is_an_experiment": [
        ([("#MORE", 'regime=Regime(setup={"epochs": 5, "lr": -1.0}),')], "setup.lr"),
        ([("#MORE", 'regime=Regime(setup={"epochs": 5}, knobs={"z": 1.0}),')], "z is no knob"),
        ([("#MORE", 'regime=Regime(setup={"epochs": 5}, knobs={"q": 9.0}),')], "q goes from"),
        ([("#MORE", 'regime=Regime(setup={"epochs": 5}, beside=("nobody",)),')], "names nobody"),
        (
            [("#MORE", 'regime=Regime(setup={"epochs": 5}, beside=("sample_trick",)),')],
            "its own trick",
        ),
        (
            [("#MORE", 'regime=Regime(setup={"epochs": 5, "device": "cpu"}),')],
            "leave the device",
        ),
    ],
    "rules_say_whole_sentences": [
        ([("#MORE", 'rules=(Rule(kind="hint", title="a", reason="b"),),')], "end with a period"),
        ([("#MORE", 'rules=(Rule(kind="hint", title="{n}", reason="b."),),')], "KeyError"),
    ],
    "rates_are_sane": [
        ([("def gradients", "def rate(self, lr):\n        return 0\n\n    def gradients")], "rate"),
        (
            [("def gradients", "def factor(self, k, n):\n        return 1.5\n\n    def gradients")],
            "leaves 0 to 1",
        ),
        (
            [("def gradients", "def factor(self, k, n):\n        return 0\n\n    def gradients")],
            "always 0",
        ),
        (
            [("def gradients", "def horizon(self, n):\n        return 0\n\n    def gradients")],
            "not a step count",
        ),
        (
            [
                ("    q: float", "    lr: float"),
                ("self.q", "self.lr"),
                ("def gradients", "def rate(self, lr):\n        return lr\n\n    def gradients"),
            ],
            "with the knob lr at",
        ),
    ],
    "losses_stack": [
        ([("    def gradients", LOSS % "logits.square().sum(-1).mean(0)" + "\n    def gradients")],
         "not (2, 6)"),
        ([("    def gradients", LOSS % "logits.square().sum(-1) / logits.norm()"
           + "\n    def gradients")], "another loss"),
        ([("    def gradients", "    def batch_loss(self, loss):\n        return loss.mean()\n\n"
           "    def gradients")], "mixes two models"),
    ],
    "batches_stack": [
        ([("    def gradients", BATCH % "return x + torch.randn(x.shape, generator=rng), y"
           + "\n    def gradients")], "draw for each example"),
        ([("    def gradients", BATCH % "return x, 2 * y" + "\n    def gradients")], "sum to 1"),
    ],
    "activation_is_its_response": [
        ([("    def gradients", ACTIVATION % "lambda: torch.nn.Softmax(-1)"
           + "\n    def gradients")], "mixes numbers"),
        ([("    def gradients", ACTIVATION % "torch.nn.Tanh" + "\n    def gradients")],
         "response(self, x: float) -> float is missing"),
        ([("    def gradients", ACTIVATION % "torch.nn.Tanh"
           + "\n    def response(self, x):\n        return x\n\n    def gradients")],
         "not what the module computes"),
    ],
    "loss_is_its_curve": [
        ([("    def gradients", LOSS % "-(y * logits.log_softmax(-1)).sum(-1)"
           + "\n    def gradients")], "loss_at(self, p: float) -> float is missing"),
        ([("    def gradients", LOSS % "-(y * logits.log_softmax(-1)).sum(-1)"
           + "\n    def loss_at(self, p):\n        return -2 * math.log(p)\n\n    def gradients")],
         "loss_at(0.02) is"),
    ],
    "same_seed_same_curve": [
        ([("weights.grad.mul_(self.q)", "weights.grad.mul_(__import__('random').random())")],
         "two runs with one seed differ"),
        ([("weights.grad.mul_(self.q)", "weights.grad.mul_(0)")], "declare learns = False"),
        ([("weights.grad.mul_(self.q)", "weights.grad.mul_(float('nan'))")], "it diverged after"),
    ],
    "neutral_is_the_baseline": [
        ([("mul_(self.q)", "mul_(self.q * 0.999)")], "not the baseline's bit for bit"),
        ([("    def gradients", BATCH % "return 0.9 * x, y" + "\n    def gradients")],
         "the curve is not the baseline's"),
    ],
    "changes_the_curve": [
        ([("mul_(self.q)", "mul_(1.0)")], "neither its defaults nor its knobs"),
        ([("    q: float", "    is_default = True\n    q: float")], "is_default, and yet"),
    ],
    "works_in_its_networks": [
        ([("    q: float", "    kinds = ()\n    q: float")], "kinds is empty"),
        ([("weights.grad.mul_(self.q)", "weights.grad.mul_(1 / (weights.dim() < 4))")],
         "ZeroDivisionError"),
        ([("weights.grad.mul_(self.q)",
           "weights.grad.mul_(self.q if weights.dim() < 4 else float('nan'))")], "cnn: "),
    ],
    "tells_what_it_did": [
        ([("    def gradients", "    def acted(self):\n        return Acted(5, 3, 'steps')\n\n"
           "    def gradients")], "says 5 of 3"),
        ([("    def gradients", "    def acted(self):\n        return Acted(0.5, 3, 'steps')\n\n"
           "    def gradients")], "whole numbers"),
        ([("    def gradients", "    def acted(self):\n        return Acted(1, 3, 'steps.')\n\n"
           "    def gradients")], "reads"),
        ([("    def gradients", "    def report(self):\n        return {'a': object()}\n\n"
           "    def gradients")], "no JSON data"),
    ],
    "goes_on_as_if_never_interrupted": [
        ([("def gradients(self, network):", "def begin(self, rng):\n"
           "        left = [40]\n"
           "        self.turn = lambda: left.append(left.pop() - 1) or max(0.5, left[0] / 40)\n\n"
           "    def gradients(self, network):\n        share = self.turn()"),
          ("mul_(self.q)", "mul_(share)")], "must be an attribute"),
        ([("def gradients(self, network):", "def begin(self, rng):\n"
           "        self.turns = iter(range(10**6))\n\n"
           "    def gradients(self, network):\n        next(self.turns)")],
         "turns is a range_iterator, which no checkpoint can hold"),
    ],
    "stacks_to_the_same_curve": [
        ([("def gradients(self, network):", "def loss(self, logits, y):\n"
           "        losses = -(y * logits.log_softmax(-1)).sum(-1)\n"
           "        now = float(losses.detach().mean())\n"
           "        self.seen = 0.9 * getattr(self, 'seen', 1.0) + 0.1 * now\n"
           "        return losses * self.seen\n\n"
           "    def nothing(self, network):")], "in a stack"),
    ],
}  # fmt: skip
CASES = [(law, *case) for law, cases in FILES.items() for case in cases]


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> laws.Bench:
    return laws.Bench(home=tmp_path_factory.mktemp("data"))


@pytest.fixture
def put(home):
    folder = home / "tricks"
    folder.mkdir()

    def put(text: str) -> type[Trick]:
        (folder / "sample_trick.py").write_text(text, encoding="utf-8")
        tricks.LOOKS.clear()
        assert not tricks.problems(), tricks.problems()
        return catalog()["sample_trick"]

    yield put
    tricks.LOOKS.clear()


def found(trick: type[Trick], bench: laws.Bench, name: str) -> str | None:
    """What one law says, as the command line tells it."""
    held = laws.LAWS
    try:
        laws.LAWS = [one for one in held if one.__name__ == name]
        (only,) = laws.check(trick, bench)
    finally:
        laws.LAWS = held
    return only.problem


def test_a_good_trick_keeps_all_laws(put, bench):
    told = list(laws.check(put(GOOD), bench))
    assert [one.problem for one in told] == [None] * len(laws.LAWS)


@pytest.mark.parametrize(("law", "changes", "said"), CASES, ids=[f"{a}-{c}" for a, _, c in CASES])
def test_a_bad_trick_is_refused(law, changes, said, put, bench):
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    problem = found(put(text), bench, law)
    assert problem is not None and said in problem


def test_every_law_has_a_trick_that_breaks_it():
    built = {"speaks_chinese", "rules_name_what_exists"}  # below: files of one's own cannot
    names = {one.__name__ for one in laws.LAWS}
    assert set(FILES) | built == names


def test_every_law_says_what_it_is_about():
    titles = [laws.title(one) for one in laws.LAWS]
    assert len(set(titles)) == len(titles)
    assert all(re.fullmatch(r"\S.{15,75}", one) for one in titles)


# What only a trick of the catalog can break.


def changed(**parts) -> type[Trick]:
    card = dataclasses.replace(built_in()["mixup"].card, **parts)
    module = "tricks.augmentation.mixup"
    return type("Mixup", (built_in()["mixup"],), {"card": card, "__module__": module})


ZH = Chinese(claim="混合。", when="总是。", watch_out="小心。")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"title_zh": "Mixup"}, "title_zh has no Chinese"),
        ({"zh": None}, "zh is missing"),
        ({"zh": dataclasses.replace(ZH, when="always")}, "zh.when has no Chinese"),
        ({"claimed_by": "the thread", "thread": None}, "quote it"),
        ({"zh": ZH, "thread": "images should be mixed"}, "own words"),
    ],
)
def test_a_card_of_the_catalog_speaks_chinese(parts, said, bench):
    assert said in found(changed(**parts), bench, "speaks_chinese")
    assert found(changed(zh=ZH, thread="drop out"), bench, "speaks_chinese") is None


def test_a_card_of_the_catalog_has_a_regime(bench):
    assert "regime is missing" in found(changed(regime=None), bench, "regime_is_an_experiment")


def test_rules_that_name_nobody(bench):
    for rule, said in (
        (Rule(kind="hint", title="a", reason="b.", other="nobody"), "names nobody"),
        (Rule(kind="hint", title="a", reason="b.", unless="slot:no"), "names slot:no"),
        (Rule(kind="hint", title="a", reason="b.", other="mixup"), "its own trick"),
    ):
        assert said in found(changed(rules=(rule,)), bench, "rules_name_what_exists")


# The bench.


def test_the_bench_trains_what_laws_share_once(put, bench):
    trick = put(GOOD)
    assert bench.run(trick) is bench.run(trick, {})
    again = bench.run(trick, again=True)
    assert again.points == bench.run(trick).points


def test_the_bench_puts_the_regimes_tricks_under_every_arm(put, bench):
    more = 'regime=Regime(setup={"epochs": 1}, baseline=("batch_norm",)),'
    trick = put(GOOD.replace("#MORE", more))
    plain = put(GOOD)
    assert bench.run(None, of=trick).points != bench.run(None, of=plain).points


def test_the_bench_goes_where_the_rules_allow(put, bench):
    rule = (
        'rules=(Rule(kind="error", title="Gray", reason="It needs colors.", '
        "when=lambda own, other, facts: {} if facts.image[0] == 1 else None),),"
    )
    assert bench.dataset(put(GOOD.replace("#MORE", rule)), "mlp") == "shapes"
    assert bench.channels(catalog()["sample_trick"]) == 3


def test_the_facts_cover_networks_budgets_and_images():
    facts = many_facts()
    assert {one.network for one in facts} == {"mlp", "cnn", "resnet"}
    assert {one.image[0] for one in facts} == {1, 3}
    assert None in {one.steps for one in facts} and 1 in {one.batch_size for one in facts}
