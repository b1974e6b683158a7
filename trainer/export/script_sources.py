"""The source files of this house as trees: what each one defines, and where its names come from.

Nothing here is imported to be looked at: a file is read, so that torch stays out of the process.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"trainer", "tricks"}
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


class Unsupported(Exception):
    """An arm that no script can be made of; the text is a whole sentence that says why."""


class Symbol(NamedTuple):
    """Something a file of ours defines; ``name`` may be a method, ``Class.method``."""

    module: str
    name: str


class Outside(NamedTuple):
    """Something of a library: ``import module`` if ``name`` is empty, else a part of it."""

    module: str
    name: str
    alias: str


class Room(NamedTuple):
    """A whole file of ours, used as ``module.name``."""

    module: str


Target = Symbol | Outside | Room


@dataclass
class Source:
    """One file. ``definitions`` are its top-level names, ``imports`` the ones it got elsewhere."""

    module: str
    text: bytes
    tree: ast.Module
    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, Target] = field(default_factory=dict)


class Sources:
    """The files that were read so far; ``given`` are texts of modules that are in no file."""

    def __init__(self, given: Mapping[str, str], paths: Mapping[str, Path]) -> None:
        self.paths = paths
        self.read: dict[str, Source] = {}
        for module, text in given.items():
            self.read[module] = parsed(module, text.encode())

    def open(self, module: str) -> Source:
        """The file of a module.

        Raises:
            Unsupported: there is none.
        """
        if module not in self.read:
            path = self.path(module)
            if not path.is_file():
                raise Unsupported(f"A trick of this arm uses {module}, and there is no such file.")
            self.read[module] = once(module, path.read_bytes())
        return self.read[module]

    def path(self, module: str) -> Path:
        if module in self.paths:
            return self.paths[module]
        bare = ROOT.joinpath(*module.split("."))
        return bare / "__init__.py" if bare.is_dir() else bare.with_suffix(".py")

    def resolve(self, module: str, name: str) -> Target | None:
        """Where a module's global name leads in the end; None for a builtin."""
        source = self.open(module)
        if name in source.definitions:
            return Symbol(module, name)
        target = source.imports.get(name)
        return self.followed(target) if target else None

    def followed(self, target: Target) -> Target:
        """An import of ours as the file that really defines it, or the module it names."""
        if not isinstance(target, Symbol):
            return target
        inner = f"{target.module}.{target.name}"
        if self.path(inner).is_file():
            return Room(inner)
        return self.resolve(target.module, target.name) or target


@lru_cache(maxsize=1024)
def once(module: str, text: bytes) -> Source:
    """A file of ours as a tree. Nobody changes it, so all scripts may share it."""
    return parsed(module, text)


def parsed(module: str, text: bytes) -> Source:
    """A file with its top-level names, those for the type checker included."""
    source = Source(module, text, ast.parse(text))
    for node in flattened(source.tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            source.imports |= imported(node)
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            source.definitions[node.name] = node
        elif isinstance(node, ast.Assign):
            for one in node.targets:
                source.definitions |= {name: node for name in stored(one)}
        elif isinstance(node, ast.AnnAssign):
            source.definitions |= {name: node for name in stored(node.target)}
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef):
                    source.definitions[f"{node.name}.{member.name}"] = member
    return source


def flattened(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a file, with what stands under ``if TYPE_CHECKING``."""
    for node in body:
        if isinstance(node, ast.If):
            yield from flattened(node.body)
        else:
            yield node


def stored(target: ast.AST) -> Iterator[str]:
    """The names that an assignment binds."""
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id


def imported(node: ast.Import | ast.ImportFrom) -> dict[str, Target]:
    """The names that an import statement binds, and what each is."""
    found: dict[str, Target] = {}
    if isinstance(node, ast.Import):
        for one in node.names:
            bound = one.asname or one.name.partition(".")[0]
            module = one.name if one.asname else bound
            found[bound] = Outside(module, "", bound)
        return found
    module = node.module or ""
    for one in node.names:
        bound = one.asname or one.name
        if module.partition(".")[0] in ROOMS:
            found[bound] = Symbol(module, one.name)
        else:
            found[bound] = Outside(module, one.name, bound)
    return found
