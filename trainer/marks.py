"""Colors and markers of the arms, by index. An arm keeps its index for life: 0 is the baseline.

The colors themselves stand in ``.streamlit/config.toml`` only.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

THEME = Path(__file__).resolve().parents[1] / ".streamlit" / "config.toml"
COLORS = 7  # the baseline's and six more; after those they come again, dashed

# Each marker around (0, 0), about 10 wide: circles for the baseline and the first arm.
SHAPES = (
    '<circle r="4.6"/>',
    '<circle r="4.6"/>',
    '<rect x="-4.2" y="-4.2" width="8.4" height="8.4"/>',
    '<path d="M0-6 6 0 0 6-6 0z"/>',
    '<path d="M0-5.8 5.6 4H-5.6z"/>',
    '<path d="M-1.8-5.2h3.6v3.4h3.4v3.6h-3.4v3.4h-3.6v-3.4h-3.4v-3.6h3.4z"/>',
    '<path transform="rotate(45)" '
    'd="M-1.8-5.2h3.6v3.4h3.4v3.6h-3.4v3.4h-3.6v-3.4h-3.4v-3.6h3.4z"/>',
)

OFFSETS = (-10, 10, -15, 15)  # pixels above and below a bar, for dots that would touch
TOUCHING = 1.8  # percent of a plot's width


@cache
def theme() -> dict[str, Any]:
    """The section ``[theme]`` of Streamlit's configuration: ``light`` and ``dark`` are in it."""
    found: dict[str, Any] = tomllib.loads(THEME.read_text("utf-8"))["theme"]
    return found


def slot(i: int) -> int:
    """Which of the seven colors arm ``i`` has: the baseline's gray is nobody else's."""
    return i if i < COLORS else 1 + (i - 1) % (COLORS - 1)


def dashed(i: int) -> bool:
    """Whether the color of arm ``i`` is taken already, so that its line is dashed."""
    return i >= COLORS


def shape(i: int) -> str:
    """The marker of arm ``i`` as SVG."""
    return SHAPES[slot(i)]


def paint(i: int) -> str:
    """The color of arm ``i``, as a style sheet names it."""
    return f"var(--arm-{slot(i)})"


def swatch(i: int) -> str:
    """A short line with the marker of arm ``i``, as inline SVG, 28 x 14."""
    dash = ' stroke-dasharray="4 3"' if dashed(i) else ""
    return (
        '<svg class="swatch" width="28" height="14" viewBox="0 0 28 14" aria-hidden="true">'
        f'<path d="M1 7h26" fill="none" stroke="{paint(i)}" stroke-width="2.5"{dash}/>'
        f'<g transform="translate(14 7)" fill="{paint(i)}">{shape(i)}</g></svg>'
    )


def swarm(places: Sequence[float]) -> list[int]:
    """Vertical offsets that keep dots at these percents of the width apart, always the same."""
    taken: dict[int, list[float]] = {offset: [] for offset in OFFSETS}
    found = []
    for i, x in enumerate(places):
        order = OFFSETS if i % 2 else (OFFSETS[1], OFFSETS[0], *OFFSETS[2:])
        free = (o for o in order if all(abs(x - other) > TOUCHING for other in taken[o]))
        offset = next(free, OFFSETS[i % len(OFFSETS)])
        taken[offset].append(x)
        found.append(offset)
    return found
