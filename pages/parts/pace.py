"""How often an open page follows its runs: the more pages are open, the less often each.

Nearly all that an update costs is Streamlit's own, and the same whatever is drawn. The runs that
everybody waits for are trained beside the server on the same cores. So all updates together get a
share of one core, and no more.
"""

from __future__ import annotations

from collections import Counter

UPDATE = 0.006  # seconds of processor for an update of one page, tests/faults/load.py
SHARE = 0.12  # of one core, for the updates of all pages together
ROOM = 1.25  # pages come and go: a page becomes quicker only where so many more would fit
PACES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds between two updates of a page

open_pages: Counter[str] = Counter()  # of this server, by person; the door counts them


def pace(was: float = 0.0) -> float:
    """Seconds between two updates, for as many pages as are open now; ``was`` is what it was."""
    pages = open_pages.total()
    now = quickest(pages)
    return now if now >= was else min(was, quickest(ROOM * pages))


def quickest(pages: float) -> float:
    """The shortest interval at which so many pages keep within their share."""
    fit = (seconds for seconds in PACES if pages * UPDATE <= SHARE * seconds)
    return next(fit, PACES[-1])
