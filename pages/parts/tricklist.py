"""The list of tricks: search, filter, a row each, family by family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import words
from pages.parts.draft import Draft, tick
from pages.parts.finder import family_order, matches, nearest
from pages.parts.knobs import popover
from pages.parts.session import bound, draft
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainer.checks import Notice
    from tricks.base import Trick

GROUPS = {
    "Network": {"activation", "normalization", "architecture", "initialization"},
    "Data": {"augmentation", "data"},
    "Own": {"own"},
}
FILTERS = ["All", "Chosen", "Network", "Training", "Data"]
OWN = "Own"  # stands among the filters where a person has tricks of one's own
TALL = 40  # a list of more tricks scrolls in a frame of its own
FRAME = 560
MARKS = {"error": ":red[:material/block: {}]", "warning": ":orange[:material/warning: {}]"}


def group(trick: type[Trick]) -> str:
    """Network, Training or Data."""
    family = trick.family()
    return next((name for name, families in GROUPS.items() if family in families), "Training")


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
            filters(),
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
    height = FRAME if len(found) > TALL else "content"
    with (
        st.container(border=True, height=height, key="listbox"),
        st.container(key="tricklist"),
    ):
        families(found, marked, whole=bool(query) or shown == "Chosen")


def filters() -> list[str]:
    own = any(one.family() == "own" for one in catalog().values())
    return [*FILTERS, OWN] if own else FILTERS


def matching(query: str) -> list[type[Trick]]:
    """Tricks with all words of the query in a title, the id or a sentence of the card."""
    return [one for one in catalog().values() if matches(one, query)]


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
    guess = nearest(query)
    hint = f" Did you mean {guess.card.title}?" if guess else ""
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


def families(found: list[type[Trick]], marked: dict[str, str], *, whole: bool) -> None:
    """A part for each family that opens and closes; its rows are made when it is open.

    At first those are open that hold a ticked or a marked trick. ``whole``: what a search found
    stands open, under plain headings.
    """
    ticked = draft()["ticked"]
    for family in sorted({one.family() for one in found}, key=family_order):
        own = [one for one in found if one.family() == family]
        own.sort(key=lambda one: (not one.is_default, one.card.title))
        title = family.replace("_", " ").capitalize()
        if whole:
            with st.container(key=f"family_{family}", gap=None):
                st.caption(f"{title} {len(own)}")
                rows(own, marked)
            continue
        chosen = sum(one.id() in ticked for one in own)
        if chosen or any(one.id() in marked for one in own):
            opened().setdefault(family, True)
        label = f"{title} {len(own)}" + f" · **{chosen} chosen**" * bool(chosen)
        key = f"opened_{family}_{chosen}"  # a new label makes a new part, which shows the old state
        with st.container(key=f"family_{family}", gap=None):
            part = st.expander(
                label, expanded=opened().get(family, False), type="compact", key=key,
                on_change=turned, args=(family, key),
            )  # fmt: skip
            if part.open:
                with part:
                    rows(own, marked)


def opened() -> dict[str, bool]:
    """The families that stand open in this session, or were closed by hand."""
    known: dict[str, bool] = st.session_state.setdefault("opened_families", {})
    return known


def turned(family: str, key: str) -> None:
    opened()[family] = bool(st.session_state[key])


def rows(own: list[type[Trick]], marked: dict[str, str]) -> None:
    with st.container(key=f"rows_{own[0].family()}", gap=None):
        for trick in own:
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
