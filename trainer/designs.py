"""Designs: from ticked tricks to arms."""

from __future__ import annotations

from itertools import combinations
from math import prod
from typing import TYPE_CHECKING, Any

from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Choice = dict[str, Any]  # {"id": ..., "knobs": {...}}
ArmData = dict[str, Any]  # {"name": ..., "tricks": [Choice, ...]}
Signs = tuple[int, ...]  # one of -1 and 1 for each trick: out of the arm, or in it

DESIGNS = {
    "alone": "Each trick alone",
    "together": "All together",
    "leave_out": "Leave one out",
    "every": "Every combination",
    "free": "Free",
}
MOST_ARMS = 16  # of every combination: with more tricks a fraction is trained
MOST_FACTORS = 8

# For 5 to 8 tricks: the four that vary freely, and for each further one those whose signs it
# multiplies. Box, Hunter and Hunter 2005, table 6.22: resolution V for 5, IV for 6 to 8.
GENERATORS: dict[int, tuple[tuple[int, ...], ...]] = {
    5: ((0, 1, 2, 3),),
    6: ((0, 1, 2), (1, 2, 3)),
    7: ((0, 1, 2), (1, 2, 3), (0, 2, 3)),
    8: ((1, 2, 3), (0, 2, 3), (0, 1, 2), (0, 1, 3)),
}


def arm_name(trick: str) -> str:
    """The title as running text: "Label smoothing" is "label smoothing", "SAM" stays."""
    title = catalog()[trick].card.title
    word = title.split()[0]
    return title if any(c.isupper() for c in word[1:]) else title[0].lower() + title[1:]


def alone(choices: list[Choice]) -> list[ArmData]:
    """The baseline, and an arm for each trick."""
    return [{"name": "baseline", "tricks": []}] + [
        {"name": arm_name(one["id"]), "tricks": [one]} for one in choices
    ]


def everything(choices: list[Choice]) -> str:
    count = {2: "both", 3: "all three", 4: "all four", 5: "all five", 6: "all six"}
    return count.get(len(choices), f"all {len(choices)}")


def together(choices: list[Choice]) -> list[ArmData]:
    """The baseline, and one arm with everything."""
    base = [{"name": "baseline", "tricks": []}]
    if not choices:
        return base
    if len(choices) == 1:
        return alone(choices)
    return [*base, {"name": everything(choices), "tricks": choices}]


def leave_out(choices: list[Choice]) -> list[ArmData]:
    """Everything as the baseline, and an arm without each trick: what would be missed?"""
    if len(choices) < 2:
        return alone(choices)
    arms: list[ArmData] = [{"name": everything(choices), "tricks": choices}]
    for i, one in enumerate(choices):
        rest = [*choices[:i], *choices[i + 1 :]]
        arms.append({"name": f"without {arm_name(one['id'])}", "tricks": rest})
    return arms


def every(choices: list[Choice]) -> list[ArmData]:
    """Every combination; of more than 16, the fraction of 16 that :func:`signs` chooses.

    With more than 8 tricks the first 8 take part.
    """
    factors = choices[:MOST_FACTORS]
    arms = []
    for row in signs(len(factors)):
        held = [one for one, sign in zip(factors, row, strict=True) if sign > 0]
        name = " + ".join(arm_name(one["id"]) for one in held) or "baseline"
        if len(name) > 80:
            name = " + ".join(one["id"] for one in held)
        if len(name) > 80:
            name = " + ".join(str(i + 1) for i, sign in enumerate(row) if sign > 0)
        arms.append({"name": name, "tricks": held})
    return arms


MAKERS: dict[str, Callable[[list[Choice]], list[ArmData]]] = {
    "alone": alone,
    "together": together,
    "leave_out": leave_out,
    "every": every,
}


def signs(factors: int) -> list[Signs]:
    """The arms of a two-level design, the empty one first; 2^k of them, at most 16.

    Raises:
        ValueError: more than 8 factors.
    """
    if factors > MOST_FACTORS:
        raise ValueError(f"at most {MOST_FACTORS} tricks can be combined, not {factors}")
    free = min(factors, 4)
    rows = []
    for number in range(2**free):
        row = [1 if number >> i & 1 else -1 for i in range(free)]
        for word in GENERATORS.get(factors, ()):
            # The sign that keeps the empty arm in the fraction.
            row.append(prod(row[i] for i in word) * (-1) ** (len(word) + 1))
        rows.append(tuple(row))
    return rows


def aliases(factors: int) -> list[list[tuple[int, ...]]]:
    """Main effects and pairs that the design cannot tell apart, as groups of factor numbers.

    A full design gives none. (0,) is the effect of the first trick, (0, 1) that the second makes
    to it. Three and more at a time are taken to be nothing.
    """
    rows = signs(factors)
    groups: dict[Signs, list[tuple[int, ...]]] = {}
    for size in (1, 2):
        for term in combinations(range(factors), size):
            column = contrast(rows, term)
            flipped = tuple(-one for one in column)
            groups.setdefault(min(column, flipped), []).append(term)
    return [group for group in groups.values() if len(group) > 1]


def contrast(rows: Sequence[Signs], term: tuple[int, ...]) -> Signs:
    """The sign of a term in each arm: the product of its factors' signs."""
    return tuple(prod(row[i] for i in term) for row in rows)


def sweep(choice: Choice, knob: str, values: Sequence[float]) -> list[ArmData]:
    """The baseline, and one trick with one knob at each value."""
    arms: list[ArmData] = [{"name": "baseline", "tricks": []}]
    symbol = next(one.symbol for one in catalog()[choice["id"]].knobs() if one.name == knob)
    for value in values:
        knobs = {**choice.get("knobs", {}), knob: value}
        name = f"{arm_name(choice['id'])} {symbol} {value:g}"
        arms.append({"name": name, "tricks": [{"id": choice["id"], "knobs": knobs}]})
    return arms
