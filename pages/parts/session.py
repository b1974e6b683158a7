"""The draft of this session, and how a widget shows a part of it and writes it back.

The draft is the one truth: a widget is drawn with the draft's value, and what a person changes goes
into the draft before the page is drawn again. When the draft changes otherwise (an example, a way
out of a conflict) the widget is replaced by a new one. It is never set: a run that the next one
cuts short does not deliver what it set, and the browser would send the old value back as if a
person had chosen it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pages.parts.draft import Draft


def draft() -> Draft:
    """The draft on the page."""
    return st.session_state["draft"]


def bound(
    name: str,
    value: Any,
    then: Callable[[Draft, Any], None],
    *,
    default: str = "value",
    empty: bool = False,
) -> dict[str, Any]:
    """Arguments of a widget that shows ``value`` and calls ``then(draft, new value)``.

    ``default``: what the widget calls its first value. ``empty``: an emptied field means something;
    otherwise the draft's value comes back. The key is ``name``, from the second widget on with a
    number: ``name__1``.
    """
    widgets = st.session_state.setdefault("widgets", {})
    count, known = widgets.get(name, (0, value))
    if st.session_state.get(key_of(name, count), known) != value:
        count += 1
    widgets[name] = (count, value)
    args = (name, count, then, empty)
    return {"key": key_of(name, count), default: value, "on_change": took, "args": args}


def key_of(name: str, count: int) -> str:
    return f"{name}__{count}" if count else name


def chosen(
    name: str, options: Sequence[Any], value: Any, then: Callable[[Draft, Any], None]
) -> dict[str, Any]:
    """The same for a selectbox, options included. A value that is none of them chooses nothing."""
    index = options.index(value) if value in options else None
    return bound(name, value, then, default="options") | {"options": options, "index": index}


def took(name: str, count: int, then: Callable[[Draft, Any], None], empty: bool) -> None:
    """A person changed a widget. One that has been replaced has nothing to say any more."""
    if st.session_state["widgets"][name][0] != count:
        return
    value = st.session_state[key_of(name, count)]
    if empty or value is not None:
        act(then, value)
    st.rerun()  # the whole page follows the draft, also when the widget stands in a fragment


def act(change: Callable[..., None], *args: Any) -> None:
    """A button's callback: ``change(draft, ...)``."""
    change(draft(), *args)
    acted()


def acted() -> None:
    """The draft was changed by hand: in the coming run it is newer than the address."""
    st.session_state["acted"] = True


@contextmanager
def side_popover(key: str, label: str, icon: str) -> Iterator[None]:
    """A popover of the sidebar. While it is open its label waits: a new one would close it."""
    if st.session_state.get(key):
        label = st.session_state.get(f"{key}_label", label)
    st.session_state[f"{key}_label"] = label
    # Built when it is closed, too: the page must know its height to open it where there is room.
    with (
        st.popover(label, icon=icon, type="tertiary", key=key, on_change="rerun"),
        st.container(key=f"side_popover_{key}"),
    ):
        yield
