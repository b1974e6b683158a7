"""The catalog: every trick as a tile; one card with ``?trick=``. The address carries the rest."""

from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts import cards, chinese, finder, own, words
from pages.parts.arms import dark
from pages.parts.evidence import measured
from pages.parts.finder import ANY, Asked
from pages.parts.home import store
from pages.parts.tiles import family_name, tiles
from tricks import catalog

FIELDS = ("q", "family", "cost", "network", "task", "thread", "lang")


def arrive() -> None:
    """The widgets follow an address that was opened, linked to, or gone back to."""
    address = {key: value for key, value in st.query_params.items() if key in FIELDS}
    if address != st.session_state.get("catalog_address"):
        put(Asked.read(address))


def put(asked: Asked) -> None:
    for name in FIELDS:
        value: Any = getattr(asked, name)
        st.session_state[f"catalog_{name}"] = value == "1" if name == "thread" else value


def asked_now() -> Asked:
    """What the widgets say."""
    given = {name: st.session_state.get(f"catalog_{name}") for name in FIELDS}
    given["thread"] = "1" if given["thread"] else ANY
    return Asked(**{name: value for name, value in given.items() if value is not None})


def leave(asked: Asked, trick: str | None) -> None:
    """The address says what is shown.

    Always: a link from this page to itself shows the right page, but leaves the old address in
    the bar, while Python is told the new one.
    """
    st.query_params.from_dict(({"trick": trick} if trick else {}) | asked.address())
    st.session_state["catalog_address"] = asked.address()


def clear() -> None:
    put(Asked(lang=st.session_state.get("catalog_lang") or "en"))


def keep(name: str) -> dict[str, Any]:
    return {"key": f"catalog_{name}", "persist_state": "session", "label_visibility": "collapsed"}


def languages() -> None:
    """The switch; a second press on the chosen language changes nothing."""
    st.segmented_control(
        "Language", list(chinese.LANGUAGES), format_func=chinese.LANGUAGES.__getitem__,
        required=True, **keep("lang"),
    )  # fmt: skip


def grid() -> None:
    before = asked_now()
    say = chinese.words(before.language)
    with st.container(horizontal=True, vertical_alignment="bottom", key="catalog-head"):
        with st.container(gap=None):
            st.title(say("Catalog"), anchor=False)
            text = (
                "{n} tricks. Each card has its formula, its source, when it fails, and what it "
                "did on this machine."
            )
            st.markdown(say(text, n=len(catalog())))
        with st.container(horizontal=True, width="content", key="catalog-lang"):
            languages()
    with st.container(horizontal=True, vertical_alignment="center", key="catalog-filters"):
        st.text_input(
            "Search", type="search", live=True, icon=":material/search:", width=300,
            placeholder=say("Search: name, claim, 中文"), **keep("q"),
        )  # fmt: skip
        select("cost", finder.COSTS, say)
        select("network", finder.NETWORKS, say)
        if len(finder.tasks()) > 1:
            select("task", {ANY: "Any task"} | {one: one for one in finder.tasks()}, say)
        st.toggle(
            say("Named in the thread"), key="catalog_thread", persist_state="session",
            width="content",
        )  # fmt: skip
    asked = asked_now()
    wide = finder.found(asked, whatever_family=True)
    counts = {one: sum(trick.family() == one for trick in wide) for one in finder.families()}

    def with_count(name: str) -> str:
        if name == ANY:
            return say("All {n}", n=len(wide))
        return f"{say(family_name(name))} {counts[name]}"

    st.pills("Family", [ANY, *counts], required=True, format_func=with_count, **keep("family"))
    asked = asked_now()
    found = finder.found(asked)
    if asked.narrow() and found:
        with st.container(horizontal=True, vertical_alignment="center", key="catalog-count"):
            text = say("{n} of {all} tricks", n=len(found), all=len(catalog()))
            st.markdown(text, width="content")
            st.button(say("Clear"), on_click=clear, type="tertiary", icon=":material/close:")
    left_out(say)
    if not found:
        no_hit(asked)
    leave(asked, None)
    opened = tiles(found, measured(store()), asked.language, dark=dark())
    if opened in catalog():
        leave(asked, opened)
        st.rerun()


def select(name: str, labels: dict[str, str], say: Any) -> None:
    st.selectbox(
        name.capitalize(), list(labels), format_func=lambda one: say(labels[one]), width=180,
        filter_mode=None, **keep(name),
    )  # fmt: skip


def left_out(say: Any) -> None:
    """The files of one's own that did not become tricks."""
    for file, reason, remedy in own.troubles():
        st.warning(
            f"{words.plain(reason)} {words.plain(remedy)}",
            title=f"{say('This file is left out')}: {words.plain(file)}",
            icon=":material/warning:",
        )


def no_hit(asked: Asked) -> None:
    """Nothing matches: what may have been meant, and the way back."""
    say = chinese.words(asked.language)
    query = asked.q.strip()
    guess = finder.nearest(query) if query else None
    with st.container(border=True, key="no-hit"):
        said = say("No trick matches “{query}”.", query=words.plain(query))
        said = said if query else say("No trick matches this.")
        if guess is not None:
            title = chinese.titles(guess.card, asked.language)[0]
            said += " " + say("Did you mean **{title}**?", title=title)
        st.markdown(said)
        if guess is not None:
            cards.link(guess, asked.language)
        st.button(say("Clear the search"), on_click=clear)


def unknown(trick_id: str, asked: Asked) -> None:
    """An address that names no trick."""
    say = chinese.words(asked.language)
    guess = finder.nearest(trick_id)
    shown = words.plain(trick_id[:40])
    st.title(say("No such trick"), anchor=False)
    with st.container(border=True, key="unknown-trick"):
        st.markdown(
            f"There is no trick “{shown}” in this catalog. It may have been renamed, or the "
            "address was cut off."
        )
        left_out(say)
        if guess is not None:
            title = chinese.titles(guess.card, asked.language)[0]
            st.markdown(say("Did you mean **{title}**?", title=title))
            cards.link(guess, asked.language)
        cards.back(asked)


st.html(Path(__file__).parent / "parts" / "catalog.css")
chosen = st.query_params.get("trick")
arrive()
if chosen is None:
    grid()
elif chosen not in catalog():
    unknown(chosen, asked_now())
    leave(asked_now(), chosen)
else:
    cards.page(catalog()[chosen], measured(store()).get(chosen), asked_now(), languages)
    leave(asked_now(), chosen)
