"""Presenting: the page alone and larger, for the last row. ``present=1`` in the address."""

from __future__ import annotations

from pathlib import Path

import streamlit as st


def presenting() -> bool:
    """Whether the address asks for it."""
    return st.query_params.get("present") == "1"


def stage() -> None:
    """No bar, no sidebar, larger letters: the style sheet that makes it so."""
    st.html(Path(__file__).with_name("present.css"))


def present_button() -> None:
    """Begins it, or ends it, as Escape does."""
    if presenting():
        if st.button("Leave", icon=":material/close:", key="present", shortcut="Esc"):
            st.query_params.pop("present", None)
            st.rerun()
    elif st.button(
        "Present",
        icon=":material/present_to_all:",
        key="present",
        help="The page alone, larger. Escape leaves.",
    ):
        st.query_params["present"] = "1"
        st.rerun()
