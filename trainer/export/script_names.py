"""Which names of a definition are global, and what they mean: Python's scopes, as far as needed."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from trainer.export.script_sources import Room, Symbol, Target, imported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.export.script_sources import Sources

Function = ast.FunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Use(NamedTuple):
    """A place that reads a global name. ``bound`` are the local names that hide globals there."""

    node: ast.Name | ast.Attribute
    target: Target
    bound: frozenset[str]


@dataclass
class Scope:
    """The names of one function or class; ``lazy`` came by an import inside it."""

    names: set[str]
    lazy: dict[str, Target] = field(default_factory=dict)
    is_class: bool = False


class Uses(ast.NodeVisitor):
    """Collects the :class:`Use` of a definition, and the imports that stand inside it."""

    def __init__(self, sources: Sources, module: str) -> None:
        self.sources, self.module = sources, module
        self.scopes: list[Scope] = []
        self.found: list[Use] = []
        self.lazy: list[ast.Import | ast.ImportFrom] = []

    def target(self, name: str) -> Target | None:
        """What a name means here; None if it is local or a builtin."""
        for depth, scope in enumerate(reversed(self.scopes)):
            if scope.is_class and depth:
                continue
            if name in scope.lazy:
                return self.sources.followed(scope.lazy[name])
            if name in scope.names:
                return None
        return self.sources.resolve(self.module, name)

    def bound(self) -> frozenset[str]:
        return frozenset().union(*(one.names for one in self.scopes if not one.is_class))

    def visit_Name(self, node: ast.Name) -> None:
        target = self.target(node.id)
        if target is not None:
            self.found.append(Use(node, target, self.bound()))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name):
            target = self.target(node.value.id)
            if isinstance(target, Room):
                inner = self.sources.followed(Symbol(target.module, node.attr))
                self.found.append(Use(node, inner, self.bound()))
                return
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.lazy.append(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.lazy.append(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for outer in (*node.decorator_list, node.returns):
            if outer is not None:
                self.visit(outer)
        self.function(node, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.function(node, [node.body])

    def function(self, node: Function, body: list[ast.stmt] | list[ast.expr]) -> None:
        given = node.args
        every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        for one in every:
            if one is not None and one.annotation is not None:
                self.visit(one.annotation)
        for default in (*given.defaults, *given.kw_defaults):
            if default is not None:
                self.visit(default)
        scope = Scope({one.arg for one in every if one is not None})
        outer: set[str] = set()
        for child in body:
            for inner in own_nodes(child):
                bind(inner, scope, outer)
        scope.names -= outer | scope.lazy.keys()
        self.scopes.append(scope)
        for child in body:
            self.visit(child)
        self.scopes.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outer in (*node.decorator_list, *node.bases, *(one.value for one in node.keywords)):
            self.visit(outer)
        scope = Scope(set(), is_class=True)
        for child in node.body:
            bind(child, scope, set())
            if isinstance(child, ast.Assign):
                scope.names |= {one.id for one in child.targets if isinstance(one, ast.Name)}
        self.scopes.append(scope)
        for child in node.body:
            if isinstance(child, ast.AnnAssign):  # the name of a field hides nothing of its type
                self.scopes.pop()
                self.visit(child.annotation)
                self.scopes.append(scope)
                if child.value is not None:
                    self.visit(child.value)
            else:
                self.visit(child)
        self.scopes.pop()

    def comprehension(self, node: Comprehension) -> None:
        first, *rest = node.generators
        self.visit(first.iter)
        names = {
            name.id
            for one in node.generators
            for name in ast.walk(one.target)
            if isinstance(name, ast.Name)
        }
        self.scopes.append(Scope(names))
        for inner in (*first.ifs, *rest):
            self.visit(inner)
        if isinstance(node, ast.DictComp):
            self.visit(node.key)
            self.visit(node.value)
        else:
            self.visit(node.elt)
        self.scopes.pop()

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what is below it in the same scope."""
    yield node
    if isinstance(node, ast.FunctionDef | ast.ClassDef | Function | Comprehension):
        return
    for child in ast.iter_child_nodes(node):
        yield from own_nodes(child)


def bind(node: ast.AST, scope: Scope, outer: set[str]) -> None:
    """Remember what a node binds in its scope; ``outer`` collects what it says is not local."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        scope.names.add(node.name)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        scope.names.add(node.id)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        scope.lazy |= imported(node)
    elif isinstance(node, ast.ExceptHandler) and node.name:
        scope.names.add(node.name)
    elif isinstance(node, ast.Global | ast.Nonlocal):
        outer |= set(node.names)
    elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
        scope.names.add(node.name)
