"""What is wrong with an experiment, said so that a person can mend it: place, value and rule."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    Way = tuple["Way", int | str] | None  # to a value: the way to what holds it, and where in there


TYPES = {  # how the names of pydantic's errors begin, and what JSON calls the thing
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string": "text",
    "tuple": "a list",
    "dict": "an object",
    "model": "an object",
}


LONGEST = 5_000_000  # characters or bytes of JSON that are read; as .streamlit/config.toml has it
MOST = 1000  # problems that are looked for
MOST_VALUES = 100_000  # in an experiment; the largest that makes sense has fewer
HALF = re.compile("[\ud800-\udfff]")
UNREADABLE = "must be readable text on one line"
HALVED = "half a character is no text"


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
        ExperimentError: it is too long, is no JSON, or holds numbers or text that nothing can
            store.
    """
    if len(text) > LONGEST:
        rule = f"this is too long: {len(text) / 1e6:,.1f} MB, at most {LONGEST / 1e6:g} MB are read"
        raise ExperimentError([Problem(place="", rule=rule)])
    if isinstance(text, str):
        text = text.removeprefix("\ufeff")  # some editors put a mark before the first letter
    try:
        data = json.loads(text, object_pairs_hook=once)
    except RecursionError as error:
        raise ExperimentError([Problem(place="", rule="this JSON is nested too deeply")]) from error
    except UnicodeDecodeError as error:
        rule = "this is not JSON: it is no text in UTF-8. Save it as UTF-8 and load it again"
        raise ExperimentError([Problem(place="", rule=rule)]) from error
    except ValueError as error:  # also a number of thousands of digits
        raise ExperimentError([Problem(place="", rule=f"this is not JSON: {error}")]) from error
    if problems := unstorable(data):
        raise ExperimentError(problems)
    return data


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, no key of which is written twice: of two values, which one was meant?

    Raises:
        ExperimentError: one is.
    """
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    counts = Counter(key for key, _ in pairs)
    twice = [key for key, count in counts.items() if count > 1][:MOST]
    raise ExperimentError([Problem(place=short(key), rule="stands there twice") for key in twice])


def unstorable(data: Any) -> list[Problem]:
    """NaN, infinities and halves of characters: Python's JSON lets them pass."""
    problems: list[Problem] = []
    below: list[tuple[Way, Any]] = [(None, data)]
    while below and len(problems) < MOST:
        way, value = below.pop()
        inside: Iterable[tuple[int | str, Any]] = [("", value)]
        if isinstance(value, dict):
            if any(isinstance(key, str) and halved(key) for key in value):
                problems.append(Problem(place=place_of(walked(way)), rule=HALVED))
            inside = value.items()
        elif isinstance(value, list):
            inside = enumerate(value)
        for key, one in inside:
            if len(problems) == MOST:
                break
            own = way if one is value else (way, key)
            if isinstance(one, dict | list):
                below.append((own, one))
            elif isinstance(one, float) and not math.isfinite(one):
                name = {math.inf: "Infinity", -math.inf: "-Infinity"}.get(one, "NaN")
                rule = "numbers must be finite"
                problems.append(Problem(place=place_of(walked(own)), value=name, rule=rule))
            elif isinstance(one, str) and halved(one):
                problems.append(Problem(place=place_of(walked(own)), rule=HALVED))
    return problems


def halved(text: str) -> bool:
    return not text.isascii() and bool(HALF.search(text))


def walked(way: Way) -> tuple[int | str, ...]:
    """The keys and positions of a way, the outermost first."""
    parts = []
    while way is not None:
        way, part = way
        parts.append(part)
    return tuple(reversed(parts))


def crowded(data: Any) -> Problem | None:
    """Why data is far larger than any experiment; None if it is not. Looking at it is quick."""
    count, below = 0, [data]
    while below:
        value = below.pop()
        if isinstance(value, dict | list):
            count += len(value)
            if count > MOST_VALUES:
                rule = f"this is too large for an experiment: it holds over {MOST_VALUES:,} values"
                return Problem(place="", rule=rule)
            below.extend(value.values() if isinstance(value, dict) else value)
    return None


def place_of(location: tuple[int | str, ...]) -> str:
    """``("arms", 1, "name")`` as ``arms[1].name``; the tag of a union is not a place."""
    text = ""
    for i, part in enumerate(location):
        if isinstance(part, int):
            text += f"[{part}]"
        elif not (part in ("mlp", "cnn", "resnet") and i and location[i - 1] == "network"):
            part = short(str(part))
            text += f".{part}" if text else part
    return text


def short(text: str) -> str:
    """What is short enough to read, halves of characters spelled out."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 80 else text[:79] + "…"


def shown(value: Any) -> str | None:
    """A value as its JSON; None for what has no short form."""
    if isinstance(value, str | int | float | bool) or value is None:
        if isinstance(value, int) and abs(value) >= 10**80:
            return "a number of more than 80 digits"
        return short(json.dumps(value, ensure_ascii=False))
    return "[]" if value == [] else "{}" if value == {} else None


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
            rule = UNREADABLE
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
    if error["type"] != "too_short":
        return False
    place = error["loc"]
    inside = [one for one in all_errors if one["loc"][: len(place)] == place and one is not error]
    return bool(inside)
