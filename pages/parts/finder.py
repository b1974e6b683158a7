"""What the catalog is asked for, as the address carries it, and which tricks answer."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pages.parts.chinese import Language
    from tricks.base import Trick

ANY = ""
# The most that the time of training may grow, for each choice of the cost.
COSTS = {ANY: "Any cost", "free": "Free", "1.3": "Up to 1.3 times", "2": "Up to 2 times",
         "more": "Above 2 times"}  # fmt: skip
SHORT = {"1.3": "≤ 1.3 ×", "2": "≤ 2 ×", "more": "> 2 ×"}  # the same on a tile
FREE = 1.02
NETWORKS = {
    ANY: "Any network", "mlp": "Works in an MLP", "cnn": "Works in a CNN",
    "resnet": "Works in a ResNet",
}  # fmt: skip

# As a network is made: what it is, how it learns, what it learns from. New families follow.
FAMILIES = (
    "activation", "normalization", "architecture", "initialization", "regularization", "loss",
    "optimizer", "schedule", "augmentation", "data", "procedure", "ensemble",
)  # fmt: skip


def family_order(family: str) -> tuple[int, str]:
    return (FAMILIES.index(family) if family in FAMILIES else len(FAMILIES), family)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Search, filters and language. What is left out of an address is not asked for."""

    q: str = ""
    family: str = ANY
    cost: str = ANY
    network: str = ANY
    task: str = ANY
    thread: str = ANY
    lang: str = "en"

    @classmethod
    def read(cls, address: Mapping[str, str]) -> Asked:
        """From an address; what makes no sense there is not asked for."""
        allowed = {
            "family": families(), "cost": COSTS, "network": NETWORKS, "task": tasks(),
            "thread": ("1",), "lang": ("en", "zh"),
        }  # fmt: skip
        given = {one.name: address[one.name] for one in fields(cls) if one.name in address}
        return cls(**{k: v for k, v in given.items() if k not in allowed or v in allowed[k]})

    def address(self) -> dict[str, str]:
        """What differs from asking for nothing."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if getattr(self, one.name) != one.default
        }

    @property
    def language(self) -> Language:
        return "zh" if self.lang == "zh" else "en"

    def narrow(self) -> bool:
        """Whether anything but the language is asked for."""
        return bool(self.address().keys() - {"lang"})


def families() -> list[str]:
    return sorted({one.family() for one in catalog().values()}, key=family_order)


def tasks() -> list[str]:
    """The tasks that there are tricks for."""
    return sorted({task for one in catalog().values() for task in one.card.tasks})


def found(asked: Asked, *, whatever_family: bool = False) -> list[type[Trick]]:
    """The tricks that answer, family by family, the plain net's own first."""
    answers = [
        one
        for one in catalog().values()
        if matches(one, asked.q)
        and (whatever_family or asked.family in (ANY, one.family()))
        and asked.network in (ANY, *one.kinds)
        and asked.task in (ANY, *one.card.tasks)
        and (asked.thread == ANY or one.card.thread is not None)
        and costs(one.card.cost, asked.cost)
    ]
    return sorted(
        answers,
        key=lambda one: (family_order(one.family()), not one.is_default, one.card.title.casefold()),
    )


def matches(trick: type[Trick], query: str) -> bool:
    """Every word of the query stands in a title, the id or a sentence of the card."""
    text = searched(trick)
    return all(word in text for word in query.casefold().split())


def searched(trick: type[Trick]) -> str:
    card = trick.card
    parts = [card.title, card.title_zh, trick.id(), card.claim, card.thread or ""]
    return " ".join([*parts, card.zh.claim if card.zh else ""]).casefold()


def nearest(query: str) -> type[Trick] | None:
    """The trick whose name, id or a word of them is most like what was typed."""
    names: dict[str, type[Trick]] = {}
    for trick in catalog().values():
        for name in (trick.card.title.casefold(), trick.id(), trick.card.title_zh):
            names.setdefault(name, trick)
    words = {one: re.findall(r"\w+", one.card.title.casefold()) for one in catalog().values()}
    for place in range(max(map(len, words.values()))):  # a first word says more than a second
        for trick, parts in words.items():
            names.setdefault((parts + parts[-1:] * place)[place], trick)
    close = difflib.get_close_matches(query.casefold().strip(), names, n=1, cutoff=0.6)
    return names[close[0]] if close else None


def factor(cost: str) -> float:
    """By how much the time of training grows, read from a card's words on its cost.

    The rule: the largest number before "times" (``1.1 to 1.3 times`` is 1.3) or before "passes a
    step"; "twice" is 2. A number that a letter stands for (``k + 1 times``) and networks trained
    on the side ("helper network", "before training", "first") have no bound. "Nothing" and "less"
    are 1, and so is what only concerns answering. Anything else ("one more copy of the weights",
    "little: ...") is some percent: 1.1.
    """
    text = cost.casefold()
    if re.match(r"(nothing|(a little )?less)", text) or "nothing in training" in text:
        return 1.0
    if re.search(
        r"\b[a-z]\b( [+] \d)? (times the|passes a step)|networks?\b.*before training", text
    ):
        return math.inf
    if re.search(r"training (the|each) \w+ first|helper network|first training", text):
        return math.inf
    numbers = re.findall(r"(\d+(?:\.\d+)?) times (?:the|relu)", text)
    numbers += re.findall(r"(\d+) or more passes a step", text)
    numbers += re.findall(r"a step: (\d+) with", text)
    numbers += ["2"] if "twice" in text else []
    return max(map(float, numbers), default=1.1)


def costs(cost: str, most: str) -> bool:
    """Whether a card's cost is within a choice of :data:`COSTS`."""
    if most == ANY:
        return True
    if most == "more":
        return factor(cost) > 2
    return factor(cost) <= (FREE if most == "free" else float(most))


def band(cost: str) -> str:
    """The narrowest choice that a cost is within."""
    return next(one for one in COSTS if one != ANY and costs(cost, one))
