"""The grid of the catalog: a tile for each trick, family by family, as one component.

One element for all of them: a container, an image and two texts for each of 180 tricks would take
seconds to draw.
"""

from __future__ import annotations

import time
from functools import lru_cache
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import streamlit as st

from pages.parts import chinese, finder, previews
from pages.parts.evidence import Evidence, difference
from trainer.statistics import WORDS
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pages.parts.chinese import Language
    from tricks.base import Trick

HERE = Path(__file__).parent
SMALL = (220, 64)
HARMLESS = " /=:,;()'+"  # as they are in an address of an image

component = st.components.v2.component(
    "trickboard_tiles",
    html='<div class="tb-tiles"></div>',
    css=(HERE / "tiles.css").read_text("utf-8"),
    js=(HERE / "tiles.js").read_text("utf-8"),
    isolate_styles=False,
)


def tiles(
    tricks: Sequence[type[Trick]], evidence: Mapping[str, Evidence], language: Language, *,
    dark: bool,
) -> str | None:  # fmt: skip
    """Draw the tiles; the id of the trick whose tile was just clicked."""
    data = {"html": html(tricks, evidence, language, dark=dark), "lang": language}
    opened: str | None = component(key="tiles", data=data, on_open_change=lambda: None).open
    return opened


def html(
    tricks: Sequence[type[Trick]], evidence: Mapping[str, Evidence], language: Language, *,
    dark: bool,
) -> str:  # fmt: skip
    """A section with a heading for each family; ``tricks`` stand family by family."""
    say = chinese.words(language)
    parts = []
    for family, group in groupby(tricks, key=lambda one: one.family()):
        inside = list(group)
        name = say(family_name(family))
        parts.append(
            f'<section><h2 id="{family}">{name} <small>{len(inside)}</small>'
            f'<a href="#{family}" aria-label="{name}">#</a></h2><div class="tb-grid">'
        )
        parts += [tile(one, evidence.get(one.id()), language, dark=dark) for one in inside]
        parts.append("</div></section>")
    return "".join(parts)


def tile(trick: type[Trick], evidence: Evidence | None, language: Language, *, dark: bool) -> str:
    card, say = trick.card, chinese.words(language)
    title, other = chinese.titles(card, language)
    address = urlencode({"trick": trick.id(), **({"lang": "zh"} if language == "zh" else {})})
    cost = finder.SHORT.get(band := finder.band(card.cost)) or say(finder.COSTS[band])
    named = f" · {say('in the thread')}" if card.thread else ""
    image = picture(trick, dark)
    return (
        f'<a class="tb-tile" href="?{address}" data-trick="{trick.id()}">'
        f'<img src="{image}" alt="" loading="lazy">'
        f'<span class="names"><b>{escape(title)}</b>'
        f'<span class="other">{escape(other)}</span></span>'
        f'<span class="claim">{escape(chinese.sentence(card, "claim", language))}</span>'
        f'<span class="foot"><span>{cost}{named}</span>'
        f"<span>{escape(in_short(evidence, language))}</span></span></a>"
    )


def family_name(family: str) -> str:
    return family.replace("_", " ").capitalize()


def in_short(evidence: Evidence | None, language: Language) -> str:
    """``+9.6 points · better``."""
    say = chinese.words(language)
    if evidence is None or evidence.comparison.mean is None:
        return say("not measured yet")
    found = evidence.comparison
    return f"{difference(found.mean, evidence.metric)} · {say(WORDS[found.verdict])}"


@lru_cache(maxsize=1024)
def picture(trick: type[Trick], dark: bool) -> str:
    """The preview as an address of its own, so that the parts of one know none of another."""
    svg, _ = previews.drawn(trick, (), *SMALL, dark)
    return f"data:image/svg+xml,{quote(svg, safe=HARMLESS)}"


def get_ready() -> None:
    """Draw all previews beside the first page, so that the catalog opens at once."""
    for trick in list(catalog().values()):
        for dark in (False, True):
            picture(trick, dark)
            time.sleep(0.05)  # the pages go first: this takes a tenth of a core
