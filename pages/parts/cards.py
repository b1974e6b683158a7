"""A trick in the catalog: its card in the grid, and its page with everything known of it."""

from __future__ import annotations

import inspect
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import words
from pages.parts.evidence import Evidence, difference
from pages.parts.previews import caption, pictured, preview
from pages.parts.regimes import TURNED, try_it
from trainer.experiment import pack
from trainer.statistics import WORDS
from tricks import catalog

if TYPE_CHECKING:
    from tricks.base import Knob, Rule, Trick

    Knobs = dict[str, float | None]

WIDE = (620, 220)  # the picture on a card's own page

# The moments of training in the order of trainer/engine.py, and what happens there.
MOMENTS = {
    "Before training": {
        "dataset": "clean, subset or relabel the training set",
        "network": "fill a slot of the network before it is built",
        "initialize": "set the first weights",
        "rate": "choose the learning rate of the arm",
        "optimizer": "make the optimizer",
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


def dark() -> bool:
    return st.context.theme.type == "dark"


def family_name(family: str) -> str:
    return family.replace("_", " ").capitalize()


def small_card(trick: type[Trick], evidence: Evidence | None) -> None:
    """One cell of the grid."""
    card = trick.card
    with st.container(border=True, height="stretch", gap="xsmall", key=f"card-{trick.id()}"):
        picture(trick, {}, width=220, height=64)
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
            st.page_link(
                "catalog.py", label=card.title, width="stretch", query_params={"trick": trick.id()}
            )
            st.caption(card.title_zh, text_alignment="right", width="content")
        with st.container(key=f"claim-{trick.id()}"):
            st.markdown(words.plain(card.claim))
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.caption(family_name(trick.family()), width="content")
            st.caption(in_short(evidence), width="content")


def in_short(evidence: Evidence | None) -> str:
    """``+9.6 points · better``."""
    if evidence is None or evidence.comparison.mean is None:
        return "not measured yet"
    found = evidence.comparison
    return f"{difference(found.mean, evidence.metric)} · {WORDS[found.verdict]}"


def picture(trick: type[Trick], knobs: Knobs, *, width: int, height: int) -> str:
    """Draw the preview, or without one set the formula large. Returns the words for it."""
    if not pictured(trick.id()):
        st.latex(trick.card.formula)
        return ""
    said = caption(trick.id(), knobs, height=height)
    image = preview(trick.id(), knobs, width=width, height=height, dark=dark())
    st.image(image, width="stretch", alt=said)
    return said


def page(trick: type[Trick], evidence: Evidence | None) -> None:
    """The page of one trick."""
    card = trick.card
    st.page_link("catalog.py", label="All tricks", icon=":material/arrow_back:")
    with st.container(horizontal=True, vertical_alignment="bottom", key="card-head"):
        with st.container(gap=None):
            st.title(f"{card.title} :gray[:small[{card.title_zh}]]", anchor=False)
            st.markdown(words.plain(card.claim))
        actions = st.container(horizontal=True, width="content", key="card-actions")
    with st.container(horizontal=True, gap="large", key="card-halves"):
        with st.container(key="card-left"):
            knobs = left_half(trick)
        with st.container(key="card-right"):
            right_half(trick, evidence)
    with actions:
        buttons(trick, knobs)


def buttons(trick: type[Trick], knobs: Knobs) -> None:
    chosen = {name: value for name, value in knobs.items() if value is not None}
    if st.button("Add to my experiment", icon=":material/add:", disabled=trick.is_default):
        open_lab(added_to_draft(trick.id(), chosen))
    if st.button("Try it", type="primary", icon=":material/play_arrow:", help=about_try_it(trick)):
        open_lab(try_it(trick, chosen))


def about_try_it(trick: type[Trick]) -> str:
    shown = [one["name"] for one in try_it(trick, {})["arms"]]
    said = (
        f"Opens the lab with {words.listed(shown)}, enough seeds for a verdict, and a setup in "
        "which they have something to do. Nothing starts before you press Launch."
    )
    values = [f"{name} {value:g}" for name, value in TURNED.get(trick.id(), {}).items()]
    return f"{said} Left at its default, it takes {words.listed(values)}." if values else said


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


def left_half(trick: type[Trick]) -> Knobs:
    """Formula, knobs, and the picture that answers to them."""
    st.latex(trick.card.formula)
    knobs = {knob.name: turn(trick, knob) for knob in trick.knobs()}
    if pictured(trick.id()):
        width, height = WIDE
        said = picture(trick, knobs, width=width, height=height)
        st.caption(said)
    if trick.card.thread:
        st.markdown("\n".join(f"> {line}" for line in trick.card.thread.splitlines()))
        st.caption("Zhihu question 30712664, where many of these tricks are collected")
    return knobs


def turn(trick: type[Trick], knob: Knob) -> float | None:
    """A slider for one knob; one without a default of its own starts empty."""
    key = f"card-{trick.id()}-{knob.name}"
    label = knob.name if knob.symbol in ("", knob.name) else f"{knob.symbol} ({knob.name})"
    neutral = "" if knob.neutral is None else f" At {knob.neutral:g} this is the baseline."
    about = knob.help.rstrip(".") + "." + neutral
    if knob.default is None:
        return st.number_input(
            label, knob.low, knob.high, None, key=key, help=about, format="%g",
            placeholder="from the setup",
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


def right_half(trick: type[Trick], evidence: Evidence | None) -> None:
    """The definition list, and what is under the hood."""
    entries = "".join(f"<dt>{name}</dt><dd>{html}</dd>" for name, html in facts(trick, evidence))
    st.html(f'<dl class="facts">{entries}</dl>')
    if evidence is not None:
        st.page_link(
            "lab.py", label=f"Open “{evidence.experiment_name}”", icon=":material/show_chart:",
            query_params={"experiment": evidence.experiment_id},
        )  # fmt: skip
    file = Path(inspect.getfile(trick))
    source = file.read_text(encoding="utf-8")
    name = "/".join(file.parts[-3:])
    with st.expander(f"{name}, {len(source.splitlines())} lines", icon=":material/code:"):
        st.code(source, language="python", height=480)
    with st.expander("The moment of training it changes", icon=":material/timeline:"):
        st.markdown(moments(trick))


def facts(trick: type[Trick], evidence: Evidence | None) -> list[tuple[str, str]]:
    """The rows of the definition list, as HTML."""
    card = trick.card
    source = escape(str(card.paper))
    if card.paper.url:
        source = f'<a href="{card.paper.url}" target="_blank" rel="noopener">{source}</a>'
    return [
        ("Use it when", escape(card.when)),
        ("Watch out", escape(card.watch_out)),
        ("Costs", escape(card.cost[0].upper() + card.cost[1:])),
        ("Published", escape(card.published or "No number that we could verify.")),
        ("Measured here", measured(trick, evidence)),
        ("Paper", f"{source}: {escape(card.paper.title)}"),
        ("Not with", escape(not_with(trick))),
    ]


def measured(trick: type[Trick], evidence: Evidence | None) -> str:
    """The difference with its interval, n and the setup, as HTML."""
    if evidence is None or evidence.comparison.mean is None:
        return "Not yet. <em>Try it</em> opens an experiment that measures it."
    found, metric = evidence.comparison, evidence.metric
    said = f"<strong>{difference(found.mean, metric)}</strong>, {WORDS[found.verdict]}"
    if found.low is not None and found.high is not None:
        low, high = (difference(one, metric, unit=False) for one in (found.low, found.high))
        said += f", 95 % interval {low} to {high}"
    turned = [
        f"{knob.symbol or knob.name} {evidence.knobs[knob.name]:g}"
        for knob in trick.knobs()
        if evidence.knobs.get(knob.name) is not None
    ]
    where = [f"with {words.listed(turned)}"] * bool(turned) + [f"on {evidence.setup}"]
    return f"{said}, n = {found.n}; {escape(' '.join(where))}"


def not_with(trick: type[Trick]) -> str:
    """The tricks that exclude this one by their slot, and those a rule warns of."""
    same = [
        one.card.title
        for one in catalog().values()
        if one is not trick and one.slot is not None and one.slot == trick.slot
    ]
    said = []
    if same and trick.slot:
        said.append(f"{words.listed(same)} (one {trick.slot} in an arm)")
    kinds: dict[str, list[str]] = {}
    for kind, other in rules_between(trick):
        if other not in kinds.setdefault(kind, []) and other not in same:
            kinds[kind].append(other)
    for kind, comment in (("error", "excluded"), ("warning", "with care"), ("hint", "a hint")):
        if kinds.get(kind):
            said.append(f"{words.listed(kinds[kind])} ({comment})")
    return "; ".join(said) or "Nothing in this catalog."


def rules_between(trick: type[Trick]) -> list[tuple[str, str]]:
    """Kind and title of the other trick, for rules on this card and on the other's."""
    found = [(rule.kind, title) for rule in trick.card.rules for title in meets(rule)]
    for one in catalog().values():
        if one is trick:
            continue
        for rule in one.card.rules:
            if rule.other == trick.id() or (trick.slot and rule.other == f"slot:{trick.slot}"):
                found.append((rule.kind, one.card.title))
    return found


def meets(rule: Rule) -> list[str]:
    """What a rule is about besides its own trick; nothing if it is about the setup."""
    if rule.other is None:
        return []
    if rule.other.startswith("slot:"):
        return [f"any {rule.other.removeprefix('slot:')}"]
    return [catalog()[rule.other].card.title]


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
