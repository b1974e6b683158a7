"""A small picture of what a trick does, as SVG: ink with the trick, gray without it.

Every picture is drawn from the trick's real formula with the knobs as they stand, without torch.
What has no picture of its own is drawn from what it changes (a schedule from its own ``factor``),
and else shows its formula.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from pages.parts import preview_activation, preview_loss
from pages.parts import preview_curves as curves
from pages.parts.drawing import Sketch
from tricks import catalog
from tricks.own import FAMILY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tricks.base import Trick

    Draw = Callable[[Sketch, dict[str, float]], str]  # draws, and says in words what one sees

FILES = [
    *("activation", "architecture", "augmentation", "curves", "data", "ensemble", "initialization"),
    *("loss", "normalization", "optimizer", "paths", "pictures", "procedure", "regularization"),
]
DRAWINGS: dict[str, Draw] = {}
for file in FILES:
    DRAWINGS |= import_module(f"pages.parts.preview_{file}").DRAWINGS


def preview(
    trick_id: str,
    knobs: Mapping[str, float | None] | None = None,
    *,
    width: int = 220,
    height: int = 64,
    dark: bool,
) -> str:
    """The picture as SVG text. Knobs left out, or None, take their defaults.

    Raises:
        KeyError: there is no such trick.
        ValueError: a knob is out of its range.
    """
    return drawn(catalog()[trick_id], frozen(knobs), width, height, dark)[0]


def caption(trick_id: str, knobs: Mapping[str, float | None] | None = None, *, height: int) -> str:
    """What the picture of that height shows, in a sentence: its caption and alternative text."""
    return drawn(catalog()[trick_id], frozen(knobs), 2 * height, height, False)[1]


def pictured(trick_id: str) -> bool:
    """Whether there is a picture; without one the page sets the formula large."""
    trick = catalog()[trick_id]
    drawn_from = ("factor", "loss_at", "response")
    return trick_id in DRAWINGS or any(trick.changes(one) for one in drawn_from)


def frozen(knobs: Mapping[str, float | None] | None) -> tuple[tuple[str, float], ...]:
    given = (knobs or {}).items()
    return tuple(sorted((name, value) for name, value in given if value is not None))


@lru_cache(maxsize=2048)
def drawn(
    kind: type[Trick], knobs: tuple[tuple[str, float], ...], width: int, height: int, dark: bool
) -> tuple[str, str]:
    trick = kind(**dict(knobs))
    sketch = Sketch(width, height, dark=dark)
    values = {name: value for name, value in trick.values().items() if value is not None}
    try:
        words = drawing_of(trick)(sketch, values)
        return sketch.svg(), words
    except Exception as error:
        if trick.family() != FAMILY:
            raise
        sketch = Sketch(width, height, dark=dark)  # a person's own code may not break the catalog
        said = formula(trick)(sketch, values)
        return sketch.svg(), f"{said} Its picture stopped with {type(error).__name__}: {error}."


def drawing_of(trick: Trick) -> Draw:
    if trick.id() in DRAWINGS:
        return DRAWINGS[trick.id()]
    if trick.changes("factor"):
        return curves.schedule(trick)
    if trick.changes("loss_at"):
        return preview_loss.loss(trick)
    if trick.changes("response"):
        return preview_activation.activation(trick)
    return formula(trick)


def formula(trick: Trick) -> Draw:
    """The formula as plain text, for where LaTeX cannot be set."""

    def draw(sketch: Sketch, knobs: dict[str, float]) -> str:
        words = readable(trick.card.formula)
        size = min(sketch.height * 0.36, 1.9 * sketch.width / max(len(words), 8))
        middle = sketch.height / 2 + size / 3
        sketch.text(sketch.width / 2, middle, words, "ink", size=size, anchor="middle", italic=True)
        return "Its formula."

    return draw


def readable(latex: str) -> str:
    """The first equation of a LaTeX formula, its commands reduced to the letters they set."""
    first = re.split(r"\\\\|\\begin\{\w+\}", latex.strip())
    text = next((part for part in first if part.strip(" &\n")), latex)
    text = re.sub(r"([_^])\{([^{}]*)\}", r"\1\2", text)
    text = re.sub(r"\\t?frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)", text)
    text = re.sub(r"\\(?:mathrm|operatorname|text|tilde|hat|bar)\b\*?", "", text)
    text = re.sub(r"\\(?:left|right|quad|qquad|,|;|!)", " ", text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda found: SIGNS.get(found[1], found[1]), text)
    return " ".join(re.sub(r"[{}&$\\]", "", text).split())


SIGNS = {
    **{"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η"},
    **{"theta": "θ", "lambda": "λ", "mu": "μ", "rho": "ρ", "sigma": "σ", "tau": "τ"},
    **{"cdot": "·", "times": "×", "leftarrow": "←", "sim": "∼", "nabla": "∇", "propto": "∝"},
}
