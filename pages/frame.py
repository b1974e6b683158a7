"""What every page shares: the bar with the pages, the style, and the worker's badge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import own, refusals, words, workshop
from pages.parts.home import seen, wake, worker
from trainer.refusals import REFUSALS

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

PARTS = Path(__file__).parent / "parts"
STARTING, AT_WORK, IDLE = 1, 2, 10  # seconds between two looks at the worker


def badge() -> None:
    """One look at the worker: text, icon and color."""
    try:
        state, row = worker()
    except REFUSALS:  # the page below says why
        state, row = "none", None
    slots = row.slots if row else 0
    workers = "1 worker" if slots == 1 else f"{slots} workers"
    match state:
        case "ready":
            st.badge(f"{workers} ready", icon=":material/check:", color="gray")
        case "busy":
            st.badge(f"{row.busy} of {workers} busy", icon=":material/bolt:", color="blue")
        case "starting":
            st.badge("starting a worker", icon=":material/hourglass_top:", color="gray")
        case _:
            st.badge("no worker", icon=":material/error:", color="red")


def whoami() -> None:
    """In a workshop: whose page this is, and the way out."""
    if who := workshop.person():
        icon = ":material/co_present:" if who.host else ":material/person:"
        with st.popover(words.plain(who.name), icon=icon, type="tertiary", key="whoami"):
            st.markdown(
                "You are the host: you see and stop everybody's experiments."
                if who.host
                else "What you launch is yours: only you and the host see it and stop it."
            )
            if workshop.by_login():
                st.button("Log out", on_click=st.logout)
            else:
                st.markdown("[Leave](/leave), when others use this browser after you.")


def look_for_worker() -> None:
    """The page's heartbeat: as long as it is seen, a worker stays awake."""
    seen()
    wake()


def watch_worker(spot: DeltaGenerator, seconds: int) -> None:
    """Keep the worker awake and show how it is; ``spot`` tells of a store that takes nothing."""
    refusals.banner(spot, refusals.heartbeat(look_for_worker))
    if seconds == STARTING and pulse() > STARTING:
        st.rerun()  # once, with the slower clock
    badge()


def pulse() -> int:
    """Seconds between two looks: few while there is something to see.

    A page whose runs are over keeps the pulse of work until it is drawn anew: to draw it for that
    alone would close what somebody has open.
    """
    try:
        state, row = worker()
    except REFUSALS:
        return IDLE
    if state == "starting":
        return STARTING
    return AT_WORK if row and (row.wanted or row.busy) else IDLE  # busy: it says so a second longer


own.decide()
st.set_page_config(
    page_title="Trickboard",
    page_icon=PARTS / "icon.svg",
    layout="wide",
)
st.html(PARTS / "look.css")
st.logo(PARTS / "logo.svg", icon_image=PARTS / "icon.svg", size="large")
workshop.gate()
page = st.navigation(
    [
        st.Page("lab.py", title="Lab", icon=":material/science:", default=True),
        st.Page("runs.py", title="Runs", icon=":material/stacks:"),
        st.Page("compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page("catalog.py", title="Catalog", icon=":material/menu_book:"),
    ],
    position="top",
)
if page.url_path:  # the lab's plan waits in the session, whatever the address says on return
    st.session_state["planning"] = False
with st.container(horizontal=True, key="topbar", vertical_alignment="center"):
    whoami()
    bar = st.container()
spot = st.empty()
with bar:
    seconds = pulse()
    st.fragment(watch_worker, run_every=seconds)(spot, seconds)
refusals.drawn(page.run)()
