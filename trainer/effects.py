"""What each trick does in a two-level design, and what one does to another.

Every seed trains all arms, so each seed gives one number for every effect; over the seeds they
are judged like any paired difference: t interval, exact sign-flip p, Holm over the effects.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from trainer.designs import contrast
from trainer.statistics import finite, holm, sign_flip_p, t_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.designs import Signs


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A main effect or an interaction, in the metric's unit.

    ``term`` names the tricks. Of one trick: the mean with it minus the mean without it, over all
    combinations of the others. Of two: by how much the effect of the first is larger when the
    second is there, which is the same the other way round. ``p`` is adjusted by Holm.
    """

    term: tuple[str, ...]
    n: int
    mean: float | None
    low: float | None
    high: float | None
    p: float | None
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
    terms = [term for size in (1, 2) for term in combinations(range(len(names)), size)]
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
    ps = holm([sign_flip_p(one) if one else None for one in found])
    return [
        Effect(
            term=tuple(names[i] for i in term),
            n=len(seeds),
            mean=interval.mean,
            low=interval.low,
            high=interval.high,
            p=p,
            deltas=tuple(deltas),
        )
        for term, deltas, p in zip(terms, found, ps, strict=True)
        for interval in [t_interval(deltas)]
    ]
