"""Changes to a piece of source text by place, so that its comments and its layout stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

# What only the tools of this repository read.
FOR_TOOLS = re.compile(r"  # (fmt: skip|type: ignore\S*|noqa\S*)$", re.MULTILINE)
BLANK_AFTER_HEADER = re.compile(
    r"(^ *(?:class|def|if|for|with|else|try)\b[^\n]*:\n)\n+(?! *(?:def|class|@))", re.M
)
# A bracket on three lines whose middle has no comma at its end.
BROKEN = re.compile(r"^( *)([^\n#]*[(\[{])\n +([^\n#]*[^\n,# ])\n\1([)\]}][^\n#]*)$", re.M)
WIDTH = 100
BLANKS = re.compile(r"\n{3,}")


class Change(NamedTuple):
    """Bytes ``start`` to ``end`` of the file become ``text``."""

    start: int
    end: int
    text: str


class Edits:
    """The changes to one file. Lines count from 1, columns are bytes, as in ``ast``."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.starts = [0]
        for line in text.split(b"\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.changes: list[Change] = []
        self.gone: set[int] = set()
        self.dedents: dict[int, int] = {}

    def at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.at(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.at(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def change(self, start: int, end: int, text: str) -> None:
        self.changes.append(Change(start, end, text))

    def replace(self, node: ast.expr | ast.stmt, text: str) -> None:
        self.change(self.start(node), self.end(node), text)

    def cut(self, start: int, end: int) -> None:
        self.change(start, end, "")

    def drop(self, first: int, last: int) -> None:
        """Take out whole lines."""
        self.gone |= set(range(first, last + 1))

    def dedent(self, first: int, last: int) -> None:
        """Move lines to the left by one level."""
        for line in range(first, last + 1):
            self.dedents[line] = self.dedents.get(line, 0) + 4

    def render(self, first: int, last: int, left: int = 0) -> str:
        """Lines ``first`` to ``last`` with all changes, ``left`` columns further left."""
        pieces = []
        changes = outermost(self.changes)
        for line in range(first, last + 1):
            start, stop = self.starts[line - 1], self.starts[line]
            here = [one for one in changes if start <= one.start < stop]
            inside = [one for one in changes if one.start < start < one.end]
            if line in self.gone:
                continue
            at = min(inside[0].end, stop) if inside else start
            text = b""
            for one in here:
                text += self.text[at : one.start] + one.text.encode()
                at = min(one.end, stop)
            text += self.text[at:stop]
            shift = 0 if inside else self.dedents.get(line, 0) + left
            pieces.append(shifted(text.decode(), shift))
        return tidy("".join(pieces))

    def drop_import(self, node: ast.stmt) -> None:
        """Take out an import inside a function, with the empty line behind it.

        Before a function inside the function the line stays.
        """
        last = node.end_lineno or node.lineno
        after = self.filled(last + 1)
        if self.text[self.starts[after - 1] :].lstrip().startswith((b"def ", b"class ", b"@")):
            after = last + 1
        self.drop(node.lineno, after - 1)

    def filled(self, line: int) -> int:
        """The first line from here on that is not empty."""
        while not self.text[self.starts[line - 1] : self.starts[line]].strip():
            line += 1
        return line

    def comments_above(self, line: int) -> int:
        """The first line of the comment that stands right above a line, else the line."""
        lines = self.text.split(b"\n")
        while line > 1 and lines[line - 2].lstrip().startswith(b"#"):
            line -= 1
        return line


def outermost(changes: Iterable[Change]) -> list[Change]:
    """The changes in order, without those inside another."""
    kept: list[Change] = []
    for one in sorted(set(changes), key=lambda one: (one.start, -one.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def shifted(line: str, shift: int) -> str:
    return line[shift:] if not line[:shift].strip() and line.strip() else line


def joined(found: re.Match[str]) -> str:
    """A bracket that fits on one line by now, on one line."""
    line = "".join(found.groups())
    return line if len(line) <= WIDTH else found.group()


def tidy(text: str) -> str:
    """Without remarks for tools, and without holes where lines were taken out."""
    text = FOR_TOOLS.sub("", text)
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    text = BLANK_AFTER_HEADER.sub(r"\1", text)
    text = BROKEN.sub(joined, text)
    return BLANKS.sub("\n\n", text).strip("\n")
