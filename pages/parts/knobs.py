"""The knobs of a trick: how their values are written, and the popover in which they are turned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import arms, words
from pages.parts.draft import Draft, Knobs, knobs_of, set_knob
from pages.parts.previews import preview
from pages.parts.session import bound, draft
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Callable

    from tricks.base import Knob, Trick

MANY = 200  # a slider with more stops than this is hard to set: a number then


def written(knob: Knob, value: float | None) -> str:
    """``α 0.2``; nothing for a value that follows from the setup."""
    if value is None:
        return ""
    return f"{knob.symbol or knob.name} {value:g}"


def summary(trick: type[Trick], knobs: Knobs) -> str:
    """The first knob, and every other that is not at its default: ``λ 0.01, lr 0.002``."""
    shown = [
        written(knob, knobs.get(knob.name))
        for i, knob in enumerate(trick.knobs())
        if i == 0 or knobs.get(knob.name) != knob.default
    ]
    return ", ".join(text for text in shown if text)


def in_list(trick: str) -> str:
    """The label of the popover in the list: the first knob, ``…`` if arms differ, else an icon."""
    now = draft()
    first = catalog()[trick].knobs()[:1]
    if not first or not (text := written(first[0], knobs_of(now, trick)[first[0].name])):
        return ":material/info:"
    held = [one["knobs"] for arm in now["arms"] for one in arm["tricks"] if one["id"] == trick]
    same = all(knobs == held[0] for knobs in held)
    return text if same else f"{first[0].symbol or first[0].name} …"


def popover(trick: str) -> None:
    """The popover beside a trick; its body is built when it opens."""
    key, label = f"open_{trick}", in_list(trick)
    if st.session_state.get(key):  # a new label would make it a new popover, and close it
        label = st.session_state.get(f"label_{trick}", label)
    st.session_state[f"label_{trick}"] = label
    with st.popover(label, type="tertiary", on_change="rerun", key=key) as place:
        if place.open:
            body(trick)


def body(name: str) -> None:
    """What one wants to know of a trick before ticking it, and its knobs."""
    trick = catalog()[name]
    card = trick.card
    knobs = knobs_of(draft(), name)
    st.markdown(f"**{card.title}** {card.claim}")
    st.latex(card.formula)
    with st.container(key=f"preview_{name}"):
        st.image(preview(name, knobs, dark=arms.dark()), alt=f"What {card.title} does")
    for knob in trick.knobs():
        field(knob, knobs[knob.name], f"knob_{name}_{knob.name}", turn(name, knob.name))
    st.caption(f"**Watch out.** {card.watch_out}")
    paper = words.plain(str(card.paper))
    st.caption(f"[{paper}]({card.paper.url})" if card.paper.url else paper)
    st.page_link("catalog.py", label="Open the card", query_params={"trick": name})


def turn(trick: str, knob: str) -> Callable[[Draft, Any], None]:
    def write(draft: Draft, value: float | None) -> None:
        set_knob(draft, trick, knob, value)

    return write


def step_of(knob: Knob) -> float:
    """A round step that gives at most 100 stops."""
    if knob.integer:
        return 1
    raw = (knob.high - knob.low) / 100
    size = 10.0 ** math.floor(math.log10(raw))
    return next(size * one for one in (1, 2, 5, 10) if size * one >= raw * 0.999)


def field(knob: Knob, value: float | None, key: str, then: Callable[[Draft, Any], None]) -> None:
    """The widget of one knob: a slider where few stops do, else a number."""
    label = knob.name if knob.symbol in ("", knob.name) else f"{knob.name} {knob.symbol}"
    text = knob.help.rstrip(".")
    if knob.neutral is not None:
        text += f". At {knob.neutral:g} it is the baseline"
    make = int if knob.integer else float
    low, high = make(knob.low), make(knob.high)
    step = step_of(knob)
    if knob.default is None:
        st.number_input(
            label,
            low,
            high,
            format="%g",
            placeholder="from the setup",
            help=text,
            **bound(key, value, then, empty=True),
        )
    elif knob.log or (high - low) / step > MANY or not on_grid(knob, step):
        st.number_input(
            label,
            low,
            high,
            step=make(step if not knob.log else knob.default / 10) or make(1),
            format="%d" if knob.integer else "%g",
            help=text,
            **bound(key, make(value or 0), then),
        )
    else:
        st.slider(
            label,
            low,
            high,
            step=make(step),
            format="%d" if knob.integer else "%g",
            help=text,
            **bound(key, make(value or 0), then),
        )


def on_grid(knob: Knob, step: float) -> bool:
    """Whether a slider with this step can stand at the default and at the end."""
    stops = [((value or 0) - knob.low) / step for value in (knob.default, knob.high)]
    return all(abs(stop - round(stop)) < 1e-6 for stop in stops)
