"""The design: which question is asked, how many arms that makes, and what it needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import words
from pages.parts.draft import (
    Draft,
    choices_of,
    set_design,
    set_fraction,
    set_swept,
    set_values,
)
from pages.parts.numbers import number_list
from pages.parts.session import bound, chosen, draft
from trainer.designs import DESIGNS, MOST_ARMS, MOST_FACTORS, QUESTIONS, aliases, arm_name, arms_in
from trainer.sweeps import MOST, knob_of, knobs, usual, wrong
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tricks.base import Knob


def head() -> None:
    """The heading and the design, and under it what the design asks and needs."""
    labels = {one: label(draft(), one) for one in DESIGNS}
    # A widget whose options change keeps an old one's text as its value: other counts, another.
    counts = "_".join(str(count_of(draft(), one)) for one in DESIGNS)
    with st.container(horizontal=True, key="arms_head", vertical_alignment="center"):
        st.subheader("Arms", anchor=False, width="content")
        st.selectbox(
            "Design",
            format_func=labels.__getitem__,
            label_visibility="collapsed",
            **chosen(f"design__{counts}", list(DESIGNS), draft()["design"], set_design),
        )
    now = draft()
    with st.container(key="question"):
        st.caption(QUESTIONS[now["design"]])
    if now["design"] == "every" and 4 < len(now["ticked"]) <= MOST_FACTORS:
        part(now)
    if now["design"] == "sweep":
        swept(now)


def label(draft: Draft, design: str) -> str:
    """``Every combination · 8 arms``."""
    if design == "free":  # it starts with the arms there are
        return DESIGNS[design]
    count = count_of(draft, design)
    arms = "too many" if count is None else words.count(count, "arm")
    return f"{DESIGNS[design]} · {arms}"


def count_of(draft: Draft, design: str) -> int | None:
    """How many arms a design makes of what is ticked; None: it cannot."""
    if design == "free":
        return None
    if design == "sweep":
        found = draft["sweep"] or usual(*knobs(choices_of(draft))[0])
        return 1 + len(found["values"])
    return arms_in(design, len(draft["ticked"]), fraction=draft["fraction"])


# Every combination.


def part(now: Draft) -> None:
    """All combinations, or a fraction of them, and what the fraction cannot tell."""
    count = len(now["ticked"])
    names = {False: f"all {2**count} combinations", True: f"a fraction of {MOST_ARMS}"}
    st.segmented_control(
        "Combinations",
        [False, True],
        format_func=names.__getitem__,
        required=True,
        label_visibility="collapsed",
        width="stretch",
        **bound(f"fraction__{count}", now["fraction"], set_fraction, default="default"),
    )
    if now["fraction"]:
        with st.expander("What a fraction cannot tell apart", type="compact", key="aliases"):
            st.markdown(told_apart([arm_name(one) for one in now["ticked"]]))


def told_apart(names: Sequence[str]) -> str:
    """What 16 arms of so many tricks mix up, in words."""
    groups = aliases(len(names))
    if not groups:
        return (
            "Resolution V: the effect of each trick, and what any two do to each other, can be "
            "told apart. Three and more at a time are taken to do nothing beyond that."
        )
    listed = [
        "- " + ", ".join(" × ".join(words.plain(names[i]) for i in term) for term in group)
        for group in groups
    ]
    return (
        "Resolution IV: the effect of each trick is clear of what any two do to each other. But "
        "these pairs share one number, so it cannot be said which of them it belongs to:\n\n"
        + "\n".join(listed)
    )


# A sweep.


def swept(now: Draft) -> None:
    """Which knob, and its values."""
    sweep = now["sweep"]
    trick, name = sweep["trick"], sweep["knob"]
    options = knobs(choices_of(now))
    st.selectbox(
        "Knob", format_func=knob_label, **chosen("swept", options, (trick, name), set_swept)
    )
    knob = knob_of(trick, name) if trick is not None else None
    key = f"values_{trick}_{name}"
    number_list(
        "Values" if knob else "Factors on the learning rate",
        key,
        sweep["values"],
        set_values,
        lambda value: wrong(knob, value),
        most=MOST,
        help=range_of(knob) if knob else "1 is the baseline.",
    )
    rest = [arm_name(one) for one in now["ticked"] if one != trick]
    if rest:
        are = "is" if len(rest) == 1 else "are"
        st.caption(f"{words.plain(capital(words.listed(rest)))} {are} in every arm.")


def range_of(knob: Knob) -> str:
    """What a knob does and from where to where it goes."""
    text = f"{knob.help.rstrip('.')}. From {knob.low:g} to {knob.high:g}."
    return text if knob.neutral is None else f"{text} At {knob.neutral:g} it is the baseline."


def knob_label(target: tuple[str | None, str]) -> str:
    trick, name = target
    if trick is None:
        return "Learning rate of all arms"
    knob = knob_of(trick, name)
    symbol = f" {knob.symbol}" if knob and knob.symbol not in ("", name) else ""
    return f"{catalog()[trick].card.title}: {name}{symbol}"


def capital(text: str) -> str:
    return text[0].upper() + text[1:]
