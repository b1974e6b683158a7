"""Colors and markers of the arms, by index. An arm keeps its index for life: 0 is the baseline.

The colors stand in ``.streamlit/config.toml`` only. On a page the theme chooses them; inside a
component they arrive as CSS variables, which ``theme.js`` splits into ``--arm-0`` to ``--arm-6``.
"""

from __future__ import annotations

import streamlit as st

from trainer import marks
from trainer.marks import COLORS as COLORS
from trainer.marks import dashed as dashed
from trainer.marks import slot as slot

SYMBOLS = ("circle", "circle", "square", "diamond", "triangle-up", "cross", "x")  # plotly's names
SHAPES = dict(zip(SYMBOLS, marks.SHAPES, strict=True))  # each marker around (0, 0), as SVG


def symbol(i: int) -> str:
    """The marker of arm ``i``, in plotly's words."""
    return SYMBOLS[slot(i)]


def dark() -> bool:
    """Whether the page is shown in dark."""
    return st.context.theme.type == "dark"


def color(i: int, dark: bool) -> str:
    """The color of arm ``i`` on the page, as ``#rrggbb``."""
    theme = "dark" if dark else "light"
    colors = st.get_option(f"theme.{theme}.chartCategoricalColors")
    return str(colors[slot(i)])


def swatch(i: int, paint: str | None = None) -> str:
    """A short line with the marker of arm ``i``, as inline SVG, 28 x 14.

    ``paint`` is a color; without it the component's own variable is used.
    """
    paint = paint or f"var(--arm-{slot(i)})"
    dash = ' stroke-dasharray="4 3"' if dashed(i) else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="28" height="14" viewBox="0 0 28 14" '
        f'aria-hidden="true"><path d="M1 7h26" fill="none" stroke="{paint}" stroke-width="2.5"'
        f'{dash}/><g transform="translate(14 7)" fill="{paint}">{SHAPES[symbol(i)]}</g></svg>'
    )
