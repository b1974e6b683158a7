"""What is worked out of an experiment that has ended, kept for all sessions.

Runs that ended never change, so the store's path, the experiment and the number of its runs in
each state decide it. Unlike Streamlit's own cache this one tells what it lacks, so that all of
that can be read at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trainer.store import ExperimentRow

MOST = 20_000  # that are kept; then those that were made first go

Key = tuple[str, tuple[tuple[str, int], ...]]


@st.cache_resource(show_spinner=False)
def kept(path: str, what: str) -> dict[Key, Any]:
    return {}


def once(
    path: str,
    what: str,
    rows: Sequence[ExperimentRow],
    states: Mapping[str, Mapping[str, int]],
    make: Callable[[list[ExperimentRow]], Mapping[str, Any]],
) -> dict[str, Any]:
    """``what`` of each experiment, by id. ``make`` gives it for those of which it is not known."""
    known = kept(path, what)
    keys = {row.id: (row.id, tuple(sorted(states.get(row.id, {}).items()))) for row in rows}
    missing = [row for row in rows if keys[row.id] not in known]
    made = make(missing) if missing else {}
    known.update({keys[id]: value for id, value in made.items()})
    found = {id: made[id] if id in made else known[key] for id, key in keys.items()}
    for key in list(known)[: max(0, len(known) - MOST)]:
        known.pop(key, None)
    return found
