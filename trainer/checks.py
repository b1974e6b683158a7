"""What cannot or should not be combined, found before launch from what the cards declare.

This room knows no trick by name: slots and rules are the tricks' own.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tricks import catalog
from tricks.own import FAMILY, line_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.experiment import Arm, Setup
    from tricks.base import Facts, Rule, Trick

WHAT_A_SLOT_DOES = {
    "activation": "Both replace the activation of every hidden layer",
    "normalization": "Both normalize after every hidden layer",
    "initialization": "Both set the first weights of the network",
    "optimizer": "Both are the optimizer",
    "schedule": "Both set the learning rate of every step",
    "loss": "Both are the loss of an example",
    "sampler": "Both decide in which order examples are read",
    "step": "Both decide how a step is taken",
    "block": "Both replace the blocks of the network",
    "attention": "Both weigh the maps at the end of a block",
    "fusion": "Both make the features of the last layer from the maps",
    "downsampling": "Both decide how maps get smaller",
}
KINDS = {"mlp": "an MLP", "cnn": "a CNN", "resnet": "a ResNet"}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """An error, warning or hint about an arm: what, why, and the ids of the tricks it marks."""

    kind: Literal["error", "warning", "hint"]
    title: str
    reason: str
    tricks: tuple[str, ...]


def notices(setup: Setup, tricks: Iterable[Trick]) -> list[Notice]:
    """All that is to say of these tricks in one arm, errors first."""
    tricks = list(tricks)
    found = [*slots(tricks), *networks(setup, tricks), *defaults(tricks)]
    facts = setup.facts()
    for own in tricks:
        found += of_one(own, tricks, facts)
    kinds = ["error", "warning", "hint"]
    return sorted(found, key=lambda one: kinds.index(one.kind))


def of_one(own: Trick, tricks: list[Trick], facts: Facts) -> list[Notice]:
    """What the rules of one trick say. A rule that fails is an error of the catalog; in a file of a
    person's own it is told like any other notice, and the other rules still hold."""
    found = []
    for rule in own.card.rules:
        try:
            if rule.unless is not None and met(rule.unless, own, tricks):
                continue
            for other in met(rule.other, own, tricks):
                numbers = rule.when(own, other, facts)
                if numbers is not None:
                    found.append(told(rule, own, other, numbers))
        except Exception as error:  # a person's code may fail in any way
            if own.family() != FAMILY:
                raise
            found.append(failed(own, error))
    return found


def failed(own: Trick, error: Exception) -> Notice:
    """A rule in a file of a person's own that could not be asked."""
    file = sys.modules[type(own).__module__].__file__ or own.id()
    line = line_of(error, file)
    where = f", line {line}" if line else ""
    said = " ".join(str(error).split()).rstrip(".") or "no reason given"
    return Notice(
        kind="warning",
        title=f"A rule of {own.card.title} could not be asked",
        reason=f"{os.path.basename(file)}{where}: {type(error).__name__}: {said}. What it would "
        "have said is missing here; the runs themselves are not touched by it.",
        tricks=(own.id(),),
    )


def told(rule: Rule, own: Trick, other: Trick | None, numbers: dict[str, object]) -> Notice:
    """What a rule says. If its text leaves out one of two tricks, the title begins with both."""
    if other is not None:
        numbers = {"other": other.card.title, **numbers}
    title, reason = rule.title.format(**numbers), rule.reason.format(**numbers)
    both = [own] if other is None else [own, other]
    text = f"{title} {reason}".casefold()
    if other is not None and not all(named(one, text) for one in both):
        title = f"{own.card.title} with {other.card.title}: {title}"
    return Notice(
        kind=rule.kind, title=title, reason=reason, tricks=tuple(one.id() for one in both)
    )


def named(trick: Trick, text: str) -> bool:
    """Whether a text, in small letters, names a trick by its title or its id."""
    title = trick.card.title.casefold()
    return any(name in text for name in (title, title.split(" (")[0], trick.id().replace("_", " ")))


def met(name: str | None, own: Trick, tricks: list[Trick]) -> list[Trick | None]:
    """The tricks of the arm that a rule names; ``[None]`` for a rule about the setup."""
    if name is None:
        return [None]
    slot = name.removeprefix("slot:") if name.startswith("slot:") else None
    return [
        one for one in tricks if one is not own and (one.slot == slot if slot else one.id() == name)
    ]


def slots(tricks: list[Trick]) -> list[Notice]:
    """Tricks that own the same slot exclude each other."""
    found = []
    for i, one in enumerate(tricks):
        for other in tricks[:i]:
            if one.slot is not None and one.slot == other.slot:
                what = WHAT_A_SLOT_DOES[one.slot]
                found.append(
                    Notice(
                        kind="error",
                        title=f"{other.card.title} and {one.card.title} exclude each other",
                        reason=f"{what}, so one arm can have only one of them.",
                        tricks=(other.id(), one.id()),
                    )
                )
    return found


def networks(setup: Setup, tricks: list[Trick]) -> list[Notice]:
    """Tricks that do not work in the network of the setup."""
    here = setup.network.kind
    return [
        Notice(
            kind="error",
            title=f"{one.card.title} does not work in {KINDS[here]}",
            reason=f"It needs {' or '.join(KINDS[kind] for kind in one.kinds)}. Choose another "
            "network in the setup.",
            tricks=(one.id(),),
        )
        for one in tricks
        if here not in one.kinds
    ]


def defaults(tricks: list[Trick]) -> list[Notice]:
    """Tricks that the plain net has already."""
    return [
        Notice(
            kind="hint",
            title=f"{one.card.title} is in the baseline already",
            reason="The plain net has it, so this arm trains the same network as without it.",
            tricks=(one.id(),),
        )
        for one in tricks
        if one.is_default
    ]


def conflicts(setup: Setup, arm: Arm) -> list[Notice]:
    """The errors alone: what makes an arm impossible."""
    if any(choice.id not in catalog() for choice in arm.tricks):
        return []
    return [one for one in notices(setup, arm.make()) if one.kind == "error"]
