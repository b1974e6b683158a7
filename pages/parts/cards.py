"""A trick's own page in the catalog: everything that is known of it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import chinese, facts, words
from pages.parts.arms import dark
from pages.parts.previews import caption, pictured, preview
from trainer.experiment import pack
from trainer.regimes import try_it

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages.parts.chinese import Language
    from pages.parts.evidence import Evidence
    from pages.parts.finder import Asked
    from tricks.base import Knob, Trick

    Knobs = dict[str, float | None]

WIDE = (620, 220)  # the picture on a card's own page

# The moments of training in the order of trainer/engine.py, and what happens there.
MOMENTS = {
    "Before training": {
        "dataset": "clean, subset or relabel the training set",
        "network": "fill a slot of the network before it is built",
        "initialize": "set the first weights",
        "surgery": "change the built network",
        "rate": "choose the learning rate of the arm",
        "scaled_rate": "fit that rate to the size of the batches",
        "horizon": "say over how many steps the schedules stretch",
        "optimizer": "make the optimizer",
        "begin": "look at network and optimizer before the first step",
    },
    "Every epoch": {"sampler": "decide in which order the examples are read"},
    "Every step": {
        "factor": "multiply the learning rate",
        "batch": "change the examples and their labels",
        "loss": "compute the loss of each example",
        "batch_loss": "change the mean loss of the batch",
        "penalty": "add a term for the weights",
        "gradients": "change the gradients",
        "step": "take the step",
        "after_step": "look at or edit the weights",
    },
    "After an epoch": {"after_epoch": "look at or edit the weights"},
    "Evaluation": {"predictor": "answer on test images instead of the network"},
}


def link(trick: type[Trick], language: Language) -> None:
    """A link to a card."""
    lang = {"lang": "zh"} if language == "zh" else {}
    st.page_link(
        "catalog.py", label=chinese.titles(trick.card, language)[0],
        icon=":material/arrow_forward:", query_params={"trick": trick.id(), **lang},
    )  # fmt: skip


def back(asked: Asked) -> None:
    """The link to the grid as it was left."""
    say = chinese.words(asked.language)
    st.page_link(
        "catalog.py", label=say("All tricks"), icon=":material/arrow_back:",
        query_params=asked.address(),
    )  # fmt: skip


def page(
    trick: type[Trick], evidence: Evidence | None, asked: Asked, languages: Callable[[], None]
) -> None:
    """The page of one trick; ``languages`` draws the switch."""
    card, language = trick.card, asked.language
    title, other = chinese.titles(card, language)
    with st.container(horizontal=True, vertical_alignment="center", key="card-top"):
        back(asked)
        with st.container(horizontal=True, width="content", key="catalog-lang"):
            languages()
    with st.container(horizontal=True, vertical_alignment="bottom", key="card-head"):
        with st.container(gap=None):
            st.title(f"{words.plain(title)} :gray[:small[{words.plain(other)}]]", anchor=False)
            st.markdown(words.plain(chinese.sentence(card, "claim", language)))
        actions = st.container(horizontal=True, width="content", key="card-actions")
    with st.container(horizontal=True, gap="large", key="card-halves"):
        with st.container(key="card-left"):
            knobs = left_half(trick, language)
        with st.container(key="card-right"):
            right_half(trick, evidence, language)
    with actions:
        buttons(trick, knobs, language)


def buttons(trick: type[Trick], knobs: Knobs, language: Language) -> None:
    say = chinese.words(language)
    chosen = {name: value for name, value in knobs.items() if value is not None}
    label = say("Add to my experiment")
    if st.button(label, icon=":material/add:", disabled=trick.is_default, key="card-add"):
        open_lab(added_to_draft(trick.id(), chosen))
    if st.button(
        say("Try it"), type="primary", icon=":material/play_arrow:", key="card-try",
        help=f"{facts.in_words(trick)} Nothing starts before you press Launch.",
    ):  # fmt: skip
        open_lab(try_it(trick, chosen))


def added_to_draft(trick_id: str, knobs: dict[str, float]) -> dict[str, Any]:
    """The plan on the lab's page, or the example it opens with, and this trick in it."""
    import copy

    from pages.parts import draft as drafts
    from pages.parts.examples import example

    draft = copy.deepcopy(st.session_state.get("draft")) or example()
    drafts.tick(draft, trick_id, True)
    for name, value in knobs.items():
        drafts.set_knob(draft, trick_id, name, value)
    return drafts.plan_of(draft)


def open_lab(data: dict[str, Any]) -> None:
    st.switch_page("lab.py", query_params={"plan": pack(data)})


def left_half(trick: type[Trick], language: Language) -> Knobs:
    """Formula, knobs, the picture that answers to them, and the thread's own words."""
    st.latex(trick.card.formula)
    knobs = {knob.name: turn(trick, knob, language) for knob in trick.knobs()}
    if pictured(trick.id()):
        width, height = WIDE
        said = caption(trick.id(), knobs, height=height)
        image = preview(trick.id(), knobs, width=width, height=height, dark=dark())
        st.image(image, width="stretch", alt=said)
        st.caption(said)
    if trick.card.thread:
        lines = trick.card.thread.splitlines()
        st.markdown("\n".join(f"> {words.plain(line)}" for line in lines))
        source = "Zhihu question 30712664, where many of these tricks are collected"
        st.caption(chinese.words(language)(source))
    return knobs


def turn(trick: type[Trick], knob: Knob, language: Language) -> float | None:
    """A slider for one knob; one without a default of its own starts empty."""
    key = f"card-{trick.id()}-{knob.name}"
    label = knob.name if knob.symbol in ("", knob.name) else f"{knob.symbol} ({knob.name})"
    neutral = "" if knob.neutral is None else f" At {knob.neutral:g} this is the baseline."
    about = knob.help.rstrip(".") + "." + neutral
    if knob.default is None:
        return st.number_input(
            label, knob.low, knob.high, None, key=key, help=about, format="%g",
            placeholder=chinese.words(language)("from the setup"),
        )  # fmt: skip
    if knob.integer:
        low, high, default = int(knob.low), int(knob.high), int(knob.default)
        return st.slider(label, low, high, default, key=key, help=about)
    if knob.log and knob.low > 0:
        return st.select_slider(label, rungs(knob), knob.default, key=key, help=about)
    return st.slider(
        label, float(knob.low), float(knob.high), float(knob.default), (knob.high - knob.low) / 100,
        key=key, help=about, format="%g",
    )  # fmt: skip


def rungs(knob: Knob) -> list[float]:
    """1, 2, 5, 10, ... from the lowest to the highest value, with the default among them."""
    import math

    first, last = math.floor(math.log10(knob.low)), math.ceil(math.log10(knob.high))
    steps = (float(f"{digit}e{power}") for power in range(first, last + 1) for digit in (1, 2, 5))
    inside = {step for step in steps if knob.low <= step <= knob.high}
    return sorted(inside | {knob.low, knob.high, float(knob.default or knob.low)})


def right_half(trick: type[Trick], evidence: Evidence | None, language: Language) -> None:
    """The definition list, and what is under the hood."""
    say = chinese.words(language)
    entries = "".join(
        f"<dt>{name}</dt><dd>{html}</dd>" for name, html in facts.rows(trick, evidence, language)
    )
    st.html(f'<dl class="facts">{entries}</dl>')
    if evidence is not None:
        st.page_link(
            "lab.py", label=say("Open “{name}”", name=evidence.experiment_name),
            icon=":material/show_chart:", query_params={"experiment": evidence.experiment_id},
        )  # fmt: skip
    file = Path(inspect.getfile(trick))
    source = file.read_text(encoding="utf-8")
    name = "/".join(file.parts[-3:])
    label = say("{file}, {n} lines", file=name, n=len(source.splitlines()))
    with st.expander(label, icon=":material/code:"):
        st.code(source, language="python", height=480)
    with st.expander(say("The moment of training it changes"), icon=":material/timeline:"):
        st.markdown(moments(trick))


def moments(trick: type[Trick]) -> str:
    """The order of training as Markdown, with the moments of this trick in bold."""
    lines = []
    for part, inside in MOMENTS.items():
        lines.append(f"{part}")
        for name, what in inside.items():
            if trick.changes(name):
                lines.append(f"- **{name}: {what}**")
            else:
                lines.append(f"- :gray[{name}: {what}]")
        lines.append("")
    return "\n".join(lines)
