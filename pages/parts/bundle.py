"""plotly's script as its Python package brings it, without the chart types that no page draws.

A browser spends most of the time that the whole script takes on making those ready, in one task in
which it answers to nobody. Lines, bands and markers need none of them.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# The one place where the script makes every chart type ready: register([a(),b(),...]).
READY = re.compile(r"\bregister\(\[(?:[\w$]+\(\),?){20,}\]\)")


@cache
def script() -> bytes:
    """The script, as the server sends it.

    Raises:
        ImportError: plotly is not installed.
    """
    spec = find_spec("plotly")  # without importing it
    if spec is None or spec.origin is None:
        raise ImportError("plotly is not installed: pip install -r requirements.txt")
    whole = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    return without_chart_types(whole.read_text("utf-8")).encode()


def without_chart_types(whole: str) -> str:
    """Only lines and markers. A script that is built otherwise stays whole: slower, not wrong."""
    return READY.sub("register([])", whole)
