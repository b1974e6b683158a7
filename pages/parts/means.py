"""The curves of an arm as numbers: what is averaged over its runs, and where. Pure functions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pages.parts.reader import Curves, Numbers

MOST_POINTS = 300  # of one line: a screen shows no more


@dataclass(frozen=True, kw_only=True)
class Line:
    """One run's curve of one key: done steps, training seconds and values, all (points,)."""

    steps: Numbers
    seconds: Numbers
    values: Numbers
    seed: int | None = None  # of the run; None: it is a mean

    def at(self, places: Numbers) -> Line:
        """Only the points with these indices."""
        return Line(
            steps=self.steps[places], seconds=self.seconds[places], values=self.values[places]
        )

    def x(self, axis: str, steps_per_epoch: int) -> Numbers:
        """The horizontal positions on that axis."""
        if axis == "seconds":
            return self.seconds
        return self.steps / steps_per_epoch if axis == "epoch" else self.steps


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The mean over an arm's finished runs with its 95 % t band, None for a single run.

    ``spread`` has the edges of the other bands, by their names in a view.
    """

    line: Line
    low: Numbers | None
    high: Numbers | None
    n: int
    spread: Mapping[str, tuple[Numbers, Numbers]] = field(default_factory=dict)


def line_of(curves: Curves, key: str) -> Line | None:
    """The curve of a run, with the seconds at the same steps; None before its first point."""
    if key not in curves or "seconds" not in curves:
        return None
    steps, values = curves[key]
    clock_steps, clock = curves["seconds"]
    if np.array_equal(steps, clock_steps):  # as it always is, but for a batch cut in two
        return Line(steps=steps, seconds=clock, values=values) if steps.size else None
    common, here, there = np.intersect1d(steps, clock_steps, return_indices=True)
    if not common.size:
        return None
    return Line(steps=common, seconds=clock[there], values=values[here])


def mean_of(lines: Sequence[Line], *, by_time: bool) -> Mean | None:
    """The mean of finished runs, over the steps that all of them were judged at.

    ``by_time``: under a budget in seconds runs are judged at equal times, not at equal steps, so
    they are averaged over the seconds that all of them reached, between their points straight.
    """
    if not lines:
        return None
    together = on_one_clock(lines) if by_time else on_shared_steps(lines)
    if not together[0].steps.size:
        return None
    values = np.stack([one.values for one in together])
    middle = Line(
        steps=np.mean([one.steps for one in together], axis=0),
        seconds=np.mean([one.seconds for one in together], axis=0),
        values=values.mean(axis=0),
    )
    half = half_width(values)
    if half is None:
        return Mean(line=middle, low=None, high=None, n=1)
    low, high = middle.values - half, middle.values + half
    deviation = values.std(axis=0, ddof=1)
    spread = {
        "deviation": (middle.values - deviation, middle.values + deviation),
        "range": (values.min(axis=0), values.max(axis=0)),
    }
    return Mean(line=middle, low=low, high=high, n=len(values), spread=spread)


def on_shared_steps(lines: Sequence[Line]) -> list[Line]:
    shared = lines[0].steps
    alike = True
    for one in lines[1:]:
        if not np.array_equal(one.steps, shared):
            alike = False
            shared = np.intersect1d(shared, one.steps)
    if alike:
        return list(lines)
    return [one.at(np.flatnonzero(np.isin(one.steps, shared))) for one in lines]


def on_one_clock(lines: Sequence[Line]) -> list[Line]:
    end = min(one.seconds[-1] for one in lines)
    clock = np.linspace(0, end, min(len(one.steps) for one in lines))
    return [
        Line(
            steps=np.interp(clock, one.seconds, one.steps),
            seconds=clock,
            values=np.interp(clock, one.seconds, one.values),
        )
        for one in lines
    ]


def half_width(values: np.ndarray) -> Numbers | None:
    """Half the 95 % t interval of the mean over the first axis; None for one value."""
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return None
    spread = values.std(axis=0, ddof=1)
    return np.asarray(stdtrit(n - 1, 0.975) * spread / np.sqrt(n))


def smoothed(values: Numbers, strength: float) -> Numbers:
    """An exponential moving average that starts at the first value without a bias."""
    out = np.empty_like(values)
    total = weight = 0.0
    for i, value in enumerate(values):
        total = strength * total + (1 - strength) * value
        weight = strength * weight + (1 - strength)
        out[i] = total / weight
    return out


@lru_cache(maxsize=256)
def thin(length: int, most: int = MOST_POINTS) -> slice | Numbers:
    """Which points of a line to draw: all, or evenly spread with both ends."""
    if length <= most:
        return slice(None)
    places = np.unique(np.linspace(0, length - 1, most).round().astype(int))
    places.flags.writeable = False  # many lines share them
    return places


@lru_cache(maxsize=256)
def spaced(length: int, most: int) -> slice | Numbers:
    """The same for a line that grows: it keeps its places, and half of them when there are many."""
    if length <= most:
        return slice(None)
    places = np.arange(0, length, 2 ** math.ceil(math.log2(length / (most - 1))))
    places = np.append(places, length - 1) if places[-1] < length - 1 else places
    places.flags.writeable = False
    return places


def tidy(values: Numbers, figures: int = 5) -> list[float | None]:
    """Numbers for JSON: a few significant figures, None for what is not finite."""
    finite = np.isfinite(values)
    known = np.where(finite & (values != 0), values, 1.0)
    scale = 10.0 ** (figures - 1 - np.floor(np.log10(np.abs(known))))
    rounded = np.where(values == 0, 0.0, np.round(known * scale) / scale)
    if finite.all():
        return rounded.tolist()
    return [float(one) if good else None for one, good in zip(rounded, finite, strict=True)]
