"""What the comparing page is asked to show: it stands in the address and nowhere else.

``/compare?experiments=a,b&group=arm,lr&base=...&apart=1``: lists are joined by commas, what is as
usual is left out, so the link opens the same view everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Mapping

LATEST, EVERY = "latest", "all"
METRICS = ("test_accuracy", "test_loss")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The choices. Empty means as usual: all data, the usual grouping, the first group as base.

    ``state`` keeps only runs in these states, ``apart`` shows what cannot be compared, ``only``
    hides the settings in which nothing differs.
    """

    experiments: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    base: str = ""
    metric: str = ""
    data: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    trick: tuple[str, ...] = ()
    text: str = ""
    state: tuple[str, ...] = ()
    apart: bool = False
    only: bool = False

    @property
    def filters(self) -> int:
        """How many kinds of filters are set."""
        return sum(map(bool, (self.data, self.network, self.trick, self.text, self.state)))


def read(address: Mapping[str, str]) -> Wish:
    """The wish in an address; values it cannot have are ignored."""
    known: dict[str, Any] = {}
    for field in fields(Wish):
        text = address.get(field.name, "")
        if isinstance(field.default, tuple):
            known[field.name] = tuple(dict.fromkeys(one for one in text.split(",") if one))
        elif isinstance(field.default, bool):
            known[field.name] = text == "1"
        else:
            known[field.name] = text
    if known["metric"] not in METRICS:
        known["metric"] = ""
    return Wish(**known)


def put(name: str, value: Any) -> None:
    """Write one choice into the address; an empty one leaves it."""
    if isinstance(value, list | tuple):
        value = ",".join(value)
    elif isinstance(value, bool):
        value = "1" if value else ""
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def keep(name: str) -> None:
    """A control was changed: its value goes into the address."""
    put(name, st.session_state[f"compare_{name}"] or "")


def control(name: str, value: Any) -> dict[str, Any]:
    """Arguments of a control that shows what the address says."""
    st.session_state[f"compare_{name}"] = value
    return {"key": f"compare_{name}", "on_change": keep, "args": (name,)}
