"""What a card says beside its pictures: the definition list, conflicts, Try it in words."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from string import Formatter
from typing import TYPE_CHECKING, NamedTuple

from pages.parts import chinese, words
from pages.parts.evidence import Evidence, difference, setup_words
from trainer.checks import told
from trainer.experiment import ExperimentError, Setup, parse
from trainer.regimes import setup as regime_setup
from trainer.regimes import try_it
from trainer.statistics import WORDS
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pages.parts.chinese import Language
    from tricks.base import Facts, Rule, Trick

MOST_NAMES = 4  # of a slot; the others are counted
KINDS = {"error": "excluded", "warning": "with care", "hint": "a hint"}
NETWORKS = {"mlp": "MLP", "cnn": "CNN", "resnet": "ResNet"}
# Setups on which a rule is tried until it fires, on top of where the trick shows.
TRIED = (
    {},
    {"network": {"kind": "cnn", "depth": 2, "width": 16}},
    {"network": {"kind": "resnet", "depth": 3, "width": 16}},
    {"network": {"kind": "mlp", "depth": 20, "width": 64}},
    {"batch_size": 2},
    {"batch_size": 1},
    {"dataset": "shapes", "train_size": 400},
    {"steps": 60, "epochs": None},
    {"seconds": 10.0, "epochs": None, "steps": None},
    {"preprocessing": "raw"},
    {"imbalance": 50.0},
    {"label_noise": 0.3},
    {"train_size": 40},
)


class Conflict(NamedTuple):
    """A rule in words; its reason is empty where it needs numbers that no default gives."""

    kind: str
    title: str
    reason: str


def rows(
    trick: type[Trick], evidence: Evidence | None, language: Language
) -> list[tuple[str, str]]:
    """The definition list as pairs of HTML."""
    card, say = trick.card, chinese.words(language)
    source = escape(str(card.paper))
    if card.paper.url:
        source = f'<a href="{card.paper.url}" target="_blank" rel="noopener">{source}</a>'
    return [
        (say("Use it when"), escape(chinese.sentence(card, "when", language))),
        (say("Watch out"), escape(chinese.sentence(card, "watch_out", language))),
        (say("Costs"), escape(card.cost[0].upper() + card.cost[1:])),
        (say("Works in"), ", ".join(NETWORKS[kind] for kind in trick.kinds)),
        (say("Published"), escape(card.published or say("No number that we could verify."))),
        (say("Measured here"), measured(trick, evidence, language)),
        (say("Paper"), f"{source}: {escape(card.paper.title)}"),
        (say("Not with"), not_with(trick, language)),
        (say("Try it opens"), escape(in_words(trick))),
    ]


def measured(trick: type[Trick], evidence: Evidence | None, language: Language) -> str:
    """The difference with its interval, n and the setup, as HTML."""
    say = chinese.words(language)
    if evidence is None or evidence.comparison.mean is None:
        return say("Not yet. Try it takes seconds.")
    found, metric = evidence.comparison, evidence.metric
    said = f"<strong>{difference(found.mean, metric)}</strong>, {say(WORDS[found.verdict])}"
    if found.low is not None and found.high is not None:
        low, high = (difference(one, metric, unit=False) for one in (found.low, found.high))
        said += f", 95 % interval {low} to {high}"
    turned = [
        f"{knob.symbol or knob.name} {evidence.knobs[knob.name]:g}"
        for knob in trick.knobs()
        if evidence.knobs.get(knob.name) is not None
    ]
    where = [f"with {words.listed(turned)}"] * bool(turned) + [f"on {evidence.setup}"]
    return f"{said}, n = {found.n}; {escape(' '.join(where))}"


def not_with(trick: type[Trick], language: Language) -> str:
    """The slot it shares, and every rule that names it, on its card or on another, as HTML."""
    say = chinese.words(language)
    said = [f"<li>{escape(slot)}</li>"] if (slot := same_slot(trick, language)) else []
    for one in conflicts(trick):
        mark = f'<span class="kind {one.kind}">{say(KINDS[one.kind])}</span>'
        title = f"<strong>{escape(one.title.rstrip('.'))}.</strong>"
        said.append(f"<li>{mark} {title} {escape(one.reason)}</li>")
    return (
        f'<ul class="conflicts">{"".join(said)}</ul>' if said else say("Nothing in this catalog.")
    )


def same_slot(trick: type[Trick], language: Language) -> str:
    """``One loss in an arm: not together with Focal loss and 3 more.``"""
    names = [
        chinese.titles(one.card, language)[0]
        for one in catalog().values()
        if one is not trick and one.slot is not None and one.slot == trick.slot
    ]
    if not names:
        return ""
    say = chinese.words(language)
    if len(names) > MOST_NAMES + 1:
        rest = say("and {n} more", n=len(names) - MOST_NAMES)
        shown = f"{', '.join(names[:MOST_NAMES])} {rest}"
    else:
        shown = "、".join(names) if language == "zh" else words.listed(names, "or")
    label = "One {slot} in an arm: not together with {names}."
    return say(label, slot=trick.slot, names=shown)


@lru_cache(maxsize=512)
def conflicts(trick: type[Trick]) -> tuple[Conflict, ...]:
    """The rules of this card, then those of others that meet this trick; each title once."""
    found: dict[str, Conflict] = {}
    for own, other, rule in meetings(trick):
        one = in_full(own, other, rule)
        if one.title not in found or (one.reason and not found[one.title].reason):
            found[one.title] = one
    order = list(KINDS)
    return tuple(sorted(found.values(), key=lambda one: order.index(one.kind)))


def meetings(trick: type[Trick]) -> Iterator[tuple[type[Trick], type[Trick] | None, Rule]]:
    """Every rule that can meet this trick: whose it is, and whom it meets."""
    for rule in trick.card.rules:
        if rule.other is None:
            yield trick, None, rule
        elif rule.other in catalog():
            yield trick, catalog()[rule.other], rule
        else:  # a slot: one trick of it stands for all
            same = [one for one in catalog().values() if f"slot:{one.slot}" == rule.other]
            yield from ((trick, one, rule) for one in same if one is not trick)
    for one in catalog().values():
        for rule in one.card.rules if one is not trick else ():
            if rule.other in (trick.id(), f"slot:{trick.slot}"):
                yield one, trick, rule


def in_full(own: type[Trick], other: type[Trick] | None, rule: Rule) -> Conflict:
    """The rule with its numbers, at the defaults and in the first setup where it says something."""
    instance, meets = own(), other() if other else None
    for facts in setups(own):
        numbers = rule.when(instance, meets, facts)
        if numbers is not None:
            said = told(rule, instance, meets, numbers)
            return Conflict(rule.kind, said.title, said.reason)
    names = [one.card.title for one in (own, other) if one]
    title, reason = (text.replace("{other}", names[-1]) for text in (rule.title, rule.reason))
    return Conflict(
        rule.kind, title if fixed(title) else " and ".join(names), reason if fixed(reason) else ""
    )


def fixed(text: str) -> bool:
    """Whether a text has no places for numbers."""
    return all(name is None for _, name, _, _ in Formatter().parse(text))


@lru_cache(maxsize=512)
def setups(trick: type[Trick]) -> tuple[Facts, ...]:
    own = {key: one for key, one in regime_setup(trick).items() if one is not None}
    return tuple(Setup.model_validate(own | more).facts() for more in TRIED)


def in_words(trick: type[Trick]) -> str:
    """What "Try it" opens: ``Baseline and mixup with α 1 on digits, ..., 60 epochs, 6 seeds.``"""
    data = try_it(trick, {})
    try:
        experiment = parse({key: one for key, one in data.items() if key != "design"})
    except ExperimentError as error:
        return "; ".join(str(one) for one in error.problems)
    regime = trick.card.regime
    names = [arm.name for arm in experiment.arms]
    if regime:
        turned = [f"{name} {value:g}" for name, value in regime.knobs.items()]
        if turned and not trick.is_default:
            names[1] += f" with {words.listed(turned)}"
        if regime.baseline:
            under = [catalog()[one].card.title for one in regime.baseline]
            names[0] = f"baseline ({words.listed(under)} in every arm)"
    setup = experiment.setup
    if setup.epochs is not None:
        budget = words.count(setup.epochs, "epoch")
    elif setup.steps is not None:
        budget = words.count(setup.steps, "step")
    else:
        budget = words.seconds(setup.seconds or 0)
    seeds = words.count(len(experiment.seeds), "seed")
    by = "" if experiment.metric == "test_accuracy" else " Judged by the test loss."
    said = f"{words.listed(names)} on {setup_words(setup)}; {budget}, {seeds}.{by}"
    return said[0].upper() + said[1:]
