"""What the runs on the comparing page were trained with, read once for all sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import home
from trainer import provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.comparing import Entry
    from trainer.provenance import Made

ENDED = ("done", "diverged")  # these never change any more
MOST = 50_000  # runs that are kept; then those that were read first go


@st.cache_resource(show_spinner=False)
def kept(path: str) -> dict[tuple[str, int], Made | None]:
    return {}


def made_of(entries: Sequence[Entry]) -> Mapping[str, Made | None]:
    """Versions and machine of every run that ended, by its id; None: it did not record them."""
    store = home.store()
    known = kept(str(store.path))
    keys = {one.run.id: (one.run.id, one.run.attempt) for one in entries if one.run.state in ENDED}
    if missing := {id for id, key in keys.items() if key not in known}:
        reports = store.reports(missing)
        known |= {keys[id]: provenance.of_report(reports.get(id)) for id in missing}
    found = {id: known[key] for id, key in keys.items()}
    for key in list(known)[: max(0, len(known) - MOST)]:
        known.pop(key, None)
    return found
