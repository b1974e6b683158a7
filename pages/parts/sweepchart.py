"""A sweep of one knob: the final metric against the knob's value, the baseline as a band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pages.parts.costchart import finished, middle, note
from pages.parts.means import tidy
from pages.parts.words import short
from trainer.effects import sweep_of
from trainer.statistics import t_interval
from tricks import catalog

if TYPE_CHECKING:
    from pages.parts.panels import Grids
    from pages.parts.reader import Look
    from trainer.effects import Sweep

MOST_TICKS = 8  # values; with more the axis chooses its own
WIDE = 10.0  # largest over smallest value: from there on the axis is logarithmic


def sweep(look: Look, grids: Grids) -> dict[str, Any] | None:
    """The chart, or None if the experiment is no sweep."""
    found = sweep_of(look.row.experiment)
    if found is None:
        return None
    arms = finished(look)
    accuracy = look.row.experiment.metric == "test_accuracy"
    values = [value for _, value in found.values]
    log = logarithmic(values)
    ends = spread(values, log)
    unit = "%{y:.1f} %" if accuracy else "%{y:.3f}"
    swept = [len(arms[arm]) for arm, _ in found.values]
    return {
        "id": "sweep",
        "row": 2,
        "title": f"{'Accuracy' if accuracy else 'Loss'} by {name(found)}",
        "note": note(swept, "%" if accuracy else ""),
        "xtitle": name(found),
        "x": None,
        "y": None,
        "spread": ends,
        "ticks": values if len(values) <= MOST_TICKS else None,
        "settled": False,
        "log": False,
        "logx": log,
        "scatter": True,
        "hover": f"{unit} at %{{x:.4~g}}",
        "foot": foot(found, look, arms),
        "lines": lines(found, arms, ends, grids),
    }


def logarithmic(values: list[float]) -> bool:
    return values[0] > 0 and values[-1] / values[0] >= WIDE


def spread(values: list[float], log: bool) -> list[float]:
    """Both ends of the axis, a little beyond the values."""
    low, high = values[0], values[-1]
    if log:
        room = (high / low) ** 0.06
        return [low / room, high * room]
    return [low - 0.06 * (high - low), high + 0.06 * (high - low)]


def name(found: Sweep) -> str:
    """``dropout's p``, ``mixup's alpha``; of rates the factor."""
    if found.knob is None or found.trick is None:
        return "factor on the learning rate"
    return f"{catalog()[found.trick].card.title} {found.knob.symbol or found.knob.name}"


def lines(
    found: Sweep, arms: list[list[tuple[float, float]]], ends: list[float], grids: Grids
) -> list[dict[str, Any]]:
    """The baseline's band and mean, a path through the means, and each value's runs and mean."""
    made: list[dict[str, Any]] = []
    if found.baseline is not None and arms[found.baseline]:
        across = grids.number(np.array(ends))
        level = t_interval([one.value for one in arms[found.baseline]])
        for kind, value in (("low", level.low), ("high", level.high), ("level", level.mean)):
            if value is not None:
                y = tidy(np.array([value, value]))
                made.append({"arm": found.baseline, "kind": kind, "x": across, "y": y})
    known = [(arm, value) for arm, value in found.values if arms[arm]]
    if not known:
        return made
    means = np.array([np.mean([one.value for one in arms[arm]]) for arm, _ in known])
    at = grids.number(np.array([value for _, value in known]))
    owners = [arm for arm, _ in known]
    made.append({"arm": owners[0], "arms": owners, "kind": "path", "x": at, "y": tidy(means)})
    for arm, value in known:
        y = np.array([one.value for one in arms[arm]])
        x = np.full(len(y), value)
        dots = {"arm": arm, "kind": "dot", "x": grids.number(x), "y": tidy(y)}
        made.append({**dots, "seeds": [one.seed for one in arms[arm]]})
        made.append(middle(arm, x, y, grids))
    return made


def foot(found: Sweep, look: Look, arms: list[list[tuple[float, float]]]) -> str:
    """What the band is, under the plot."""
    if found.baseline is None or not arms[found.baseline]:
        return "Final values, a small mark for each run."
    n = len(arms[found.baseline])
    who = look.row.experiment.arms[found.baseline].name
    band = " and 95 % t interval" if n > 1 else ""
    return f"Final values, a small mark for each run. Level line: mean{band} of {who}, n = {n}."


def said(look: Look) -> str:
    """The mean at every value, for people who cannot see the chart."""
    found = sweep_of(look.row.experiment)
    arms = finished(look)
    digits, unit = (".1f", " %") if look.row.experiment.metric == "test_accuracy" else (".3f", "")
    parts = []
    for arm, value in found.values if found else ():
        if arms[arm]:
            mean = np.mean([one.value for one in arms[arm]])
            parts.append(f"at {short(value)} {mean:{digits}}{unit}, n = {len(arms[arm])}")
    return "; ".join(parts) or "no run has finished yet"
