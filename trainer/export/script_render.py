"""The text of a bundle: imports, then section by section every definition under its final name."""

from __future__ import annotations

import ast
import sys
import textwrap
from typing import TYPE_CHECKING

from trainer.export.script_bundle import INSTEAD, MAIN, SPEC, TOOLS, Bundle, Piece, member_name
from trainer.export.script_sources import Outside, Symbol, Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trainer.export.script_sources import Target
    from tricks.base import Trick

WIDTH = 100
# Where the definitions of a file of ours go; the main text says it for its own.
SECTIONS = {
    "trainer.streams": "Random numbers",
    "trainer.shapes": "Data",
    "trainer.tasks.classification": "Data",
    "tricks.loans": "Data",
    "trainer.networks": "Network",
    "trainer.blocks": "Network",
    "tricks.layers.convolution": "Network",
    "trainer.record": "Training",
    "trainer.grid": "Evaluation",
}
SECTION = {
    SPEC: "Network",
    TOOLS: "Tricks",
    Symbol("tricks.loans", "Fit"): "Tricks",
    Symbol("tricks.base", "Predictor"): "Evaluation",
    Symbol("tricks.layers.members", "Predictor"): "Evaluation",
    Symbol("trainer.tasks.classification", "answers"): "Evaluation",
    Symbol("trainer.tasks.classification", "marks"): "Evaluation",
    Symbol("trainer.networks", "multiply_adds"): "Evaluation",
}
BROUGHT = {"torch", "torchvision", "sklearn", "numpy", "PIL"}
FIELD = Outside("dataclasses", "field", "")


class Renderer:
    """Writes a bundle; ``tricks`` are the arm's, by the class that each is of."""

    def __init__(self, bundle: Bundle, tricks: Mapping[Symbol, Trick]) -> None:
        self.bundle, self.tricks = bundle, tricks
        self.names = bundle.names()
        self.outside: set[Outside] = set()

    def definitions(self, sections: Mapping[str, str]) -> dict[str, list[str]]:
        """The texts of all definitions by section; ``sections`` are those of the main text."""
        found: dict[str, list[str]] = {}
        tricks = self.bundle.of_tricks()
        for symbol in self.bundle.order:
            if symbol.module == MAIN:
                section = sections[symbol.name]
            else:
                other = "Tricks" if symbol in tricks else "Network"
                section = SECTION.get(symbol) or SECTIONS.get(symbol.module) or other
            found.setdefault(section, []).append(self.definition(self.bundle.pieces[symbol]))
        return found

    def definition(self, piece: Piece) -> str:
        node, edits = piece.node, piece.edits
        self.rename(piece)
        if isinstance(node, ast.ClassDef):
            self.class_of(piece, node)
        decorated = isinstance(node, ast.ClassDef | ast.FunctionDef) and node.decorator_list
        first = node.decorator_list[0].lineno if decorated else node.lineno  # type: ignore[union-attr]
        left = node.col_offset
        if isinstance(node, ast.FunctionDef) and "." in piece.symbol.name:  # a method, set free
            me = node.args.args[0]
            after = edits.at(me.lineno, me.end_col_offset or 0)
            edits.cut(edits.at(me.lineno, me.col_offset), after + len(b", "))
        return edits.render(edits.comments_above(first), node.end_lineno or first, left)

    def rename(self, piece: Piece) -> None:
        """Write the final names into a definition, and remember what it needs of libraries."""
        for use in self.bundle.uses(piece):
            target = use.target
            said = INSTEAD.get(target) if isinstance(target, Symbol) else None
            name = said or self.name(target)
            if isinstance(use.node, ast.Attribute) or use.node.id != name:
                piece.edits.replace(use.node, name)
        name, node, edits = self.names[piece.symbol], piece.node, piece.edits
        if name == piece.symbol.name.rpartition(".")[2]:
            return
        if isinstance(node, ast.Assign):
            edits.replace(node.targets[0], name)
        elif isinstance(node, ast.AnnAssign):
            edits.replace(node.target, name)
        else:
            word = "class " if isinstance(node, ast.ClassDef) else "def "
            start = edits.start(node) + len(word)
            edits.change(start, start + len(node.name), name)

    def name(self, target: Target) -> str:
        if isinstance(target, Outside):
            bare = Outside(target.module, target.name, "")
            self.outside.add(bare)
            return self.names.setdefault(bare, target.alias or target.name)
        assert isinstance(target, Symbol)
        return self.names[self.bundle.canonical(target)]

    def class_of(self, piece: Piece, node: ast.ClassDef) -> None:
        """Leave out the members that nobody needs; a trick loses its card and its controls."""
        edits, before = piece.edits, node.body[0].lineno - 1
        for member in node.body:
            last = member.end_lineno or member.lineno
            if member in piece.members and member not in piece.kept:
                edits.drop(edits.filled(before + 1), last)
            before = last
        trick = self.tricks.get(piece.symbol)
        if trick is not None:
            self.trick(piece, node, trick)
        elif len(piece.kept) < len(piece.members):
            shorten(piece, node)

    def trick(self, piece: Piece, node: ast.ClassDef, trick: Trick) -> None:
        """A trick as a plain dataclass whose defaults are the arm's knobs."""
        edits, values = piece.edits, trick.values()
        helps = {one.name: one.help for one in trick.knobs()}
        fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and one in piece.kept]
        for member in fields:
            name = member_name(member)
            if name in values:
                given = repr(values[name])
                kind = source_of(piece, member.annotation)
                if len(f"    {name}: {kind} = {given}  # {helps[name]}") <= WIDTH:
                    given += f"  # {helps[name]}"
                else:
                    start = edits.start(member)
                    said = textwrap.wrap(helps[name], WIDTH - 6)
                    edits.change(start, start, "".join(f"# {line}\n    " for line in said))
                assert member.value is not None
                edits.replace(member.value, given)
            elif isinstance(member.value, ast.Call):
                self.state(piece, member.value)
        lines = [f'    """{told(trick)}"""']
        if "tools" in piece.own and TOOLS in self.names:
            self.name(FIELD)
            lines += ["", f"    tools: {self.names[TOOLS]} = field(init=False)  # lent by train()"]
        elif not fields:
            for one in node.decorator_list:
                edits.drop(one.lineno, one.end_lineno or one.lineno)
        if len(piece.kept) > len(fields) and (fields or len(lines) == 1):
            lines.append("")
        start = edits.start(node)
        stop = edits.starts[node.lineno] - 1
        edits.change(start, stop, "\n".join([f"class {self.names[piece.symbol]}:", *lines]))

    def state(self, piece: Piece, call: ast.Call) -> None:
        """A field that is no knob: only where it begins is left of its declaration."""
        given = {one.arg: one.value for one in call.keywords}
        if "default" in given:
            piece.edits.cut(piece.edits.start(call), piece.edits.start(given["default"]))
            piece.edits.cut(piece.edits.end(given["default"]), piece.edits.end(call))
            return
        self.name(FIELD)
        if "default_factory" in given:
            made = source_of(piece, given["default_factory"])
            piece.edits.replace(call, f"field(default_factory={made})")
        else:
            piece.edits.replace(call, "field(init=False)")

    def imports(self) -> str:
        """The import statements of all that was rendered so far, sorted as ruff sorts them.

        Raises:
            Unsupported: a trick needs a library that the script may not count on.
        """
        for one in self.outside:
            if not is_standard(one.module) and one.module.partition(".")[0] not in BROUGHT:
                raise Unsupported(
                    f"A trick of this arm uses {one.module}, and a script may use torch, "
                    "torchvision and scikit-learn only."
                )
        plain: set[tuple[str, str]] = set()
        parts: dict[str, set[str]] = {}
        for one in self.outside:
            name = self.names[one]
            if not one.name:
                plain.add((one.module, "" if name == one.module else f" as {name}"))
            else:
                parts.setdefault(one.module, set()).add(
                    one.name if name == one.name else f"{one.name} as {name}"
                )
        lines: dict[bool, list[str]] = {True: [], False: []}
        for module, alias in sorted(plain):
            lines[is_standard(module)].append(f"import {module}{alias}")
        for module in sorted(parts):
            lines[is_standard(module)].append(from_line(module, parts[module]))
        blocks = ["from __future__ import annotations", *("\n".join(lines[one]) for one in lines)]
        return "\n\n".join(one for one in blocks if one)


def source_of(piece: Piece, node: ast.expr) -> str:
    """The text of an expression as it is in the source."""
    edits = piece.edits
    return edits.text[edits.start(node) : edits.end(node)].decode()


def shorten(piece: Piece, node: ast.ClassDef) -> None:
    """Of a description whose members are not all there, the first paragraph stays."""
    said = ast.get_docstring(node)
    if said and "\n\n" in said:
        first = textwrap.fill(" ".join(said.split("\n\n")[0].split()), WIDTH - 10)
        piece.edits.replace(node.body[0], f'"""{textwrap.indent(first, "    ").strip()}"""')


def told(trick: Trick) -> str:
    """What a trick is and where it comes from: a docstring's text, indented by four."""
    module = sys.modules[type(trick).__module__]
    title = (module.__doc__ or trick.card.title).strip().split("\n\n")[0]
    title = textwrap.fill(" ".join(escaped(title).split()), WIDTH - 7)
    text = f"{title}\n\n" + "\n".join(
        textwrap.wrap(f"{escaped(str(trick.card.paper))}.", WIDTH - 4)
    )
    return textwrap.indent(text, "    ").strip() + "\n    "


def escaped(text: str) -> str:
    """A text that may stand in a docstring."""
    return text.replace("\\", "\\\\").replace('"""', "'''")


def is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def member_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as isort has them."""
    bare = name.split(" ")[0]
    return (0 if bare.isupper() and len(bare) > 1 else 1 if bare[0].isupper() else 2), name


def from_line(module: str, names: Iterable[str]) -> str:
    told = sorted(names, key=member_key)
    line = f"from {module} import {', '.join(told)}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"from {module} import (", *(f"    {one}," for one in told), ")"])
