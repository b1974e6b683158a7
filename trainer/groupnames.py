"""What groups of runs, and the keys that make them, are called."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trainer import differences
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.comparing import Recipe

ARM, EXPERIMENT, ALL = "arm", "experiment", "all"


Name = tuple[str, str]  # of a group: what it is called, and what is said behind that


def named(
    recipes: Sequence[Recipe],
    order: Sequence[tuple[Any, ...]],
    keys: Sequence[str],
    varying: Sequence[str],
    experiments: Mapping[str, str],
) -> list[Name]:
    """A name for each group, no two the same: by content where the short one does not do."""
    names: list[Name] = []
    for recipe, values in zip(recipes, order, strict=True):
        parts: list[str] = []
        for key, value in zip(keys, values, strict=True):
            if key in (ARM, ALL):
                parts.append(recipe.name)
                parts += settings_words(recipe, varying) if key == ALL else []
            elif key == EXPERIMENT:
                parts.append(experiments[value])
            else:
                parts.append(value_words(key, value))
        first, *rest = dict.fromkeys(parts)
        names.append((first, ", ".join(rest)))
    counts = Counter(names)
    for i, recipe in enumerate(recipes):
        name, detail = names[i]
        if counts[name, detail] > 1:
            names[i] = f"{name} ({content_words(recipe)})", detail
    seen: Counter[Name] = Counter()
    for i, (name, detail) in enumerate(names):
        seen[name, detail] += 1
        if seen[name, detail] > 1:
            names[i] = f"{name} ({seen[name, detail]})", detail
    return names


def settings_words(recipe: Recipe, varying: Sequence[str]) -> list[str]:
    return [
        differences.labeled(key, recipe.settings[key])
        for key in varying
        if recipe.settings.get(key) is not None
    ]


def value_words(key: str, value: Any) -> str:
    """``dropout p 0.5``, ``no dropout``, ``rate 0.1``."""
    if key in differences.SETTINGS:
        return differences.labeled(key, value)
    trick, _, knob = key.partition(".")
    name = trick_words(trick)
    if not knob:
        return name if value else f"no {name}"
    return f"no {name}" if value is None else f"{name} {knob} {differences.shown(key, value)}"


def trick_words(trick: str) -> str:
    from trainer.designs import arm_name

    return arm_name(trick) if trick in catalog() else trick.replace("_", " ")


def content_words(recipe: Recipe) -> str:
    """``dropout p 0.2, mixup alpha 1``: what an arm holds."""
    parts = [
        " ".join([trick_words(trick), *(f"{knob} {differences.shown(knob, value)}"
                                         for knob, value in held.items())])
        for trick, held in recipe.tricks.items()
    ]  # fmt: skip
    if recipe.lr_scale != 1:
        parts.append(f"rate times {recipe.lr_scale:g}")
    return ", ".join(parts) or "no tricks"


def key_words(key: str) -> str:
    """What a key of a grouping is called: ``Arm``, ``Training examples``, ``dropout p``."""
    known = {ARM: "Arm", EXPERIMENT: "Experiment", ALL: "All but the seed"}
    if key in known or key in differences.SETTINGS:
        return known.get(key) or differences.title(key)
    trick, _, knob = key.partition(".")
    return f"{trick_words(trick)} {knob}" if knob else f"with or without {trick_words(trick)}"
