"""Inputs that are small to send and dear to look at; each has cost seconds or gigabytes once."""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

from trainer.experiment import ExperimentError, parse, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES = 2**30
BASE: dict[str, Any] = {
    "name": "Large",
    "setup": {"epochs": 1},
    "arms": [{"name": "baseline"}, {"name": "other", "tricks": [{"id": "dropout"}]}],
    "seeds": [0],
}


def with_(**changed: Any) -> str:
    return json.dumps(BASE | changed)


def arms(tricks: list[Any], count: int = 1) -> str:
    return with_(arms=[{"name": f"arm {i}", "tricks": tricks} for i in range(count)])


TEXTS: dict[str, Callable[[], str]] = {
    "a_long_list": lambda: "[" + "1," * 1_000_000 + "1]",
    "lists_in_a_list": lambda: "[" + "[]," * 700_000 + "[]]",
    "unknown_keys": lambda: with_(**{f"key {i}": i for i in range(90_000)}),
    "seeds_of_text": lambda: with_(seeds=["a"] * 90_000),
    "more_seeds": lambda: with_(seeds=["a"] * 900_000),
    "numbers_that_are_none": lambda: '{"a": [' + "NaN," * 400_000 + "NaN]}",
    "unknown_tricks": lambda: arms([{"id": f"trick {i}"} for i in range(30_000)]),
    "long_unknown_tricks": lambda: arms([{"id": "dropout" * 100 + str(i)} for i in range(4_000)]),
    "the_same_trick": lambda: arms([{"id": "dropout", "knobs": {"p": 7}}] * 20_000),
    "many_arms": lambda: arms([{"id": "dropout", "knobs": {"p": 7}}], count=20_000),
    "a_long_word": lambda: with_(name="a" * 4_900_000),
    "a_deep_list": lambda: "[" * 2_000_000,
    "a_deep_knob": lambda: arms([{"id": "dropout", "knobs": {"p": 0}}]).replace(
        '"p": 0', '"p": ' + "[" * 900 + "]" * 900
    ),
    "a_long_number": lambda: with_().replace("[0]", "[" + "9" * 4_000 + "]"),
    "a_longer_number": lambda: with_().replace("[0]", "[" + "9" * 4_000_000 + "]"),
    "the_same_key": lambda: "{" + '"a": 1,' * 300_000 + '"a": 1}',
    "too_long": lambda: '"' + "a" * 6_000_000 + '"',
}


def refused(reads: Callable[[str], object], text: str) -> bool:
    """Whether it says a sentence; any other error ends the process."""
    try:
        reads(text)
    except ExperimentError as error:
        return bool(error.problems) and bool(str(error))
    return False


def refuse_all() -> None:
    """Try each as text and as an address; print the name of what was refused."""
    import resource

    for name, made in TEXTS.items():
        text = made()
        if name == "a_long_list":  # from here on: what it takes to import is not the question
            resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        packed = base64.urlsafe_b64encode(zlib.compress(text.encode(), 1)).decode().rstrip("=")
        if refused(parse, text) and refused(lambda given: parse(unpack(given)), packed):
            print(name)
