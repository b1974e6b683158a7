"""Designs: from ticked tricks to arms, and from arms back to the design that makes them."""

from __future__ import annotations

from itertools import combinations
from math import prod
from typing import TYPE_CHECKING, Any

from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Choice = dict[str, Any]  # {"id": ..., "knobs": {...}}
ArmData = dict[str, Any]  # {"name": ..., "tricks": [Choice, ...]}, and "lr_scale" if it is not 1
Signs = tuple[int, ...]  # one of -1 and 1 for each trick: out of the arm, or in it

DESIGNS = {
    "alone": "Each trick alone",
    "together": "All together",
    "leave_out": "Leave one out",
    "every": "Every combination",
    "sweep": "Sweep of one knob",
    "free": "Free",
}
QUESTIONS = {
    "alone": "Does each trick help by itself?",
    "together": "Do they help when all are there at once?",
    "leave_out": "Which of them would be missed?",
    "every": "Does each help, and do they help each other?",
    "sweep": "Which value is best?",
    "free": "Any arms against the first one, which is the baseline.",
}
MOST_ARMS = 16  # of a fraction
MOST_FACTORS = 8  # of every combination: 256 arms, as many as an experiment may have

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


def every(choices: list[Choice], *, fraction: bool = False) -> list[ArmData]:
    """Every combination; with ``fraction`` at most 16 of them, those that :func:`signs` chooses.

    Raises:
        ValueError: more than 8 tricks.
    """
    arms = []
    for row in signs(len(choices), fraction=fraction):
        held = [one for one, sign in zip(choices, row, strict=True) if sign > 0]
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


def arms_in(design: str, tricks: int, *, fraction: bool = False) -> int | None:
    """How many arms one of ``MAKERS`` makes of so many tricks; None: of so many it cannot."""
    if design == "every":
        if tricks > MOST_FACTORS:
            return None
        return 1 << min(tricks, 4 if fraction else MOST_FACTORS)
    return 1 + (min(tricks, 1) if design == "together" else tricks)


def signs(factors: int, *, fraction: bool = True) -> list[Signs]:
    """The arms of a two-level design, the empty one first; 2^k of them, of a fraction at most 16.

    Raises:
        ValueError: more than 8 factors.
    """
    if factors > MOST_FACTORS:
        raise ValueError(f"at most {MOST_FACTORS} tricks can be combined, not {factors}")
    free = min(factors, 4) if fraction else factors
    rows = []
    for number in range(2**free):
        row = [1 if number >> i & 1 else -1 for i in range(free)]
        for word in GENERATORS.get(factors, ()) if fraction else ():
            # The sign that keeps the empty arm in the fraction.
            row.append(prod(row[i] for i in word) * (-1) ** (len(word) + 1))
        rows.append(tuple(row))
    return rows


def aliases(factors: int) -> list[list[tuple[int, ...]]]:
    """Main effects and pairs that a fraction cannot tell apart, as groups of factor numbers.

    Up to five tricks there are none. (0,) is the effect of the first trick, (0, 1) that the second
    makes to it. Three and more at a time are taken to be nothing.
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


def held(arms: Iterable[ArmData]) -> list[Choice]:
    """The tricks of some arms, each with the knobs of the first arm that holds it."""
    found: dict[str, Choice] = {}
    for arm in arms:
        for one in arm["tricks"]:
            found.setdefault(one["id"], one)
    return list(found.values())


def combined(arms: Sequence[ArmData]) -> tuple[list[Choice], bool] | None:
    """The tricks whose combinations these arms are, in the design's order, and if a fraction.

    None: they are not all combinations of anything, nor a fraction of them. Names do not count.
    """
    choices = held(arms)
    if len(choices) > MOST_FACTORS:
        return None
    columns = {
        one["id"]: tuple(1 if one in arm["tricks"] else -1 for arm in arms) for one in choices
    }
    for fraction in (False, True):
        rows = signs(len(choices), fraction=fraction)
        if len(rows) != len(arms):
            continue
        wanted = [tuple(row[i] for row in rows) for i in range(len(choices))]
        order = sorted(
            choices,
            key=lambda one: (
                wanted.index(columns[one["id"]]) if columns[one["id"]] in wanted else len(wanted)
            ),
        )
        made = every(order, fraction=fraction)
        if [arm["tricks"] for arm in made] == [arm["tricks"] for arm in arms]:
            return order, fraction
    return None
