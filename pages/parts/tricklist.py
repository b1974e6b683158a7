"""The list of tricks: search, filter, a row each, family by family."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import words
from pages.parts.draft import Draft, tick
from pages.parts.knobs import popover
from pages.parts.session import bound, draft
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainer.checks import Notice
    from tricks.base import Trick

# Families as a network is made: what it is, how it learns, what it learns from. New ones follow.
FAMILIES = (
    "activation", "normalization", "architecture", "initialization", "regularization", "loss",
    "optimizer", "schedule", "augmentation", "data",
)  # fmt: skip
GROUPS = {
    "Network": {"activation", "normalization", "architecture", "initialization"},
    "Data": {"augmentation", "data"},
}
FILTERS = ["All", "Chosen", "Network", "Training", "Data"]
TALL = 40  # a longer list scrolls in a frame of its own
MARKS = {"error": ":red[:material/block: {}]", "warning": ":orange[:material/warning: {}]"}


def group(trick: type[Trick]) -> str:
    """Network, Training or Data."""
    family = trick.family()
    return next((name for name, families in GROUPS.items() if family in families), "Training")


def family_order(family: str) -> tuple[int, str]:
    return (FAMILIES.index(family) if family in FAMILIES else len(FAMILIES), family)


@st.fragment
def trick_list(notices: Sequence[Notice]) -> None:
    """Search, pills and the list. Tricks that a notice is about are marked.

    A fragment: a letter typed or a popover opened draws the list anew and nothing else.
    """
    chosen = len(draft()["ticked"])
    with st.container(horizontal=True, key="tricks_head", vertical_alignment="center"):
        st.subheader("Tricks", anchor=False, width="content")
        query = st.text_input(
            "Search",
            type="search",
            live=True,
            key="search",
            placeholder=f"Search {len(catalog())} tricks",
            label_visibility="collapsed",
            persist_state="session",
        )
        shown = st.pills(
            "Show",
            FILTERS,
            default="All",
            required=True,
            format_func=lambda one: f"Chosen {chosen}" if one == "Chosen" else one,
            key="filter",
            label_visibility="collapsed",
            persist_state="session",
        )
    found = [one for one in matching(query or "") if passes(one, shown or "All")]
    if not found:
        with st.container(border=True, key="no_tricks"):
            nothing(query or "", shown or "All")
        return
    marked = marks(notices)
    height = 480 if len(found) > TALL else "content"
    with (
        st.container(border=True, height=height, key="listbox"),
        st.container(key="tricklist"),
    ):
        rows(found, marked)


def matching(query: str) -> list[type[Trick]]:
    """Tricks with all words of the query in name, Chinese name, id or claim."""
    asked = query.lower().split()
    return [
        one
        for one in catalog().values()
        if all(
            word in f"{one.card.title} {one.card.title_zh} {one.id()} {one.card.claim}".lower()
            for word in asked
        )
    ]


def passes(trick: type[Trick], shown: str) -> bool:
    if shown == "Chosen":
        return trick.id() in draft()["ticked"]
    return shown in ("All", group(trick))


def nothing(query: str, shown: str) -> None:
    """Why the list is empty, and the way out."""
    if not query:
        st.markdown("No trick is ticked yet. Tick one to compare it with the baseline.")
        return
    where = "" if shown == "All" else f" among {shown}"
    names = {one.card.title.lower(): one.card.title for one in catalog().values()}
    close = difflib.get_close_matches(query.lower(), names, n=1, cutoff=0.5)
    hint = f" Did you mean {names[close[0]]}?" if close else ""
    st.markdown(f"No trick matches “{words.plain(query)}”{where}.{hint}")
    st.button("Clear the search", on_click=clear)


def clear() -> None:
    st.session_state["search"] = ""
    st.session_state["filter"] = "All"


def marks(notices: Iterable[Notice]) -> dict[str, str]:
    """What is wrong with a trick, the worst of it: id -> error or warning."""
    found: dict[str, str] = {}
    for one in notices:
        for trick in one.tricks:
            if one.kind in MARKS and found.get(trick) != "error":
                found[trick] = one.kind
    return found


def rows(found: list[type[Trick]], marked: dict[str, str]) -> None:
    """One container per family, which stays in one piece."""
    for family in sorted({one.family() for one in found}, key=family_order):
        with st.container(key=f"family_{family}", gap=None):
            st.caption(family.replace("_", " ").capitalize())
            own = [one for one in found if one.family() == family]
            for trick in sorted(own, key=lambda one: (not one.is_default, one.card.title)):
                row(trick, marked.get(trick.id()))


def row(trick: type[Trick], mark: str | None) -> None:
    name = trick.id()
    title = trick.card.title
    with st.container(horizontal=True, key=f"row_{name}", vertical_alignment="center", gap=None):
        st.checkbox(
            MARKS[mark].format(title) if mark else title,
            width="stretch",
            **bound(f"tick_{name}", name in draft()["ticked"], ticking(name)),
        )
        popover(name)


def ticking(name: str) -> Any:
    def write(draft: Draft, on: bool) -> None:
        tick(draft, name, on)

    return write
