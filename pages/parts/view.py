"""How the curves are drawn: settings that live in the address, never in the experiment.

The address is the only truth. A value it does not know is ignored, a default is left out, so that
the address pasted elsewhere gives the same picture.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Mapping

CHOICES = {
    "axis": ("step", "epoch", "seconds"),
    "curves": ("test", "train"),
    "band": ("interval", "deviation", "range"),
}
BANDS = {  # on the button, at a chart's title, in the note under the charts
    "interval": ("95 % t", "95 % t band", "95 % t intervals of the mean"),
    "deviation": ("SD", "± SD band", "one standard deviation of the runs around the mean"),
    "range": ("min, max", "min–max band", "from the lowest run to the highest"),
}
STRONGEST = 0.95  # smoothing


@dataclass(frozen=True, kw_only=True)
class View:
    """The settings, with their defaults."""

    axis: str = "epoch"
    curves: str = "test"
    smoothing: float = 0.0
    runs: bool = True
    bands: bool = True
    band: str = "interval"
    logloss: bool = False
    logstep: bool = False


def read(address: Mapping[str, str]) -> View:
    """The view that an address asks for."""
    known = {}
    for field in fields(View):
        text = address.get(field.name)
        value = None if text is None else parsed(field.name, text, field.default)
        if value is not None:
            known[field.name] = value
    return View(**known)


def parsed(name: str, text: str, default: Any) -> Any:
    """The value of one setting, None if the text is not one."""
    if name in CHOICES:
        return text if text in CHOICES[name] else None
    if isinstance(default, bool):
        return {"0": False, "1": True}.get(text)
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= STRONGEST else None


def written(view: View) -> dict[str, str]:
    """What of a view stands in the address: all that is not as usual."""
    usual = asdict(View())
    changed = {name: value for name, value in asdict(view).items() if value != usual[name]}
    return {
        name: str(int(value))
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else value
        for name, value in changed.items()
    }


def keep(name: str) -> None:
    """Put the setting a person just changed into the address."""
    value = st.session_state[f"view_{name}"]
    if value is None:
        value = getattr(View(), name)
    kept = written(View(**{name: value}))
    if name in kept:
        st.query_params[name] = kept[name]
    else:
        st.query_params.pop(name, None)


def settings() -> View:
    """The controls of the sidebar, set to what the address says."""
    view = read(st.query_params)
    for name, value in asdict(view).items():
        st.session_state[f"view_{name}"] = value

    def control(name: str) -> dict[str, Any]:
        return {"key": f"view_{name}", "on_change": keep, "args": (name,)}

    st.header("View", anchor=False)
    st.segmented_control(
        "Horizontal axis", CHOICES["axis"], required=True, width="stretch", **control("axis")
    )
    st.segmented_control(
        "Curves",
        CHOICES["curves"],
        required=True,
        width="stretch",
        help="Train: the same slice of the training set in every arm, with its true labels and "
        "without any trick on the images.",
        **control("curves"),
    )
    st.slider(
        "Smoothing",
        0.0,
        STRONGEST,
        step=0.05,
        help="0 is off. A moving average of the means; they stay behind it, faintly.",
        **control("smoothing"),
    )
    with st.container(horizontal=True, key="view_lines"):
        st.checkbox("Single runs", **control("runs"))
        st.checkbox("Bands", **control("bands"))
    if view.bands:
        st.segmented_control(
            "Band",
            CHOICES["band"],
            format_func=lambda one: BANDS[one][0],
            required=True,
            width="stretch",
            help="95 % t: where the mean may lie. SD and min, max: how far single runs lie apart. "
            "The verdict uses the first.",
            **control("band"),
        )
    with st.container(horizontal=True, key="view_logs"):
        st.checkbox("Log loss", **control("logloss"))
        st.checkbox("Log step", **control("logstep"))
    return view
