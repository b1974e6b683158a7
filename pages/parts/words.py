"""The words of the pages: those of the trainer, and a person's own inside Markdown."""

from __future__ import annotations

from trainer.sentences import escape
from trainer.words import MINUS as MINUS
from trainer.words import NOTHING as NOTHING
from trainer.words import about as about
from trainer.words import between as between
from trainer.words import count as count
from trainer.words import listed as listed
from trainer.words import number as number
from trainer.words import p_sentence as p_sentence
from trainer.words import p_value as p_value
from trainer.words import percent as percent
from trainer.words import points as points
from trainer.words import seconds as seconds
from trainer.words import seeds as seeds
from trainer.words import short as short
from trainer.words import significant as significant
from trainer.words import size as size
from trainer.words import spelled as spelled


def plain(text: str) -> str:
    """A person's own words inside markdown: shown as typed."""
    return escape(text)


def code(text: str) -> str:
    """The beginning of what an address says, as code inside Markdown; it may say anything."""
    seen = "".join(letter for letter in text if letter.isprintable() and letter != "`").strip()
    return f"`{seen[:40] or '?'}`"
