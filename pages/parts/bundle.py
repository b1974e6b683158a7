"""plotly's script as its Python package brings it, without what no page draws.

The whole script weighs 4.8 MB, and a browser spends seconds on it in which it answers to nobody.
Most of that are chart types (maps, three dimensions, finance) and what only they need. Our pages
draw lines, bands and markers, a quarter of the script. So three things are done to the text, each
of them only where it looks as expected; a script that is built otherwise stays as it is, which is
slower, not wrong.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

PATH = "/plotly/plotly.min.js"
KEPT = 86_400  # seconds for which a browser need not ask for the script again
# The one place where the script makes every chart type ready: register([a(),b(),...]).
READY = re.compile(r"\bregister\(\[(?:[\w$]+\(\),?){20,}\]\)")
# The function that is the whole script. In parentheses a browser compiles it while it loads, on a
# thread of its own; without them it only skims it then, and compiles it when it is called.
WHOLE = re.compile(r"(\} \(typeof self .{0,50} this, )(\(\) => \{.*\})(\)\);\s*)\Z", re.DOTALL)
# How esbuild writes the helpers that define a CommonJS and an ES module: name=helper(function).
COMMON = re.compile(r"([\w$]+)=\(e,t\)=>\(\)=>\{try\{return t\|\|e\(\(t=\{exports:\{\}\}\)")
MODERN = re.compile(r"([\w$]+)=\(e,t,r\)=>\(\)=>\{if\(r\)throw r\[0\];try\{return e&&\(t=e\(")
NAME = re.compile(r"(?<![\w$.])[\w$]+")


@cache
def script() -> bytes:
    """The script, as a page runs it.

    Raises:
        ImportError: plotly is not installed.
    """
    spec = find_spec("plotly")  # without importing it
    if spec is None or spec.origin is None:
        raise ImportError("plotly is not installed: pip install -r requirements.txt")
    whole = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    return compiled_early(reached(without_chart_types(whole.read_text("utf-8")))).encode()


def without_chart_types(whole: str) -> str:
    """Only lines and markers are made ready."""
    return READY.sub("register([])", whole)


def reached(whole: str) -> str:
    """Without the modules that nothing names any more.

    A module goes with the text up to the next one. It stays if its name stands anywhere in what
    stays, be it as the name of something else: rather too much than too little.
    """
    common, modern = COMMON.search(whole), MODERN.search(whole)
    if not common or not modern:
        return whole
    helpers = f"(?:{re.escape(common[1])}|{re.escape(modern[1])})"
    starts = [one.start() for one in re.finditer(rf"\bvar [\w$]+={re.escape(common[1])}\(", whole)]
    bounds = [0, *starts, len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(bounds)]
    defined = re.compile(rf"(?<![\w$.])([\w$]+)={helpers}\(")
    place = {name: i for i, piece in enumerate(pieces) for name in defined.findall(piece)}
    kept, left = {0, len(pieces) - 1}, [0, len(pieces) - 1]  # what runs, and what it starts from
    while left:
        named = {place[name] for name in set(NAME.findall(pieces[left.pop()])) if name in place}
        left += named - kept
        kept |= named
    return "".join(pieces[i] for i in sorted(kept))


def compiled_early(whole: str) -> str:
    """Compiled off the page's own thread."""
    return WHOLE.sub(r"\1(\2)\3", whole)


@cache
def packed() -> bytes:
    """:func:`script`, compressed once and not for every page again."""
    return gzip.compress(script(), mtime=0)


def plotly(request: Request) -> Response:
    """The script, as the server sends it."""
    headers = {"Cache-Control": f"public, max-age={KEPT}", "Vary": "Accept-Encoding"}
    body = script()
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = packed()
    return Response(body, media_type="text/javascript", headers=headers)
