"""Tricks of one's own: whether this server loads them, and what the catalog says of the files."""

from __future__ import annotations

import ipaddress
import os

import streamlit as st

from pages.parts import workshop
from tricks import own, problems


def decide() -> None:
    """Before the catalog is read: files of a person's own run only where nobody else looks in.

    TRICKBOARD_OWN_TRICKS, if it is set, has decided already. The worker inherits it.
    """
    nobody_else = alone(st.get_option("server.address")) and not workshop.on()
    os.environ.setdefault(own.SWITCH, "1" if nobody_else else "0")


def alone(address: str | None) -> bool:
    """Whether a server at this address is heard by this machine only."""
    if not address:  # Streamlit listens everywhere
        return False
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def troubles() -> list[tuple[str, str, str]]:
    """The files that did not become tricks: name, reason, what to do. The host's own affair."""
    if workshop.is_guest():
        return []
    return [tuple(one) for one in problems()]
