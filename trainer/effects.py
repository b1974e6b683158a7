"""What each trick does in a two-level design, and what one does to another.

Every seed trains all arms, so each seed gives one number for every effect; over the seeds they
are judged like any paired difference: t interval, exact sign-flip p, Holm over the effects.

Which arms are such a design, or a sweep of one knob, is read from the arms themselves: nobody
has to remember how they were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from trainer.designs import arm_name, contrast
from trainer.statistics import finite, holm, sign_flip_p, t_interval
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.designs import Signs
    from trainer.experiment import Arm, Experiment
    from tricks.base import Knob

Term = tuple[int, ...]  # the numbers of the tricks: one for a main effect, two for an interaction


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A main effect or an interaction, in the metric's unit.

    ``term`` names the tricks. Of one trick: the mean with it minus the mean without it, over all
    combinations of the others. Of two: by how much the effect of the first is larger when the
    second is there, which is the same the other way round. ``p`` is adjusted by Holm over all
    the effects that the design can tell apart.
    """

    term: tuple[str, ...]
    n: int
    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    seeds: tuple[int, ...]
    deltas: tuple[float, ...]


def effects(
    names: Sequence[str], rows: Sequence[Signs], values: Sequence[Mapping[int, float]]
) -> list[Effect]:
    """All main effects, then all pairs, of a balanced two-level design.

    Args:
        names: the tricks.
        rows: for each arm the sign of each trick, as :func:`trainer.designs.signs` gives them.
        values: for each arm the final metric by seed. Only seeds that all arms finished count.

    Raises:
        ValueError: a trick is in more arms than it is out of, or the arms and values do not match.
    """
    if len(rows) != len(values):
        raise ValueError(f"{len(rows)} arms, but values for {len(values)}")
    known = [finite(one) for one in values]
    seeds = sorted(set.intersection(*(set(one) for one in known))) if known else []
    terms = main_and_pairs(len(names))
    found = []
    for term in terms:
        column = contrast(rows, term)
        if sum(column):
            raise ValueError(f"{' and '.join(names[i] for i in term)}: not a balanced design")
        scale = len(term) * 2 / len(rows)
        found.append(
            [scale * sum(s * one[seed] for s, one in zip(column, known, strict=True))
             for seed in seeds]
        )  # fmt: skip
    # Effects that are one and the same number are one test.
    groups = indistinguishable(rows)
    own = holm([sign_flip_p(found[terms.index(one[0])]) if seeds else None for one in groups])
    adjusted = {term: p for group, p in zip(groups, own, strict=True) for term in group}
    ps = [adjusted[term] for term in terms]
    return [
        Effect(
            term=tuple(names[i] for i in term),
            n=len(seeds),
            mean=interval.mean,
            low=interval.low,
            high=interval.high,
            p=p,
            seeds=tuple(seeds),
            deltas=tuple(deltas),
        )
        for term, deltas, p in zip(terms, found, ps, strict=True)
        for interval in [t_interval(deltas)]
    ]


def main_and_pairs(factors: int) -> list[Term]:
    """Every main effect, then every pair."""
    return [term for size in (1, 2) for term in combinations(range(factors), size)]


def indistinguishable(rows: Sequence[Signs]) -> list[list[Term]]:
    """Main effects and pairs, those together that these arms cannot tell apart.

    In a full design every group has one member. Three and more at a time are taken to be nothing.
    """
    groups: dict[Signs, list[Term]] = {}
    for term in main_and_pairs(len(rows[0]) if rows else 0):
        column = contrast(rows, term)
        groups.setdefault(min(column, tuple(-one for one in column)), []).append(term)
    return list(groups.values())


def factorial_of(experiment: Experiment) -> tuple[list[str], list[Signs]] | None:
    """The tricks that the arms combine and the signs of each arm; None if it is no such design.

    A trick takes part when some arms have it and others do not; what all arms have is as good as
    a part of the setup. The arms must be balanced: every combination, or a regular fraction.
    """
    present = [{one.id: one for one in arm.tricks} for arm in experiment.arms]
    ids = list(dict.fromkeys(one.id for arm in experiment.arms for one in arm.tricks))
    varied = []
    for id in ids:
        knobs = [arm[id].knobs for arm in present if id in arm]
        if any(one != knobs[0] for one in knobs):
            return None
        if len(knobs) < len(present):
            varied.append(id)
    rates = {arm.lr_scale for arm in experiment.arms}
    if len(varied) < 2 or (len(rates) > 1 and experiment.tune is None):
        return None
    rows: list[Signs] = [tuple(1 if id in arm else -1 for id in varied) for arm in present]
    return ([arm_name(id) for id in varied], rows) if balanced(rows) else None


def balanced(rows: Sequence[Signs]) -> bool:
    """Whether every main effect and every pair can be estimated.

    Each of them is in half of the arms, and any two are independent or the same.
    """
    columns = [contrast(rows, term) for term in main_and_pairs(len(rows[0]))]
    if any(sum(one) for one in columns):
        return False
    products = (
        abs(sum(a * b for a, b in zip(one, other, strict=True)))
        for one, other in combinations(columns, 2)
    )
    return all(one in (0, len(rows)) for one in products)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One knob at several values. ``values`` are by arm number, rising; ``baseline`` is not one.

    ``knob`` is None when what differs is the learning rate, as ``lr_scale``.
    """

    trick: str | None
    knob: Knob | None
    values: tuple[tuple[int, float], ...]
    baseline: int | None


def sweep_of(experiment: Experiment) -> Sweep | None:
    """The one knob in which the arms differ, or None. Needs two values beside the baseline.

    The baseline is either one of the values, or it goes without the trick.
    """
    if experiment.tune is None and len({arm.lr_scale for arm in experiment.arms}) > 1:
        return rate_sweep(experiment.arms)
    first, *others = [dict(knob_values(arm)) for arm in experiment.arms]
    if len(others) < 2 or any(others[0].keys() != one.keys() for one in others):
        return None
    differing = [key for key in others[0] if len({one[key] for one in others}) > 1]
    if len(differing) != 1:
        return None
    key = differing[0]
    swept = [one.get(key) for one in others]
    rest = {other: value for other, value in others[0].items() if other != key}
    if first.keys() == others[0].keys() and all(first[one] == rest[one] for one in rest):
        swept = [first[key], *swept]
        start: int | None = None
    elif first == {other: value for other, value in rest.items() if other[0] != key[0]}:
        start = 0
    else:
        return None
    numbered = [(i, v) for i, v in enumerate(swept, start=0 if start is None else 1)
                if v is not None]  # fmt: skip
    if len(numbered) < len(swept):
        return None
    knob = next(one for one in catalog()[key[0]].knobs() if one.name == key[1])
    rising = tuple(sorted(numbered, key=lambda one: one[1]))
    return Sweep(trick=key[0], knob=knob, values=rising, baseline=start)


def knob_values(arm: Arm) -> list[tuple[tuple[str, str], float | None]]:
    """All knobs of an arm's tricks with their defaults; a trick without knobs has an empty one."""
    found: list[tuple[tuple[str, str], float | None]] = []
    for trick in arm.left():
        values = trick.values() or {"": None}
        found += [((trick.id(), name), value) for name, value in values.items()]
    return found


def rate_sweep(arms: Sequence[Arm]) -> Sweep | None:
    """Arms that differ in nothing but their learning rate."""
    if len(arms) < 3 or any(arm.tricks != arms[0].tricks for arm in arms):
        return None
    scales = sorted(enumerate(arm.lr_scale for arm in arms), key=lambda one: one[1])
    return Sweep(trick=None, knob=None, values=tuple(scales), baseline=None)
