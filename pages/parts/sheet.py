"""A piece of HTML in the colors of the arms, that follows the theme: see ``theme.js``.

Every ``<figure>`` in it gets the menu of a chart. Its numbers are the JSON in ``data-rows``, made
by :func:`data_rows`, or else its own table.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
MENU = ("theme.js", "files.js", "table.js", "menu.js")  # what every kind of chart needs
SCRIPTS = (*MENU, "picture.js", "sheet.js")


def source(*names: str) -> str:
    """Some files of this folder, one after the other."""
    return "\n".join((HERE / name).read_text("utf-8") for name in names)


component = st.components.v2.component(
    "trickboard_sheet",
    html='<div class="tb-sheet-root tb-sheet"></div>',
    css=source("menu.css", "sheet.css", "effects.css"),
    js=source(*SCRIPTS),
    isolate_styles=False,
)


def sheet(html: str, *, key: str, name: str = "") -> None:
    """Draw it. Whoever makes the HTML escapes what people wrote; ``name`` begins file names."""
    component(key=key, data={"html": html, "name": name})


def data_rows(rows: Sequence[Sequence[Any]]) -> str:
    """The numbers of a figure as an attribute: arm, kind, x, y, low, high; None is unknown."""
    short = [[shorter(one) for one in row] for row in rows]
    return f"data-rows='{escape(json.dumps(short, allow_nan=False), True)}'"


def shorter(value: Any) -> Any:
    """A number with no more digits than anybody reads."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
