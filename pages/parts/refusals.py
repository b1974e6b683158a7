"""When the store refuses: a message instead of a traceback, wherever on a page it happens.

``drawn`` is for what draws (a page, a fragment), ``wished`` for a button's callback, and
``heartbeat`` tells of a store that can be read and takes nothing.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import streamlit as st

from pages.parts import words
from trainer import home
from trainer.home import store_file
from trainer.refusals import REFUSALS, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator

P = ParamSpec("P")
REFUSED = "store_refused"  # in the session: what is wrong while the store takes nothing
UNDONE = "wish_refused"  # in the session: what the last press could not do, and why


def told(error: Exception) -> str:
    """The sentences, as they are."""
    if isinstance(error, home.StoreError):  # there may be no home to ask for
        return str(error)
    return refusal(error, store_file(home.home()))


def said(error: Exception) -> str:
    """The sentences, as markdown that shows every sign as it is."""
    return words.plain(told(error))


def drawn(draw: Callable[P, None]) -> Callable[P, None]:
    """What cannot be drawn because the store refuses says so, where it would have been."""

    @wraps(draw)
    def careful(*args: P.args, **named: P.kwargs) -> None:
        if undone := st.session_state.pop(UNDONE, None):  # callbacks may not draw
            st.toast(undone, icon=":material/block:", duration="infinite")
        try:
            draw(*args, **named)
        except REFUSALS as error:
            text = said(error)
            if text != st.session_state.get(REFUSED):  # else it stands above already
                show(text)

    return careful


def wished(change: Callable[P, None]) -> Callable[P, None]:
    """What a button could not do because the store refuses is told; the page goes on."""

    @wraps(change)
    def careful(*args: P.args, **named: P.kwargs) -> None:
        try:
            change(*args, **named)
        except REFUSALS as error:
            st.session_state[UNDONE] = f"**Nothing was changed.** {said(error)} Then try again."

    return careful


def heartbeat(beat: Callable[[], None]) -> str | None:
    """Why the store does not take a sign of life; None if it does."""
    try:
        beat()
    except REFUSALS as error:
        st.session_state[REFUSED] = said(error)
    else:
        st.session_state.pop(REFUSED, None)
    return st.session_state.get(REFUSED)


def banner(spot: DeltaGenerator, text: str | None) -> None:
    """Above the page, as long as the store takes nothing."""
    if text is None:
        spot.empty()
    else:
        with spot:
            show(text)


def show(text: str) -> None:
    st.error(text, title="The store refuses", icon=":material/database_off:")
