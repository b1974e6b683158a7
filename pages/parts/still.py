"""A still chart, drawn by the same plotly that draws the live ones.

``st.plotly_chart`` would bring a second copy of the library into the page, and the live charts
would wait for theirs. Drawn here while a person plans, the first curve finds it loaded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent

component = st.components.v2.component(
    "trickboard_still",
    html='<div class="tb-still" role="img"></div>',
    js="\n".join((HERE / name).read_text("utf-8") for name in ("plotly.js", "still.js")),
    isolate_styles=False,
)


def still(figure: dict[str, Any], *, height: int, alt: str, key: str) -> None:
    """Draw a plotly figure, given as a dict, ``height`` px high; ``alt`` says it in words."""
    # As text: Streamlit asks pandas about every list and dict whether it is a table (arrow.py).
    drawn = json.dumps({"data": figure["data"], "layout": figure["layout"]})
    component(key=key, data={"figure": drawn, "height": height, "alt": alt})
