"""Colors and markers of the arms, by index. An arm keeps its index for life: 0 is the baseline.

The colors stand in ``.streamlit/config.toml`` only. On a page the theme chooses them; inside a
component they arrive as CSS variables, which ``theme.js`` splits into ``--arm-0`` to ``--arm-6``.
"""

from __future__ import annotations

import streamlit as st

COLORS = 7  # the baseline's and six more; after those they come again, dashed
SYMBOLS = ("circle", "circle", "square", "diamond", "triangle-up", "cross", "x")  # plotly's names

# Each marker around (0, 0), about 10 wide.
SHAPES = {
    "circle": '<circle r="4.6"/>',
    "square": '<rect x="-4.2" y="-4.2" width="8.4" height="8.4"/>',
    "diamond": '<path d="M0-6 6 0 0 6-6 0z"/>',
    "triangle-up": '<path d="M0-5.8 5.6 4H-5.6z"/>',
    "cross": '<path d="M-1.8-5.2h3.6v3.4h3.4v3.6h-3.4v3.4h-3.6v-3.4h-3.4v-3.6h3.4z"/>',
    "x": '<path transform="rotate(45)" '
    'd="M-1.8-5.2h3.6v3.4h3.4v3.6h-3.4v3.4h-3.6v-3.4h-3.4v-3.6h3.4z"/>',
}


def slot(i: int) -> int:
    """Which of the seven colors arm ``i`` has: the baseline's gray is nobody else's."""
    return i if i < COLORS else 1 + (i - 1) % (COLORS - 1)


def symbol(i: int) -> str:
    """The marker of arm ``i``, in plotly's words."""
    return SYMBOLS[slot(i)]


def dashed(i: int) -> bool:
    """Whether the color of arm ``i`` is taken already, so that its line is dashed."""
    return i >= COLORS


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
