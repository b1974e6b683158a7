"""Small drawings as SVG text: ink for the thing itself, gray for what it is compared with."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

Tone = Literal["ink", "gray", "faint", "paper"]

# Of .streamlit/config.toml: an image cannot read the page's colors. Ink is the primary color by
# day and the text color by night, where the primary color is too dark for a thin line.
TONES: dict[bool, dict[Tone, str]] = {
    False: {"ink": "#1D4257", "gray": "#8A929A", "faint": "#DAD6CC", "paper": "#FBFAF7"},
    True: {"ink": "#E6EAED", "gray": "#7E8993", "faint": "#33404A", "paper": "#11171C"},
}
FONT = "'Source Sans 3','Source Sans Pro','Noto Sans','Helvetica Neue',sans-serif"
LARGE = 120  # a sketch at least this high has room for words


class Sketch:
    """A sheet of ``width`` by ``height``; lines grow a little with its size."""

    def __init__(self, width: int, height: int, *, dark: bool) -> None:
        self.width, self.height, self.dark = width, height, dark
        self.large = height >= LARGE
        self.scale = max(1.0, (height / 64) ** 0.35)
        self.parts: list[str] = []

    def tone(self, tone: Tone) -> str:
        return TONES[self.dark][tone]

    def line(
        self, xs: ArrayLike, ys: ArrayLike, tone: Tone = "ink", *, width: float = 2.0,
        dash: str = "",
    ) -> None:  # fmt: skip
        """A line through points of the sheet; it breaks where one is not finite."""
        points = np.column_stack([np.asarray(xs, float), np.asarray(ys, float)])
        pen, path = "M", []
        for x, y in points:
            if not np.isfinite(x + y):
                pen = "M"
                continue
            path.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<path d="{"".join(path)}" fill="none" stroke="{self.tone(tone)}" '
            f'stroke-width="{width * self.scale:.2f}" stroke-linejoin="round" '
            f'stroke-linecap="round"{dashes}/>'
        )

    def rect(
        self, x: float, y: float, w: float, h: float, tone: Tone = "ink", *,
        hollow: bool = False, opacity: float = 1.0, round: float = 0.0,
    ) -> None:  # fmt: skip
        paint = f'fill="{self.tone(tone)}" fill-opacity="{opacity:.3f}"'
        if hollow:
            paint = f'fill="none" stroke="{self.tone(tone)}" stroke-width="{self.scale:.2f}"'
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(w, 0):.1f}" height="{max(h, 0):.1f}" '
            f'rx="{round:.1f}" {paint}/>'
        )

    def dot(
        self, x: float, y: float, r: float, tone: Tone = "ink", *, hollow: bool = False
    ) -> None:
        paint = f'fill="{self.tone(tone)}"'
        if hollow:
            paint = f'fill="none" stroke="{self.tone(tone)}" stroke-width="{self.scale:.2f}"'
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" {paint}/>')

    def text(
        self, x: float, y: float, words: str, tone: Tone = "gray", *, size: float = 12.5,
        anchor: Literal["start", "middle", "end"] = "start", italic: bool = False,
    ) -> None:  # fmt: skip
        style = ' font-style="italic"' if italic else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="{size:g}" '
            f'fill="{self.tone(tone)}" text-anchor="{anchor}"{style}>{escape(words)}</text>'
        )

    def pixels(self, image: np.ndarray, x: float, y: float, side: float) -> None:
        """A square picture of values 0 to 1, where 1 is ink."""
        cell = side / len(image)
        for row, values in enumerate(image):
            for column, value in enumerate(values):
                if value > 0.02:
                    at = x + column * cell, y + row * cell
                    # A little overlap, or hairlines of paper show between the cells.
                    self.rect(*at, cell + 0.3, cell + 0.3, opacity=float(value))

    def picture(self, image: np.ndarray, x: float, y: float, side: float) -> None:
        """A square of crisp pixels: bytes, either (side, side), where 255 is ink, or RGBA."""
        from PIL import Image

        if image.ndim == 2:
            tone = self.tone("ink")
            ink = [int(tone[i : i + 2], 16) for i in (1, 3, 5)]
            image = np.dstack([np.broadcast_to(np.uint8(ink), (*image.shape, 3)), image])
        file = BytesIO()
        Image.fromarray(image).save(file, "PNG")
        self.parts.append(
            f'<image x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" '
            f'style="image-rendering:pixelated" href="data:image/png;base64,'
            f'{b64encode(file.getvalue()).decode()}"/>'
        )

    def axes(
        self, x: tuple[float, float], y: tuple[float, float], *, across: str = "", up: str = "",
        zero: bool = False, floor: bool = True,
    ) -> Axes:  # fmt: skip
        """A plot over the whole sheet, its axes named where there is room for words."""
        return Axes(self, x, y, across=across, up=up, zero=zero, floor=floor)

    def svg(self) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}">{"".join(self.parts)}</svg>'
        )


class Axes:
    """Numbers to points of a sketch. What lies outside is cut off."""

    def __init__(
        self, sketch: Sketch, x: tuple[float, float], y: tuple[float, float], *, across: str,
        up: str, zero: bool, floor: bool,
    ) -> None:  # fmt: skip
        self.sketch, self.x, self.y = sketch, x, y
        words = sketch.large
        self.left, self.right = 8.0, sketch.width - 8.0
        self.top = 22.0 if words else 4.0
        self.bottom = sketch.height - (24.0 if words else 6.0)
        self.at = 0.0 if zero and y[0] < 0 < y[1] else y[0]
        if floor:
            sketch.line([self.left, self.right], [self.across(self.at)] * 2, "faint", width=1)
        if zero and x[0] < 0 < x[1]:
            sketch.line([self.along(0)] * 2, [self.top, self.bottom], "faint", width=1)
        if words:
            sketch.text(self.right, sketch.height - 6, across, anchor="end")
            sketch.text(self.left, 14, up)

    def along(self, x: float) -> float:
        low, high = self.x
        return self.left + (x - low) / (high - low) * (self.right - self.left)

    def across(self, y: float) -> float:
        low, high = self.y
        return self.bottom - (y - low) / (high - low) * (self.bottom - self.top)

    def line(
        self, xs: ArrayLike, ys: ArrayLike, tone: Tone = "ink", *, width: float = 2.0,
        dash: str = "",
    ) -> None:  # fmt: skip
        px = [self.along(x) for x in np.asarray(xs, float)]
        py = [self.across(y) for y in np.asarray(ys, float)]
        spare = 0.03 * (self.bottom - self.top)
        low, high = self.top - spare, self.bottom + spare
        py = [
            y if low <= y <= high and self.left - 1 <= x <= self.right + 1 else np.nan
            for x, y in zip(px, py, strict=True)
        ]
        self.sketch.line(px, py, tone, width=width, dash=dash)

    def dots(self, xs: ArrayLike, ys: ArrayLike, tone: Tone = "ink", *, r: float = 2.0) -> None:
        for x, y in zip(np.asarray(xs, float), np.asarray(ys, float), strict=True):
            self.sketch.dot(self.along(x), self.across(y), r * self.sketch.scale, tone)

    def bars(
        self, heights: Iterable[float], tone: Tone = "ink", *, share: float = 0.78,
        hollow: bool = False, start: int = 0,
    ) -> None:  # fmt: skip
        """Bars at 0, 1, 2, ... standing on the axis; one of next to nothing stays visible."""
        step = (self.right - self.left) / (self.x[1] - self.x[0])
        for i, value in enumerate(heights, start):
            top = min(self.across(value), self.across(self.at) - 1.5)
            at = self.along(i) - step * share / 2
            self.sketch.rect(at, top, step * share, self.across(self.at) - top, tone, hollow=hollow)
