"""What an arm does not use is left out: conditions that are decided beforehand, and dead code."""

from __future__ import annotations

import ast
import operator
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from trainer.export.script_edits import Edits

    Known = Mapping[tuple[str, str], object]

UNKNOWN = object()
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
}


def value_of(node: ast.expr, known: Known) -> object:
    """What an expression is if it is decided by ``known``, else UNKNOWN.

    ``known`` has attributes by owner and name, and local variables without an owner.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return known.get(("", node.id), UNKNOWN)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return known.get((node.value.id, node.attr), UNKNOWN)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = value_of(node.operand, known)
        return UNKNOWN if inner is UNKNOWN else not inner
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = value_of(node.left, known), value_of(node.comparators[0], known)
        compare = COMPARISONS.get(type(node.ops[0]))
        if UNKNOWN in (left, right) or compare is None:
            return UNKNOWN
        return compare(left, right)
    if isinstance(node, ast.BoolOp):
        return of_several(node, known)
    if isinstance(node, ast.IfExp):
        test = value_of(node.test, known)
        if test is not UNKNOWN:
            return value_of(node.body if test else node.orelse, known)
        either = value_of(node.body, known)
        return either if either is value_of(node.orelse, known) else UNKNOWN
    return UNKNOWN


def of_several(node: ast.BoolOp, known: Known) -> object:
    """One false part decides ``and``, one true part ``or``, whatever the others are."""
    parts = [value_of(one, known) for one in node.values]
    decides = isinstance(node.op, ast.Or)
    for part in parts:
        if part is not UNKNOWN and bool(part) is decides:
            return part if parts[0] is part else decides
    return UNKNOWN if UNKNOWN in parts else parts[-1]


class Folding(ast.NodeVisitor):
    """Writes the changes of decided conditions, and remembers which nodes are left out."""

    def __init__(self, edits: Edits, known: Known) -> None:
        self.edits, self.known = edits, dict(known)
        self.dead: set[ast.AST] = set()
        self.heads: set[ast.AST] = set()  # an elif whose if is gone

    def fold(self, node: ast.AST, hidden: AbstractSet[str]) -> None:
        """Fold a definition; attributes in ``hidden`` are read outside it and stay."""
        if isinstance(node, ast.ClassDef):
            self.own_attributes(node, hidden)
        self.visit(node)

    def own_attributes(self, node: ast.ClassDef, hidden: AbstractSet[str]) -> None:
        """Attributes that ``__init__`` sets to something decided are decided too."""
        methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
        body = [line for one in methods if one.name == "__init__" for line in one.body]
        reached = self.reached(node)
        stores = Counter(attribute for one in reached for attribute in stored_in_self(one))
        for one in self.certain(body):
            if not isinstance(one, ast.Assign | ast.AnnAssign) or one.value is None:
                continue
            target = one.targets[0] if isinstance(one, ast.Assign) else one.target
            value = value_of(one.value, self.known)
            for name in stored_in_self(target):
                if stores[name] == 1 and value is not UNKNOWN and name not in hidden:
                    self.known["self", name] = value
                    self.leave_out([one])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """A variable that is bound once, to nothing, true or false, is decided in its function."""
        before = dict(self.known)
        stores = Counter(name for one in self.reached(node) for name in bound_by(one))
        for one in self.certain(node.body):
            if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
                name, value = one.targets[0].id, value_of(one.value, self.known)
                if stores[name] == 1 and (value is None or isinstance(value, bool)):
                    self.known["", name] = value
                    self.leave_out([one])
        self.generic_visit(node)
        self.known = before

    def visit_Name(self, node: ast.Name) -> None:
        self.read(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            self.read(node)
        self.generic_visit(node)

    def read(self, node: ast.Name | ast.Attribute) -> None:
        """What is not bound any more is written down where it is read."""
        value = value_of(node, self.known)
        if value is not UNKNOWN and isinstance(node.ctx, ast.Load):
            self.edits.replace(node, repr(value))

    def certain(self, body: list[ast.stmt]) -> Iterator[ast.stmt]:
        """The statements that run in any case."""
        for one in body:
            if not isinstance(one, ast.If):
                yield one
                continue
            test = value_of(one.test, self.known)
            if test is not UNKNOWN:
                yield from self.certain(one.body if test else one.orelse)

    def reached(self, node: ast.AST) -> Iterator[ast.AST]:
        """A node and all below it that can run."""
        if node in self.dead:
            return
        yield node
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.If):
            test = value_of(node.test, self.known)
            if test is not UNKNOWN:
                children = list(node.body if test else node.orelse)
        for child in children:
            yield from self.reached(child)

    def leave_out(self, body: list[ast.stmt]) -> None:
        if body:
            first = self.edits.comments_above(body[0].lineno)
            self.edits.drop(first, body[-1].end_lineno or 0)
        for one in body:
            self.dead |= set(ast.walk(one))

    def visit(self, node: ast.AST) -> None:
        if node in self.dead:
            return
        for name in ("body", "orelse"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                self.after_return(body)
        super().visit(node)

    def after_return(self, body: list[ast.stmt]) -> None:
        """What stands behind a condition that is always true and returns is never reached."""
        for i, one in enumerate(body):
            if isinstance(one, ast.If) and isinstance(one.body[-1], ast.Return | ast.Raise):
                test = value_of(one.test, self.known)
                if test is not UNKNOWN and test:
                    self.leave_out(body[i + 1 :])

    def visit_Assert(self, node: ast.Assert) -> None:
        self.leave_out([node])  # it speaks to the type checker

    def visit_If(self, node: ast.If) -> None:
        test = value_of(node.test, self.known)
        if test is UNKNOWN:
            self.generic_visit(node)
            return
        self.dead |= set(ast.walk(node.test))
        kept, other = (node.body, node.orelse) if test else (node.orelse, node.body)
        for one in other:
            self.dead |= set(ast.walk(one))
        if node not in self.heads and self.says(node, b"elif"):
            self.in_chain(node, kept)
        else:
            self.alone(node, kept)
        for one in kept:
            self.visit(one)

    def says(self, node: ast.stmt, word: bytes) -> bool:
        start = self.edits.start(node)
        return self.edits.text[start : start + len(word)] == word

    def alone(self, node: ast.If, kept: list[ast.stmt]) -> None:
        """A decided ``if``: of its branches one takes its place."""
        first, last = node.lineno, node.end_lineno or node.lineno
        if not kept:
            self.edits.drop(self.edits.comments_above(first), last)
        elif self.says(kept[0], b"elif"):
            self.edits.drop(first, kept[0].lineno - 1)
            start = self.edits.start(kept[0])
            self.edits.cut(start, start + len("el"))
            self.heads.add(kept[0])
        else:
            begin = self.edits.comments_above(kept[0].lineno)
            end = kept[-1].end_lineno or last
            self.edits.drop(first, begin - 1)
            self.edits.dedent(begin, end)
            self.edits.drop(end + 1, last)

    def in_chain(self, node: ast.If, kept: list[ast.stmt]) -> None:
        """A decided ``elif``: it becomes the ``else``, or leaves the chain."""
        last = node.end_lineno or node.lineno
        if kept is node.body:
            self.edits.change(self.edits.start(node), self.edits.end(node.test), "else")
            self.edits.drop((kept[-1].end_lineno or last) + 1, last)
        else:
            self.edits.drop(node.lineno, (node.body[-1].end_lineno or last) if kept else last)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        test = value_of(node.test, self.known)
        if test is UNKNOWN:
            self.generic_visit(node)
            return
        kept, other = (node.body, node.orelse) if test else (node.orelse, node.body)
        self.dead |= set(ast.walk(node.test)) | set(ast.walk(other))
        start, end, text = self.edits.start(node), self.edits.end(node), self.edits.text
        if text[start - 2 : start] == b" (" and text[end : end + 1] == b")":
            start, end = start - 1, end + 1
        self.edits.cut(start, self.edits.start(kept))
        self.edits.cut(self.edits.end(kept), end)
        self.visit(kept)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Mult) and value_of(node.right, self.known) == 1:
            self.edits.cut(self.edits.end(node.left), self.edits.end(node))
            self.dead |= set(ast.walk(node.right))
            self.visit(node.left)
            return
        self.generic_visit(node)

    def decided(self, node: ast.Compare | ast.UnaryOp) -> None:
        value = value_of(node, self.known)
        if value is UNKNOWN:
            self.generic_visit(node)
            return
        self.edits.replace(node, repr(value))
        self.dead |= set(ast.walk(node))

    visit_Compare = visit_UnaryOp = decided


def stored_in_self(node: ast.AST) -> Iterator[str]:
    """The attribute of ``self`` that a node binds."""
    if not isinstance(node, ast.Attribute) or isinstance(node.ctx, ast.Load):
        return
    if isinstance(node.value, ast.Name) and node.value.id == "self":
        yield node.attr


def bound_by(node: ast.AST) -> Iterator[str]:
    """The variable that a node binds."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler | ast.alias):
        yield node.name or ""
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names
