"""The server: `streamlit run app.py`. The page is pages/frame.py, behind pages/parts/door.py."""

from __future__ import annotations

import os
import time
from contextlib import asynccontextmanager
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route
from streamlit import config

from pages.parts import bundle, pace, upkeep, workshop
from pages.parts.door import Door
from pages.parts.own import alone, decide

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LATER = 4.0  # seconds that the first page has before the catalog is drawn ahead

# Read when numpy is imported, which is later. On cores that train, the threads of a small matrix
# wait for each other: sixty times as long, with the whole server waiting for them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def get_ready() -> None:
    """Import what the first page needs while the browser is still loading its scripts.

    Then, once that page has had its time, what the next pages need.
    """
    bundle.packed()
    for name in ("pyarrow", "trainer.supervisor", "trainer.store"):
        import_module(name)
    from tricks import catalog

    catalog()
    time.sleep(LATER)
    import_module("pages.parts.watch")
    import_module("pages.parts.tiles").get_ready()


def who_may_come() -> None:
    """Tell whoever started the server who can reach it, and who that is for it.

    Raises:
        workshop.WrongSetup: the workshop would leave its door open, or nobody could come in.
    """
    reach = not alone(st.get_option("server.address"))
    if workshop.on():
        if workshop.by_login():
            workshop.check_login()
        else:
            workshop.doorkeeper()
        # The door asks everybody who they are, by whatever name they call this machine.
        config.set_option("server.allowedHosts", [])
        print("A workshop: everybody sees their own experiments, the host sees all.")
        if not reach:
            print("Only this machine can reach it. For the others: --server.address=0.0.0.0")
    elif reach:
        print(
            "Everybody who reaches this address can launch, stop and delete everything. "
            "For a room full of people see Workshop in the README."
        )


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Get ready; at the end tell whoever ends the server that the runs do not end with it."""
    decide()
    who_may_come()
    upkeep.few_heaps()
    Thread(target=get_ready, daemon=True).start()
    Thread(target=upkeep.go_on_sweeping, daemon=True).start()
    yield
    from trainer.home import home
    from trainer.store import Store

    counts = Store(home()).counts().values()
    left = sum(states.get("running", 0) + states.get("waiting", 0) for states in counts)
    if left:
        go = "1 run goes" if left == 1 else f"{left} runs go"
        print(f"{go} on without this page. To end them: python -m trainer stop")


app = st.App(
    "pages/frame.py",
    lifespan=lifespan,
    routes=[Route(bundle.PATH, bundle.plotly)],
    middleware=[Middleware(Door, open=pace.open_pages)],
)
