"""What strangers send: names, values, changed data, changed text. From a seed, so that what failed
once fails again."""

from __future__ import annotations

import copy
import json
import math
import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

HOST = "evil.example"  # of every address in here
# Each of them is a name that may be given; some are links, formulas, tags, files or code elsewhere.
NAMES = (
    f"<script src=//{HOST}/x.js></script>",
    "<img src=x onerror=window.pwned=1>",
    "\"><svg onload='window.pwned=1'>",
    "' onmouseover='window.pwned=1' x='",
    "</td></table><h1>big</h1><!--",
    "</textarea></style></title><b>",
    "<a href=javascript:window.pwned=1>x</a>",
    "&lt;b&gt; &amp;#60;i&#62; &nbsp;",
    f"![image](http://{HOST}/x.png)",
    f"[link](http://{HOST}) [ref]: http://{HOST}",
    f"<http://{HOST}/auto> <a@{HOST}>",
    f"see http://{HOST}/x or https://{HOST}",
    f"www.{HOST} and mail@{HOST}",
    "**bold** __bold__ *it* ~~no~~ `code` $x^2$",
    "\\*not\\* \\\\` end\\",
    ":red[red] :material/home: :streamlit: :smile:",
    "a -> b <- c -- d >= e | f ^g^ {h}",
    "# head",
    "- item",
    "1. item",
    "> quote",
    "---",
    "```python",
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "＝1+1",
    " =1+1",
    "../../../../etc/passwd",
    "..\\..\\windows\\system32",
    "/etc/passwd",
    "C:\\con",
    "con",
    "AUX.txt",
    "None",
    "NaN",
    "1e5",
    "nul ",
    "com1.csv",
    "...",
    "~root",
    'a/b\\c:d*e?f"g<h>i|j',
    '"""\nimport os'.replace("\n", " "),
    '""""; __import__("os").system("true"); """',
    "'''; raise SystemExit('''",
    '\\""" + exit() + """',
    "# -*- coding: utf-7 -*- +ADs-exit()",
    "{0.__class__} %s %(x)s %{y} ${jndi:x} {{7*7}} #{7*7}",
    "Robert'); DROP TABLE runs;--",
    "שלום עולם",
    "مرحبا 123 abc",
    "🧪👩‍🔬🏳️‍🌈" * 4,
    "𝕏" * 80,
    "ﷺ" * 80,
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L",
    "ß ŉ İ ǰ ﬁ",
    "训练 ⟨x⟩ …",
    "x" * 80,
    ("x " * 40).strip(),
    "null",
    "NaN",
    "0",
    "True",
    "constructor",
    "__proto__",
)
# Signs that no name may have: they end a line, turn its direction, or are nothing at all.
UNREADABLE = (
    "", " ", "\u3000", "\u200b\u200b", "a\nb", "a\tb", "a\0b", "a\x1b[31mb", "a\x85b", "a\u2028b",
    "gpj.\u202eexe", "\u2066x\u2069", "\ud800", "x" * 81, "x" * 10_000,
)  # fmt: skip
NUMBERS = (
    0, -0.0, 1, -1, 2, 0.5, 1e-300, 5e-324, 1e300, 1.7976931348623157e308, 2**31 - 1, 2**31, 2**53,
    2**63, -(2**63), 2**64, 10**30, 10**400, 0.1, 0.95, 1000, 10_001, math.nan, math.inf, -math.inf,
)  # fmt: skip
SIGNS = string.printable + "\0\x7f\x85\xa0\u200b\u200d\u202e\u2028\u2060\ufeff\ud800\udfff🧪ßé训"


def word(rng: random.Random, most: int = 90) -> str:
    """Any text, half of the time one that was thought of."""
    if rng.random() < 0.5:
        return rng.choice(NAMES + UNREADABLE)
    return "".join(rng.choices(SIGNS, k=rng.randint(0, most)))


def value(rng: random.Random, depth: int = 3) -> Any:
    """Any value that data may hold."""
    kind = rng.randrange(8 if depth else 6)
    if kind == 0:
        return rng.choice((None, True, False))
    if kind < 3:
        return rng.choice(NUMBERS)
    if kind < 6:
        return word(rng)
    if kind == 6:
        return [value(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 5)))]
    return {word(rng, 8): value(rng, depth - 1) for _ in range(rng.choice((0, 1, 3)))}


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys or positions."""
    below = [data]
    while below:
        one = below.pop()
        pairs = one.items() if isinstance(one, dict) else enumerate(one)
        for key, inner in list(pairs):
            yield one, key
            if isinstance(inner, dict | list):
                below.append(inner)


def mutated(rng: random.Random, data: Any, times: int = 2) -> Any:
    """A copy with some things in it changed, added, doubled, removed or exchanged."""
    data = copy.deepcopy(data)
    for _ in range(rng.randint(0, times)):
        known = list(places(data))
        if not known:
            return value(rng)
        holder, key = rng.choice(known)
        what = rng.randrange(7)
        if what < 3:
            holder[key] = like(rng, holder[key])
        elif what == 3:
            holder[key] = value(rng)
        elif what == 4:
            del holder[key]
        elif what == 5 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif what == 5:
            holder[word(rng, 8)] = value(rng)
        else:
            other, at = rng.choice(known)
            if at in other if isinstance(other, dict) else at < len(other):
                holder[key] = copy.deepcopy(other[at])
    return data


def like(rng: random.Random, known: Any) -> Any:
    """Another value of the same kind, so that it gets past the first checks."""
    if isinstance(known, bool) or known is None:
        return rng.choice((True, False, None))
    if isinstance(known, int):
        return rng.choice((known + 1, known - 1, -known, rng.randint(0, 10_000), known * 10**6))
    if isinstance(known, float):
        return rng.choice((known * 1.5, known / 3, -known, rng.random(), known * 1e200))
    if isinstance(known, str):
        return rng.choice(NAMES) if rng.random() < 0.8 else known + word(rng, 5)
    return value(rng)


def as_text(data: Any) -> str:
    """JSON as Python writes it: NaN and halves of characters included."""
    return json.dumps(data)


def scratched(rng: random.Random, text: str) -> str:
    """Text with some letters cut out, put in or doubled."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.choice((0, 1, 1, 3, 20, len(text))))
        new = rng.choice(("", "", word(rng, 6), text[at:to] * 2, rng.choice('{}[]",:0e-+\\')))
        text = text[:at] + new + text[to:]
    return text
