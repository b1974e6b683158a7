"""What is wrong with an experiment, said so that a person can mend it: place, value and rule."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import BaseModel

TYPES = {  # how the names of pydantic's errors begin, and what JSON calls the thing
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string": "text",
    "tuple": "a list",
    "dict": "an object",
    "model": "an object",
}


class Problem(BaseModel):
    """One thing that is wrong: where, what was given, and the rule."""

    place: str
    rule: str
    value: str | None = None

    def __str__(self) -> str:
        shown = self.place if self.value is None else f"{self.place} = {self.value}"
        return f"{shown}: {self.rule}" if shown else self.rule


class ExperimentError(ValueError):
    """An experiment that cannot be run. ``problems`` has every reason; nothing was stored."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def read_json(text: str | bytes) -> Any:
    """The data that JSON text holds.

    Raises:
        ExperimentError: it is no JSON, or holds numbers or text that nothing can store.
    """
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ExperimentError([Problem(place="", rule="this JSON is nested too deeply")]) from error
    except ValueError as error:  # also a number of thousands of digits, and bytes that are no text
        raise ExperimentError([Problem(place="", rule=f"this is not JSON: {error}")]) from error
    if problems := unstorable(data):
        raise ExperimentError(problems)
    return data


def unstorable(data: Any) -> list[Problem]:
    """NaN, infinities and halves of characters: Python's JSON lets them pass."""
    problems = []
    open_places: list[tuple[tuple[int | str, ...], Any]] = [((), data)]
    while open_places:
        place, value = open_places.pop()
        if isinstance(value, dict):
            open_places += [((*place, key), one) for key, one in value.items()]
            value = "".join(key for key in value if isinstance(key, str))
        elif isinstance(value, list):
            open_places += [((*place, i), one) for i, one in enumerate(value)]
        if isinstance(value, float) and not math.isfinite(value):
            shown = {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
            rule = "numbers must be finite"
            problems.append(Problem(place=place_of(place), value=shown, rule=rule))
        elif isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
            problems.append(Problem(place=place_of(place), rule="half a character is no text"))
    return problems[::-1]


def place_of(location: tuple[int | str, ...]) -> str:
    """``("arms", 1, "name")`` as ``arms[1].name``; the tag of a union is not a place."""
    text = ""
    for i, part in enumerate(location):
        if isinstance(part, int):
            text += f"[{part}]"
        elif not (part in ("mlp", "cnn", "resnet") and i and location[i - 1] == "network"):
            part = short(part.encode("utf-8", "backslashreplace").decode())
            text += f".{part}" if text else part
    return text


def short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def shown(value: Any) -> str | None:
    """A value as its JSON; None for what has no short form."""
    if isinstance(value, str | int | float | bool) or value is None:
        return short(json.dumps(value, ensure_ascii=False))
    return {"[]": "[]", "{}": "{}"}.get(str(value))


def explain(error: Any) -> Problem:
    """One of pydantic's errors in our words."""
    place, value, why = place_of(error["loc"]), shown(error.get("input")), error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            rule = "there is no such key"
        case "missing":
            rule, value = "is missing", None
        case "too_short":
            rule = "needs at least " + {1: "one"}.get(why["min_length"], str(why["min_length"]))
        case "too_long":
            rule = f"at most {why['max_length']:,}, not {len(error['input']):,}"
        case "string_too_short":
            rule = "needs at least one character"
        case "string_too_long":
            rule = f"must have at most {why['max_length']} characters"
        case "string_pattern_mismatch" if place == "setup.device":
            rule = "a device is auto, cpu, cuda, cuda:N or mps"
        case "string_pattern_mismatch":
            rule = "must be readable text on one line"
        case "union_tag_invalid" | "union_tag_not_found":
            place, value = f"{place}.kind", shown(error["input"].get("kind"))
            rule = "a network is an mlp, cnn or resnet"
        case "greater_than_equal":
            rule = f"must be at least {why['ge']:,.12g}"
        case "greater_than":
            rule = f"must be above {why['gt']:,.12g}"
        case "less_than_equal":
            rule = f"must be at most {why['le']:,.12g}"
        case "literal_error":
            rule = f"must be {why['expected']}"
        case kind:
            words = [word for start, word in TYPES.items() if kind.startswith(start)]
            rule = f"must be {words[0]}" if words else error["msg"]
    return Problem(place=place, rule=rule, value=value)


def follows(error: Any, all_errors: list[Any]) -> bool:
    """A list that pydantic calls too short because what is in it was refused one by one."""
    place = error["loc"]
    inside = [one for one in all_errors if one["loc"][: len(place)] == place and one is not error]
    return error["type"] == "too_short" and bool(inside)
