"""What a page says of experiments that its address names and that it cannot show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.parts import home, words

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 8  # that are named; an address may hold any number


def absent(ids: Sequence[str]) -> str:
    """Why these experiments are not shown: there are none of that name, or they are others'."""
    theirs = [one for one in ids[:MOST] if home.elsewhere(one)]
    missing = [one for one in ids if one not in theirs]
    said = []
    if missing:
        one = len(missing) == 1
        there = "There is no experiment" if one else "There are no experiments"
        have = "It may have been deleted, or live" if one else "They may live"
        said.append(f"{there} {named(missing)} in this store. {have} on another machine.")
    if theirs:
        one = len(theirs) == 1
        what = "is somebody else's experiment" if one else "are somebody else's experiments"
        said.append(f"{named(theirs)} {what}. In a workshop only they and the host see it.")
    return " ".join(said)


def named(ids: Sequence[str]) -> str:
    """The ids as they stood in the address, as far as there is room."""
    shown = [words.code(one) for one in ids[:MOST]]
    return words.listed([*shown, *([f"{len(ids) - MOST:,} more"] if len(ids) > MOST else [])])
