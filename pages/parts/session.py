"""The draft of this session, and how a widget shows a part of it and writes it back.

The draft is the one truth: before a widget is drawn it is given the draft's value, and what a
person changes goes into the draft before the page is drawn again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pages.parts.draft import Draft


def draft() -> Draft:
    """The draft on the page."""
    return st.session_state["draft"]


def bound(
    key: str,
    value: Any,
    then: Callable[[Draft, Any], None],
    *,
    default: str = "value",
    empty: bool = False,
) -> dict[str, Any]:
    """Arguments of a widget that shows ``value`` and calls ``then(draft, new value)``.

    ``default``: what the widget calls its first value. It is given too, because what is set here
    reaches the browser once only, and a run that the next one cuts short may not deliver it.
    ``empty``: an emptied field means something; otherwise the draft's value comes back.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return {"key": key, default: value, "on_change": took, "args": (key, then, empty)}


def chosen(
    key: str, options: Sequence[Any], value: Any, then: Callable[[Draft, Any], None]
) -> dict[str, Any]:
    """The same for a selectbox, options included. None chooses nothing."""
    index = options.index(value) if value in options else None
    given = bound(key, value, then, default="options")
    return given | {"options": options, "index": index}


def took(key: str, then: Callable[[Draft, Any], None], empty: bool) -> None:
    value = st.session_state[key]
    if empty or value is not None:
        then(draft(), value)
    st.rerun()  # the whole page follows the draft, also when the widget stands in a fragment


def act(change: Callable[..., None], *args: Any) -> None:
    """A button's callback: ``change(draft, ...)``."""
    change(draft(), *args)
