"""The catalog: every trick as a card; one card with ``?trick=``."""

import difflib
from pathlib import Path

import streamlit as st

from pages.parts import cards, words
from pages.parts.evidence import measured
from pages.parts.home import store
from tricks import catalog
from tricks.base import Trick

ALL = "All"


def matches(trick: type[Trick], query: str) -> bool:
    """Every word of the query stands in the name, the Chinese name, the id or the claim."""
    card = trick.card
    text = " ".join((card.title, card.title_zh, trick.id(), card.claim)).casefold()
    return all(word in text for word in query.casefold().split())


def nearest(query: str) -> type[Trick] | None:
    """The trick whose name, id or a word of them is most like what was typed."""
    names: dict[str, type[Trick]] = {}
    for trick in catalog().values():
        title = trick.card.title.casefold()
        parts = [*title.replace("(", " ").replace(")", " ").split(), *trick.id().split("_")]
        for name in (title, trick.id(), trick.card.title_zh, *parts):
            names.setdefault(name, trick)
    close = difflib.get_close_matches(query.casefold().strip(), names, n=1, cutoff=0.6)
    return names[close[0]] if close else None


def no_hit(query: str) -> None:
    """Nothing matches: what may have been meant, and the way back."""
    guess = nearest(query)
    said = f"No trick matches “{words.plain(query.strip())}”."
    with st.container(border=True, key="no-hit"):
        if guess is None:
            st.markdown(said)
        else:
            st.markdown(f"{said} Did you mean **{guess.card.title}**?")
            st.page_link(
                "catalog.py", label=guess.card.title, icon=":material/arrow_forward:",
                query_params={"trick": guess.id()},
            )  # fmt: skip
        st.button("Clear the search", on_click=clear)


def clear() -> None:
    st.session_state["catalog_search"] = ""
    st.session_state["catalog_family"] = ALL


def unknown(trick_id: str) -> None:
    """An address that names no trick."""
    guess = nearest(trick_id)
    shown = words.plain(trick_id[:40])
    st.title("No such trick", anchor=False)
    with st.container(border=True, key="unknown-trick"):
        st.markdown(
            f"There is no trick “{shown}” in this catalog. It may have been renamed, or the "
            "address was cut off."
        )
        if guess is not None:
            st.page_link(
                "catalog.py", label=f"Did you mean {guess.card.title}?",
                icon=":material/arrow_forward:", query_params={"trick": guess.id()},
            )  # fmt: skip
        st.page_link("catalog.py", label="All tricks", icon=":material/arrow_back:")


def families(found: list[type[Trick]]) -> dict[str, int]:
    """How many of the tricks found each family has, in the catalog's order."""
    counts = dict.fromkeys((one.family() for one in catalog().values()), 0)
    for one in found:
        counts[one.family()] += 1
    return counts


def grid() -> None:
    tricks = list(catalog().values())
    with st.container(horizontal=True, vertical_alignment="bottom", key="catalog-head"):
        with st.container(gap=None):
            st.title("Catalog", anchor=False)
            st.markdown(
                f"{len(tricks)} tricks. Each card has its formula, its source, when it fails, "
                "and what it did on this machine."
            )
        query = st.text_input(
            "Search", type="search", live=True, key="catalog_search", persist_state="session",
            label_visibility="collapsed", placeholder="Search: name, claim, 中文",
            icon=":material/search:", width=300,
        )  # fmt: skip
    found = [one for one in tricks if matches(one, query or "")]
    counts = families(found)

    def with_count(name: str) -> str:
        return f"All {len(found)}" if name == ALL else f"{cards.family_name(name)} {counts[name]}"

    family = st.pills(
        "Family", [ALL, *counts], default=ALL, required=True, format_func=with_count,
        key="catalog_family", persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    if not found:
        no_hit(query or "")
        return
    shown = [one for one in found if family in (ALL, None, one.family())]
    if not shown:
        st.markdown(f"No trick of this family matches “{words.plain(query or '')}”.")
        st.button("Clear the search", on_click=clear)
        return
    evidence = measured(store())
    with st.grid(min_column_width=250, gap="small", key="catalog-grid"):
        for one in shown:
            cards.small_card(one, evidence.get(one.id()))


st.html(Path(__file__).parent / "parts" / "catalog.css")
chosen = st.query_params.get("trick")
# A link from this page to itself shows the right page, but leaves the old address in the bar.
st.query_params.from_dict({} if chosen is None else {"trick": chosen})
if chosen is None:
    grid()
elif chosen not in catalog():
    unknown(chosen)
else:
    cards.page(catalog()[chosen], measured(store()).get(chosen))
