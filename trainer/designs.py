"""Designs: from ticked tricks to arms."""

from __future__ import annotations

from typing import Any

from tricks import catalog

DESIGNS = {"alone": "Each trick alone", "together": "All together", "free": "Free"}

Choice = dict[str, Any]  # {"id": ..., "knobs": {...}}
ArmData = dict[str, Any]  # {"name": ..., "tricks": [Choice, ...]}


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


def together(choices: list[Choice]) -> list[ArmData]:
    """The baseline, and one arm with everything."""
    base = [{"name": "baseline", "tricks": []}]
    if not choices:
        return base
    if len(choices) == 1:
        return alone(choices)
    count = {2: "both", 3: "all three", 4: "all four", 5: "all five", 6: "all six"}
    return [*base, {"name": count.get(len(choices), f"all {len(choices)}"), "tricks": choices}]
