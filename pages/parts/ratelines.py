"""The learning rates of a running experiment, from the function that its runs follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pages.parts import words
from pages.parts.means import thin, tidy
from pages.parts.rates import rates
from trainer.rates import PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.means import Numbers
    from pages.parts.panels import ArmCurves, Grids
    from pages.parts.view import View
    from trainer.experiment import Experiment, Setup

Schedule = tuple[tuple[int, ...], tuple[float, ...]]  # steps, rates


def schedules(experiment: Experiment) -> dict[Schedule, list[int]]:
    """The arms by their schedule."""
    found: dict[Schedule, list[int]] = {}
    for i, arm in enumerate(experiment.arms):
        own = arm.model_copy(update={"name": "arm"}).model_dump_json()
        found.setdefault(rates(experiment.setup, own), []).append(i)
    return found


def constant(experiment: Experiment, found: dict[Schedule, list[int]]) -> str | None:
    """The line of text that says it all when every arm has the same constant rate."""
    values = {rate for _, own in found for rate in own}
    if len(values) > 1:
        return None
    count = len(experiment.arms)
    who = f"all {count} arms" if count > 2 else "both arms" if count == 2 else "the baseline"
    return constant_words(values.pop(), who)


def constant_words(rate: float, who: str) -> str:
    return f"Learning rate: {words.short(rate)} in {who}, from the first step to the last."


def rate_chart(
    experiment: Experiment,
    found: dict[Schedule, list[int]],
    arms: list[ArmCurves],
    view: View,
    grids: Grids,
    span: float | None,
) -> dict[str, Any]:
    """The chart of the rates: one line per schedule, in ink when all arms follow it."""
    lines = []
    for (steps, values), own in found.items():
        x = positions(experiment.setup, np.asarray(steps, float), arms[own[0]], view.axis)
        if x is None:
            continue
        name = named([experiment.arms[i].name for i in own], len(experiment.arms))
        lines.append(line_of(own, name, x, values, grids))
    names = [arm.name for arm in experiment.arms]
    note = rate_note(names, [(rates, own) for (_, rates), own in found.items()])
    return chart(lines, note, view, span, flat=len(found) == 1)


def line_of(
    own: list[int], name: str, x: Numbers, values: Sequence[float], grids: Grids
) -> dict[str, Any]:
    """The line of the arms ``own``, at the places that are known; in ink if it is not one's own."""
    known = np.isfinite(x)
    y = np.asarray(values, float)[known]
    places = thin(len(y))
    line = {"arm": own[0], "kind": "rate", "x": grids.number(x[known][places])}
    return {**line, "y": tidy(y[places]), "arms": own, "ink": len(own) > 1, "name": name}


def chart(
    lines: list[dict[str, Any]], note: str, view: View, span: float | None, *, flat: bool
) -> dict[str, Any]:
    return {
        "id": "rate",
        "title": "Learning rate",
        "note": note if lines else "drawn when the first run is under way",
        "xtitle": view.axis,
        "x": None if span is None else [0, span],
        "y": None,
        "settled": False,
        "log": False,
        "logx": view.logstep,
        "hover": "%{y:.4~g}",
        "flat": flat,
        "lines": lines,
    }


def named(names: list[str], everyone: int, what: str = "arms") -> str:
    """Whom a line stands for: ``all 4 arms``, ``a, b and 3 more``."""
    if len(names) == everyone > 1:
        return f"all {everyone} {what}" if everyone > 2 else f"both {what}"
    return words.listed(names if len(names) < 4 else [*names[:2], f"{len(names) - 2} more"])


def rate_note(
    names: Sequence[str], found: Sequence[tuple[Sequence[float], list[int]]], what: str = "arms"
) -> str:
    """Which arms share the ink line; constant rates are said in full while they are few."""
    everyone = len(names)
    parts = []
    for values, own in found:
        who = named([names[i] for i in own], everyone, what)
        if len(set(values)) == 1:
            parts.append(f"{who}: {words.short(values[0])}")
        elif len(own) > 1:
            parts.append(f"{who}: one line" if len(own) < everyone else who)
    return "; ".join(parts) if len(parts) < 3 else f"{len(found)} schedules"


def positions(setup: Setup, steps: Numbers, arm: ArmCurves, axis: str) -> Numbers | None:
    """Where steps (or thousandths of a budget in seconds) stand on the horizontal axis.

    Steps become seconds, and the other way round, as the arm's runs measured it; what they have
    not reached yet is nan. None if they have measured nothing.
    """
    if setup.seconds is None and axis != "seconds":
        return steps / setup.steps_per_epoch if axis == "epoch" else steps
    if setup.seconds is not None and axis == "seconds":
        return steps * (setup.seconds / PARTS)
    known = arm.best_known()
    if not known:
        return None
    longest = max(known, key=lambda line: line.steps[-1])
    if setup.seconds is None:
        return np.interp(steps, longest.steps, longest.seconds, right=np.nan)
    done = np.interp(steps * (setup.seconds / PARTS), longest.seconds, longest.steps, right=np.nan)
    return done / setup.steps_per_epoch if axis == "epoch" else done
