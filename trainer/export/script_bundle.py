"""One file out of many: what a piece of source needs of this house, and nothing else.

It begins with the definitions of a main module and follows their names: functions, classes and
constants of other files come in with their own text, imports of libraries move to the top, members
of classes that nobody mentions stay away, and what two files call the same gets two names.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer.export.script_edits import Edits
from trainer.export.script_folding import Folding
from trainer.export.script_names import Use, Uses
from trainer.export.script_sources import Outside, Room, Symbol, Target, Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from trainer.export.script_folding import Known
    from trainer.export.script_sources import Definition, Sources

MAIN = "main"
TOOLS = Symbol("tricks.loans", "Tools")
SPEC = Symbol("tricks.loans", "NetworkSpec")
# Types of the house that a script has no need of, and what it says instead.
INSTEAD = {
    Symbol("tricks.base", "Trick"): "object",
    Symbol("trainer.setup", "Setup"): "Settings",
}


@dataclass(eq=False)
class Piece:
    """A definition on its way into the file.

    ``shell`` are its nodes but those of ``members``, the parts of a class that may stay away;
    ``kept`` are the members that do not. What folding left out is in neither.
    """

    symbol: Symbol
    node: Definition
    edits: Edits
    uses: dict[ast.AST, Use]
    shell: list[ast.AST]
    members: dict[ast.stmt, list[ast.AST]]
    kept: dict[ast.stmt, None] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)  # what it says of ``self``
    looked: set[ast.stmt | None] = field(default_factory=set)

    def is_plain(self) -> bool:
        """Whether a trick has nothing to hold: no dataclass is needed."""
        return "tools" not in self.own and not any(
            isinstance(one, ast.AnnAssign) for one in self.kept
        )

    def live(self) -> Iterator[ast.AST]:
        """The nodes that go into the file."""
        yield from self.shell
        for member in self.kept:
            yield from self.members[member]

    def news(self) -> Iterator[ast.AST]:
        """The nodes that came in since this was last asked."""
        for part in (None, *self.kept):
            if part not in self.looked:
                self.looked.add(part)
                yield from self.shell if part is None else self.members[part]


class Bundle:
    """The definitions of a file. ``hooks`` are the methods of the tricks that the main text calls.

    ``known`` are attributes that are decided beforehand; conditions on them are folded. ``lent``
    are the members that the class of tools has in this file.
    """

    def __init__(
        self,
        sources: Sources,
        hooks: Mapping[Symbol, set[str]],
        *,
        known: Known | None = None,
        hidden: AbstractSet[str] = frozenset(),
        lent: AbstractSet[str] = frozenset(),
    ) -> None:
        self.sources, self.hooks, self.lent = sources, hooks, lent
        self.known, self.hidden = known or {}, hidden
        self.pieces: dict[Symbol, Piece] = {}
        self.mentions: set[str] = set()
        self.slots: set[str] = set()  # of the network's spec, that somebody reads or fills
        self.order: list[Symbol] = []

    def gather(self) -> None:
        """Take in all that the main module needs."""
        main = self.sources.open(MAIN)
        for name in main.definitions:
            if "." not in name:
                self.take(Symbol(MAIN, name))
        self.grow()
        for symbol in list(self.pieces):
            self.placed(symbol)

    def take(self, symbol: Symbol) -> None:
        """Take in one definition; those it uses follow."""
        if symbol in self.pieces:
            return
        source = self.sources.open(symbol.module)
        node = source.definitions.get(symbol.name)
        if node is None:
            raise Unsupported(f"{symbol.module} has no {symbol.name} that a script could take.")
        edits = Edits(source.text)
        folding = Folding(edits, self.known)
        folding.fold(node, self.hidden)
        uses = Uses(self.sources, symbol.module)
        uses.visit(node)
        for one in uses.lazy:
            edits.drop_import(one)
        dead = folding.dead | (declared(node) if symbol in self.hooks else set())
        members: dict[ast.stmt, list[ast.AST]] = {}
        if isinstance(node, ast.ClassDef) and (not node.bases or symbol in self.hooks):
            may = [one for one in node.body if may_go(one, symbol in self.hooks)]
            members = {one: list(below(one, dead)) for one in may}
        self.pieces[symbol] = Piece(
            symbol,
            node,
            edits,
            {one.node: one for one in uses.found},
            list(below(node, dead | members.keys())),
            members,
        )

    def grow(self) -> None:
        """Follow all names, and the members they wake, until nothing new comes of it."""
        news = True
        while news:
            news = False
            for piece in list(self.pieces.values()):
                for node in piece.news():
                    news = True
                    self.mentions.update(mentioned(node))
                    self.slots.update(of_spec(node))
                    piece.own.update(of_self(node))
                    use = piece.uses.get(node)
                    if use and self.follows(piece, use):
                        self.take(self.canonical(use.target))
            for piece in self.pieces.values():
                for member in piece.members:
                    if member not in piece.kept and self.wanted(piece, member):
                        piece.kept[member] = None
                        news = True

    def follows(self, piece: Piece, use: Use) -> bool:
        """Whether a used name brings another definition with it."""
        if isinstance(use.target, Room):
            raise Unsupported(f"{piece.symbol.module} uses all of the file {use.target.module}.")
        if isinstance(use.target, Outside) or use.target in INSTEAD:
            return False
        return not (piece.symbol in self.hooks and use.node in decoration(piece.node))

    def wanted(self, piece: Piece, member: ast.stmt) -> bool:
        """Whether a member of a class is used: called by the main text, or mentioned by name."""
        name = member_name(member)
        if piece.symbol in self.hooks:
            return name in piece.own or name in self.hooks[piece.symbol]
        if piece.symbol == TOOLS:
            return name in self.lent
        if piece.symbol == SPEC:
            return name in self.slots
        return name in self.mentions

    def canonical(self, target: Target) -> Symbol:
        """Two files may write the same type down; one of them is enough."""
        assert isinstance(target, Symbol)
        node = self.sources.open(target.module).definitions.get(target.name)
        if isinstance(node, ast.Assign):
            for other, piece in self.pieces.items():
                if other.name == target.name and ast.dump(piece.node) == ast.dump(node):
                    return other
        return target

    def placed(self, symbol: Symbol, around: tuple[Symbol, ...] = ()) -> None:
        """Put a definition into the order of the file, behind what it uses."""
        if symbol in self.order or symbol in around:
            return
        for use in self.uses(self.pieces[symbol]):
            if isinstance(use.target, Symbol):
                target = self.canonical(use.target)
                if target in self.pieces and target.module != MAIN:
                    self.placed(target, (*around, symbol))
        self.order.append(symbol)

    def uses(self, piece: Piece) -> list[Use]:
        """The uses that go into the file."""
        around: set[ast.AST] = set()
        if piece.symbol in self.hooks:
            around = decoration(piece.node) if piece.is_plain() else bases(piece.node)
        return [
            piece.uses[node] for node in piece.live() if node in piece.uses and node not in around
        ]

    def of_tricks(self) -> set[Symbol]:
        """The definitions that tricks need, directly or not."""
        found: set[Symbol] = set()
        ahead = [one for one in self.hooks if one in self.pieces]
        while ahead:
            symbol = ahead.pop()
            if symbol in found or symbol.module == MAIN:
                continue
            found.add(symbol)
            for use in self.uses(self.pieces[symbol]):
                if isinstance(use.target, Symbol) and use.target not in INSTEAD:
                    ahead.append(self.canonical(use.target))
        return found

    def names(self) -> dict[Target, str]:
        """What everything is called in the file; the main text and libraries keep their names."""
        wishes: dict[Target, str] = {}
        hiding: defaultdict[Target, set[str]] = defaultdict(set)
        for piece in self.pieces.values():
            for use in self.uses(piece):
                target = use.target
                if isinstance(target, Outside):
                    target = Outside(target.module, target.name, "")
                    wishes.setdefault(target, use.target.alias)  # type: ignore[union-attr]
                elif isinstance(target, Symbol) and target not in INSTEAD:
                    target = self.canonical(target)
                own = {name_of(use.node)} if isinstance(use.node, ast.Name) else set()
                hiding[target] |= use.bound - own
        wishes |= {symbol: symbol.name.rpartition(".")[2] for symbol in self.order}
        found: dict[Target, str] = {}
        for target in sorted(wishes, key=self.rank):
            taken = set(found.values()) | hiding[target] | set(dir(builtins))
            mine = self.pieces.get(target) if isinstance(target, Symbol) else None
            is_class = mine is not None and isinstance(mine.node, ast.ClassDef)
            found[target] = free(target, wishes[target], taken, is_class=is_class)
        return found

    def rank(self, target: Target) -> tuple[int, str, str]:
        """Who may choose a name first."""
        if isinstance(target, Outside):
            return 1, target.module, target.name
        first = 0 if target.module == MAIN else 3 if target in self.hooks else 2
        return first, target.module, target[-1]


def below(node: ast.AST, without: AbstractSet[ast.AST]) -> Iterator[ast.AST]:
    """A node and all below it, but for some and what is below those."""
    if node in without:
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from below(child, without)


def may_go(member: ast.stmt, of_trick: bool) -> bool:
    """Whether a member of a class is left out if nobody mentions it."""
    if isinstance(member, ast.FunctionDef):
        return not (member.name.startswith("__") and member.name.endswith("__")) or of_trick
    if isinstance(member, ast.Assign):
        return of_trick
    return isinstance(member, ast.AnnAssign)


def member_name(member: ast.stmt) -> str:
    if isinstance(member, ast.FunctionDef):
        return member.name
    target = member.targets[0] if isinstance(member, ast.Assign) else member.target  # type: ignore[attr-defined]
    return target.id if isinstance(target, ast.Name) else ""


def decoration(node: ast.AST) -> set[ast.AST]:
    """What stands around the body of a class."""
    if not isinstance(node, ast.ClassDef):
        return set()
    return {one for outer in (*node.decorator_list, *node.bases) for one in ast.walk(outer)}


def declared(node: ast.AST) -> set[ast.AST]:
    """How the fields of a trick are declared: all but their types and what they begin with."""
    found: set[ast.AST] = set()
    for member in node.body if isinstance(node, ast.ClassDef) else []:
        if isinstance(member, ast.AnnAssign) and isinstance(member.value, ast.Call):
            begins = ("default", "default_factory") if name_of(member.value.func) == "field" else ()
            stay = [one.value for one in member.value.keywords if one.arg in begins]
            found |= set(ast.walk(member.value)) - {x for one in stay for x in ast.walk(one)}
    return found


def bases(node: ast.AST) -> set[ast.AST]:
    if not isinstance(node, ast.ClassDef):
        return set()
    return {one for outer in node.bases for one in ast.walk(outer)}


def mentioned(node: ast.AST) -> Iterator[str]:
    """Names of members that a node speaks of."""
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.keyword) and node.arg:
        yield node.arg


def of_self(node: ast.AST) -> Iterator[str]:
    """What a node says of ``self``; whom it is handed to may ask it for its tools."""
    if isinstance(node, ast.Attribute) and name_of(node.value) == "self":
        yield node.attr
    elif isinstance(node, ast.Call) and "self" in map(name_of, node.args):
        yield "tools"


def of_spec(node: ast.AST) -> Iterator[str]:
    """What a node reads of a network's spec, or fills in."""
    if isinstance(node, ast.Attribute) and name_of(node.value) == "spec":
        yield node.attr
    elif isinstance(node, ast.Call) and last_of(node.func) in ("replace", "NetworkSpec"):
        yield from (one.arg for one in node.keywords if one.arg)


def last_of(node: ast.AST) -> str:
    """The name that a function is called by, without what is before the last dot."""
    return node.attr if isinstance(node, ast.Attribute) else name_of(node)


def name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def free(target: Target, wish: str, taken: set[str], *, is_class: bool) -> str:
    """The wish, or what is like it and still free.

    Raises:
        Unsupported: there are too many of that name.
    """
    place = target.module.rpartition(".")[2]
    if is_class:
        longer = [f"{wish}Trick", f"{place.title().replace('_', '')}{wish}"]
    elif wish.isupper():
        longer = [f"{place}_{wish}".upper(), f"{place}_{wish}_2".upper()]
    else:
        longer = [f"{place}_{wish}", f"{place}_{wish}_2"]
    for one in (wish, *longer):
        if one not in taken:
            return one
    raise Unsupported(f"There are too many things called {wish} in this arm.")
