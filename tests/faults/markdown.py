"""What Markdown makes of a text, as a page of Streamlit's reads it."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TEXT = {"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "text_special"}
# What a page looks for in the text that is left: remark-gfm's addresses, Streamlit's own signs.
LATE = {
    "link": re.compile(
        r"(?:https?://|www(?=\.))[-.\w]+|(?<![\w/])[-.\w+]+@[-\w]+(?:\.[-\w]+)+", re.IGNORECASE
    ),
    "icon": re.compile(r":material/\w+:|:streamlit:"),
    "sign": re.compile(r"<->|->|<-|--|>=|<=|~="),
    "math": re.compile(r"\$[^$]+\$"),
    "color": re.compile(r":[a-z-]+\["),
}


def marks(markdown: str) -> list[str]:
    """Everything in it that is no plain text, in order."""
    found = []
    for token in PARSER.parse(markdown):
        inner = token.children or []
        found += [one.type for one in (token, *inner) if one.type not in TEXT]
        found += [
            name for one in inner if one.type == "text" for name in late(one.content, markdown)
        ]
    return found


def late(text: str, markdown: str) -> list[str]:
    """Math and colors are seen before an escape is undone, the rest after it."""
    return [
        name
        for name, pattern in LATE.items()
        if pattern.search(text)
        and (name not in ("math", "color") or pattern.search(re.sub(r"\\.", "", markdown)))
    ]


def words(markdown: str) -> str:
    """What somebody reads of it."""
    inline = [one for token in PARSER.parse(markdown) for one in token.children or []]
    return "".join(one.content or " " * (one.type == "softbreak") for one in inline)
