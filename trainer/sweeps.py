"""A sweep: one knob at several values, or the learning rate of all arms; the rest in every arm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypedDict

from trainer.designs import arm_name
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainer.designs import ArmData, Choice
    from tricks.base import Knob

RATE = "lr_scale"  # swept without a trick: factors on the rate of the baseline
SCALES = (0.1, 0.3, 3.0, 10.0)
USUAL = 5  # values, unless a person names others
MOST = 50
DECADES = 1.0  # to each side of the default, where a knob is turned on a logarithmic scale


class Sweep(TypedDict):
    """``trick`` None: the knob is the arm's ``lr_scale``."""

    trick: str | None
    knob: str
    values: list[float]


def knob_of(trick: str, name: str) -> Knob | None:
    """A knob by name; None if there is no such trick or knob."""
    known = catalog()[trick].knobs() if trick in catalog() else ()
    return next((one for one in known if one.name == name), None)


def knobs(choices: Iterable[Choice]) -> list[tuple[str | None, str]]:
    """All that can be swept with these tricks ticked: trick and knob; the learning rate last."""
    own: list[tuple[str | None, str]] = [
        (one["id"], knob.name) for one in choices for knob in catalog()[one["id"]].knobs()
    ]
    return [*own, (None, RATE)]


def usual(trick: str | None, knob: str) -> Sweep:
    """A sweep with values that are worth a look."""
    found = knob_of(trick, knob) if trick is not None else None
    values = list(SCALES) if found is None else grid(found)
    return {"trick": trick, "knob": knob, "values": values}


def grid(knob: Knob) -> list[float]:
    """Up to five values across the range, the default among them, the neutral one not."""
    values = [round_to(value, knob) for value in spread(knob)]
    if knob.default is not None and not wrong(knob, knob.default):
        default = float(knob.default)
        nearest = min(range(len(values)), key=lambda i: abs(values[i] - default))
        values[nearest] = default
    return sorted({value for value in values if not wrong(knob, value)})


def spread(knob: Knob) -> list[float]:
    """Values that share the range evenly; around the default on a logarithmic scale."""
    low, high = knob.low, knob.high
    if knob.integer and high - low < 2 * USUAL:
        return evenly([one for one in range(int(low), int(high) + 1) if not wrong(knob, one)])
    if not knob.log or low <= 0:
        return [low + (high - low) * (i + 1) / (USUAL + 1) for i in range(USUAL)]
    if knob.default is not None:
        low = max(low, knob.default * 10**-DECADES)
        high = min(high, knob.default * 10**DECADES)
    return [low * (high / low) ** (i / (USUAL - 1)) for i in range(USUAL)]


def evenly(stops: list[int]) -> list[float]:
    """At most five of them, the first and the last included."""
    if len(stops) <= USUAL:
        return [float(one) for one in stops]
    return [float(stops[round(i * (len(stops) - 1) / (USUAL - 1))]) for i in range(USUAL)]


def round_to(value: float, knob: Knob) -> float:
    """Two digits are enough to choose by; inside the range and whole where the knob is."""
    short = float(f"{value:.2g}")
    if knob.integer:
        short = round(value) if value < 100 else round(short)
    return float(min(max(short, knob.low), knob.high))


def wrong(knob: Knob | None, value: Any) -> str | None:
    """Why a value cannot be in a sweep of a knob, or None. ``knob`` None: a factor on the rate."""
    if knob is not None:
        problem = knob.check(value)
        if problem is None and value is None:
            problem = f"{knob.name} needs a number here"
        if problem is None and knob.neutral is not None and value == knob.neutral:
            problem = f"at {knob.neutral:g} it is the baseline, which is there already"
        return problem
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "a factor on the learning rate must be a number"
    if not 0 < value <= 1000:
        return "a factor on the learning rate goes from above 0 to 1000"
    return "at 1 it is the baseline, which is there already" if value == 1 else None


def problems(sweep: Any, choices: Sequence[Choice]) -> list[tuple[str, str, Any]]:
    """What is wrong with a sweep of these tricks, as place, rule and value."""
    if not isinstance(sweep, dict) or set(sweep) != {"trick", "knob", "values"}:
        return [("sweep", "a sweep has a trick, a knob and values", None)]
    trick, name, values = sweep["trick"], sweep["knob"], sweep["values"]
    knob = None
    if trick is None:
        if name != RATE:
            return [("sweep.knob", f"without a trick it is {RATE}", name)]
    else:
        if not isinstance(trick, str) or trick not in {one["id"] for one in choices}:
            return [("sweep.trick", "the trick of a sweep must take part", trick)]
        knob = knob_of(trick, name) if isinstance(name, str) else None
        if knob is None:
            return [("sweep.knob", f"{trick} has no such knob", name)]
    if not isinstance(values, list) or not 1 <= len(values) <= MOST:
        return [("sweep.values", f"a list of 1 to {MOST} numbers", None)]
    found = []
    seen: set[str] = set()
    for i, value in enumerate(values):
        rule = wrong(knob, value)
        if rule is None and f"{value:g}" in seen:
            rule = "is there twice"
        if rule:
            found.append((f"sweep.values[{i}]", rule, value))
        else:
            seen.add(f"{value:g}")
    return found


def sweep(choices: Sequence[Choice], swept: Sweep) -> list[ArmData]:
    """The baseline with all other tricks, and an arm for each value.

    Raises:
        ValueError: the sweep does not fit the tricks.
    """
    if found := problems(swept, choices):
        raise ValueError("; ".join(f"{place}: {rule}" for place, rule, _ in found))
    trick, name = swept["trick"], swept["knob"]
    if trick is None:
        base = {"name": "baseline", "tricks": list(choices)}
        return [base] + [
            {"name": f"rate × {value:g}", "tricks": list(choices), "lr_scale": float(value)}
            for value in swept["values"]
        ]
    knob = knob_of(trick, name)
    assert knob is not None
    arms: list[ArmData] = [
        {"name": "baseline", "tricks": [one for one in choices if one["id"] != trick]}
    ]
    for value in swept["values"]:
        turned = [
            {"id": trick, "knobs": {**one.get("knobs", {}), name: typed(knob, value)}}
            if one["id"] == trick
            else one
            for one in choices
        ]
        label = f"{arm_name(trick)} {knob.symbol or knob.name} {value:g}"
        arms.append({"name": label, "tricks": turned})
    return arms


def typed(knob: Knob, value: float) -> float:
    """As the trick itself would have it: 2 and 2.0 are one knob, and one run."""
    return int(value) if knob.integer else float(value)


def swept(arms: Sequence[ArmData]) -> Sweep | None:
    """The sweep that these arms are, at two values or more; None if they are none."""
    base, rest = arms[0], arms[1:]
    if len(rest) < 2 or "lr_scale" in base:
        return None
    if all(arm["tricks"] == base["tricks"] for arm in rest):
        scales = [arm.get("lr_scale", 1.0) for arm in rest]
        return {"trick": None, "knob": RATE, "values": scales}
    new = [one for one in rest[0]["tricks"] if one not in base["tricks"]]
    if len(new) != 1:
        return None
    (own,) = new
    found = [
        next((one["knobs"] for one in arm["tricks"] if one["id"] == own["id"]), None)
        for arm in rest
    ]
    turned = {
        name
        for knobs in found
        if knobs is not None
        for name, value in knobs.items()
        if value != own["knobs"].get(name)
    }
    if None in found or len(turned) != 1:
        return None
    (name,) = turned
    return {
        "trick": own["id"],
        "knob": name,
        "values": [float(knobs[name] or 0) for knobs in found if knobs is not None],
    }
