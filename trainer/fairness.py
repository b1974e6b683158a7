"""Which arms one common learning rate may favor: the tricks that change which rate is best.

A rate that was tuned for the baseline need not be the best with a normalization or another
optimizer, so the difference between two arms is partly one of rates.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from trainer.rates import PARTS
from tricks.base import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.experiment import Arm, Setup
    from tricks.base import Trick

LOOKS = 200  # steps at which a schedule is looked at
SAME = 0.1  # a schedule whose mean is this close to the full rate takes the same rate


class Doubt(NamedTuple):
    """Tricks for which another rate may be better, and why: of one of them, of several."""

    tricks: tuple[str, ...]  # titles
    of_one: str
    of_several: str


def doubts(setup: Setup, arms: Sequence[Arm]) -> list[Doubt]:
    """What speaks against one rate for all of these arms; tricks that all arms have do not."""
    made = [{one.id(): one for one in arm.left()} for arm in arms]
    every = set.intersection(*(set(one) for one in made)) if made else set()
    known = {id: one for arm in made for id, one in arm.items() if id not in every}
    found: dict[tuple[str, str], list[str]] = {}
    for one in known.values():
        if why := reason(setup, one):
            found.setdefault(why, []).append(one.card.title)
    return [Doubt(tuple(titles), *why) for why, titles in found.items()]


def reason(setup: Setup, trick: Trick) -> tuple[str, str] | None:
    """Why a trick may want another rate, of one and of several; None if nothing speaks for it."""
    if trick.is_default:
        return None
    return next((why for holds, why in REASONS if holds(setup, trick)), None)


def mean_factor(setup: Setup, trick: Trick) -> float:
    """What a schedule leaves of the rate on average."""
    steps = setup.total_steps or PARTS
    count = min(steps, LOOKS)
    return fmean(trick.factor(i * steps // count, steps) for i in range(count))


def own_rate(setup: Setup, trick: Trick) -> bool:
    return trick.slot == Slot.OPTIMIZER or trick.changes("rate")


def other_paths(setup: Setup, trick: Trick) -> bool:
    """Skips, other blocks, more layers: signals take other ways through the network."""
    rebuilt = trick.family() == "architecture" and trick.changes("network")
    return rebuilt and trick.slot in (None, Slot.BLOCK)


def lower_rate(setup: Setup, trick: Trick) -> bool:
    return trick.changes("factor") and mean_factor(setup, trick) < 1 - SAME


def higher_rate(setup: Setup, trick: Trick) -> bool:
    return trick.changes("factor") and mean_factor(setup, trick) > 1 + SAME


REASONS: list[tuple[Callable[[Setup, Trick], bool], tuple[str, str]]] = [
    (own_rate, ("has a rate of its own", "have rates of their own")),
    (
        lambda setup, trick: trick.slot == Slot.NORMALIZATION,
        ("stands larger rates", "stand larger rates"),
    ),
    (
        lower_rate,
        ("takes a smaller rate on average", "take smaller rates on average"),
    ),
    (
        higher_rate,
        ("takes a larger rate on average", "take larger rates on average"),
    ),
    (
        lambda setup, trick: trick.changes("scaled_rate"),
        ("changes the rate", "change the rate"),
    ),
    (
        lambda setup, trick: trick.slot == Slot.STEP or trick.changes("gradients"),
        ("changes how long a step is", "change how long a step is"),
    ),
    (
        other_paths,
        (
            "changes the network, and with it the rates it stands",
            "change the network, and with it the rates it stands",
        ),
    ),
]
