"""A list of numbers to edit: a chip for each, another by typing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import words
from pages.parts.session import bound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pages.parts.draft import Draft

MINUSES = str.maketrans({"−": "-", ",": "."})


def number_list(
    label: str,
    name: str,
    values: Sequence[float],
    then: Callable[[Draft, list[float]], None],
    check: Callable[[float], str | None],
    *,
    least: int = 1,
    most: int = 50,
    help: str | None = None,
) -> None:
    """Chips for ``values``; what a person types is checked one by one.

    ``check`` says why a number cannot be in the list. What is refused is told under the field, and
    the numbers there were stay.
    """
    texts = [f"{one:g}" for one in values]
    known = dict(zip(texts, values, strict=True))

    def write(draft: Draft, given: list[str]) -> None:
        numbers, wrong = read(given, known, check)
        if not wrong and len(numbers) < least:
            wrong = f"It needs at least {words.count(least, 'value')}, so the last one stays."
        if len(numbers) > most:
            wrong, numbers = f"At most {most} values.", numbers[:most]
        st.session_state[f"{name}_wrong"] = wrong
        if len(numbers) >= least:
            then(draft, sorted(numbers))

    st.multiselect(
        label,
        texts,
        accept_new_options=True,
        placeholder="type a number",
        help=help,
        **bound(name, texts, write, default="default"),
    )
    if wrong := st.session_state.get(f"{name}_wrong"):
        st.markdown(f":small[:red[:material/error: {words.plain(wrong)}]]")


def read(
    given: Sequence[str], known: dict[str, float], check: Callable[[float], str | None]
) -> tuple[list[float], str]:
    """The numbers in what was typed, and what is wrong with the rest, in words."""
    numbers: dict[str, float] = {}
    wrong = []
    for text in given:
        try:
            value = known[text] if text in known else float(text.translate(MINUSES))
        except ValueError:
            wrong.append(f"“{text[:20]}” is not a number.")
            continue
        if problem := check(value):
            wrong.append(f"{value:g}: {problem}.")
        elif f"{value:g}" in numbers:
            wrong.append(f"{value:g} is there already.")
        else:
            numbers[f"{value:g}"] = value
    return list(numbers.values()), " ".join(wrong)
