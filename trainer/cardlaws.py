"""The laws of a card, its rules, its knobs and its regime; nothing is trained."""

from __future__ import annotations

import math
import pickle
import re
from typing import TYPE_CHECKING, Any

from trainer.checks import told
from trainer.experiment import parse
from trainer.lawbench import many_facts
from trainer.regimes import try_it
from tricks import catalog
from tricks.base import Slot, Trick
from tricks.own import FAMILY

if TYPE_CHECKING:
    from trainer.lawbench import Bench

LONGEST_CLAIM = 90
CHINESE = re.compile(r"[\u4e00-\u9fff]")
NONSENSE = ("0.5", True, [1])


class Broken(Exception):
    """A trick breaks a law; the text says how, and what to do."""


def want(condition: object, otherwise: str) -> None:
    if not condition:
        raise Broken(otherwise)


def is_named_after_its_file(trick: type[Trick], bench: Bench) -> None:
    """The class is called like the file."""
    letters = trick.id().replace("_", "")
    want(
        trick.__name__.lower() == letters,
        f"the class is {trick.__name__} and the file {trick.id()}.py: call it "
        f"{''.join(part.capitalize() for part in trick.id().split('_'))}",
    )


def has_a_name_of_its_own(trick: type[Trick], bench: Bench) -> None:
    """No other card has its titles."""
    for one in catalog().values():
        if one.id() != trick.id():
            for part in ("title", "title_zh"):
                same = getattr(one.card, part).casefold() == getattr(trick.card, part).casefold()
                want(not same, f"{part} {getattr(trick.card, part)!r} is also that of {one.id()}")


def card_is_complete(trick: type[Trick], bench: Bench) -> None:
    """The card says everything."""
    card = trick.card
    for part in ("title", "claim", "claimed_by", "when", "watch_out", "formula", "cost"):
        want(getattr(card, part).strip(), f"{part} is empty")
    length = len(card.claim)
    want(length <= LONGEST_CLAIM, f"claim has {length} characters; {LONGEST_CLAIM} fit two lines")
    for part in ("claim", "watch_out"):
        want(getattr(card, part).endswith("."), f"{part} must be whole sentences that end with .")
    want(
        card.formula.count("{") == card.formula.count("}"),
        "formula opens and closes a different number of braces",
    )
    sides = [len(re.findall(rf"\\{side}(?![a-z])", card.formula)) for side in ("left", "right")]
    want(sides[0] == sides[1], r"formula has a different number of \left and \right")
    paper = card.paper
    want(paper.authors and paper.title, "paper needs authors and a title")
    want(1600 < paper.year < 2100, f"paper.year is {paper.year}")
    want(paper.arxiv or paper.where, "paper needs arxiv or where, so that it can be found")
    want(
        paper.arxiv is None or re.fullmatch(r"\d{4}\.\d{4,5}", paper.arxiv),
        f"paper.arxiv is the bare id, as 1710.09412, not {paper.arxiv}",
    )
    want(
        card.published is None or re.search(r"\d", card.published),
        "published has no number in it: leave it out",
    )


def speaks_chinese(trick: type[Trick], bench: Bench) -> None:
    """The card is there in Chinese too."""
    card = trick.card
    if trick.family() == FAMILY:
        want(card.title_zh.strip(), "title_zh is empty; a trick of one's own may repeat the title")
        return
    want(CHINESE.search(card.title_zh), "title_zh has no Chinese characters")
    want(card.zh is not None, "zh is missing: zh=Chinese(claim=, when=, watch_out=)")
    for part in ("claim", "when", "watch_out"):
        want(CHINESE.search(getattr(card.zh, part)), f"zh.{part} has no Chinese characters")
    if "the thread" in card.claimed_by:
        want(card.thread, "claimed_by names the thread: quote it in thread=")
    if card.thread is not None:
        words = card.thread.split()
        want(
            CHINESE.search(card.thread) or 0 < len(words) <= 3,
            "thread holds the thread's own words: Chinese, or a term of up to three words",
        )


def rules_name_what_exists(trick: type[Trick], bench: Bench) -> None:
    """Rules name tricks and slots that there are."""
    known = {*catalog(), *(f"slot:{slot}" for slot in Slot)}
    for rule in trick.card.rules:
        for name in (rule.other, rule.unless):
            want(name is None or name in known, f"a rule names {name}, which does not exist")
        want(rule.other != trick.id(), "a rule names its own trick; leave other out")


def rules_say_whole_sentences(trick: type[Trick], bench: Bench) -> None:
    """Whatever the setup, a rule fills its text or keeps quiet."""
    for facts in many_facts():
        for rule in trick.card.rules:
            for other in others(rule.other):
                own = trick()
                numbers = rule.when(own, other, facts)
                if numbers is None:
                    continue
                said = told(rule, own, other, numbers)
                want(said.title.strip(), "a rule's title is empty")
                want(
                    said.reason.endswith("."),
                    f"a rule's reason must end with a period: {said.reason}",
                )


def others(wanted: str | None) -> list[Trick | None]:
    if wanted is None:
        return [None]
    return [one() for one in catalog().values() if wanted in (one.id(), f"slot:{one.slot}")]


def knobs_are_explained(trick: type[Trick], bench: Bench) -> None:
    """Every knob has a range, a help and a symbol."""
    for one in trick.knobs():
        want(
            not hasattr(Trick, one.name), f"{one.name} is a moment's name: call the knob otherwise"
        )
        want(one.help and one.symbol, f"{one.name} needs help and symbol")
        want(one.low < one.high, f"{one.name} goes from {one.low} to {one.high}")
        for kind in ("default", "neutral"):
            value = getattr(one, kind)
            inside = value is None or one.low <= value <= one.high
            want(inside, f"{one.name}'s {kind} {value} is out of its range")
        want(not one.log or one.low > 0, f"{one.name} is logarithmic, so low must be above 0")
        for value in (one.low, one.high, one.default):
            held = trick(**{one.name: value}).values()[one.name]
            want(held == value, f"{one.name} was given {value} and holds {held}")


def knobs_refuse_nonsense(trick: type[Trick], bench: Bench) -> None:
    """A value out of range is refused by name."""
    for one in trick.knobs():
        wrong: list[Any] = [one.low - 1, one.high + 1, math.nan, math.inf, *NONSENSE]
        wrong += [one.low + 0.5] if one.integer else []
        wrong += [None] if one.default is not None else []
        for value in wrong:
            try:
                trick(**{one.name: value})
            except ValueError as error:
                named = str(error).startswith(f"{trick.id()}.{one.name} goes from")
                want(named, f"{one.name} = {value!r} is refused with {error}")
            else:
                raise Broken(
                    f"{one.name} takes {value!r}: a __post_init__ must call super().__post_init__()"
                )


def instances_travel(trick: type[Trick], bench: Bench) -> None:
    """An instance survives pickling."""
    one = trick()
    want(pickle.loads(pickle.dumps(one)) == one, "its copy differs: is it a @dataclass?")


def regime_is_an_experiment(trick: type[Trick], bench: Bench) -> None:
    """What Try it opens can be launched."""
    regime = trick.card.regime
    if regime is not None:
        named = {*regime.beside, *regime.baseline}
        want(trick.id() not in named, "regime names its own trick in beside or baseline")
        want(named <= set(catalog()), f"regime names {', '.join(named - set(catalog()))}")
        known = {one.name: one for one in trick.knobs()}
        for name, value in regime.knobs.items():
            problem = known[name].check(value) if name in known else "is no knob of this trick"
            want(problem is None, f"regime.knobs: {name} {problem}")
    elif trick.family() != FAMILY:
        raise Broken("regime is missing: regime=Regime(setup={...}) where the effect shows")
    experiment = parse({key: val for key, val in try_it(trick, {}).items() if key != "design"})
    want(len(experiment.arms) > 1, "it compares nothing: name other tricks in regime.beside")
    want(experiment.setup.device == "auto", "regime.setup must leave the device to the machine")
