"""The catalog: every trick is a file in a folder named for its family, and joins by existing."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
import time
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from tricks import own
from tricks.base import Slot, Trick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tricks.own import Problem, Stamp

    Tricks = Mapping[str, type[Trick]]

NO_FAMILY = {"layers"}  # the nn.Modules that tricks put into a network: they import torch
LOADING = threading.RLock()
LOOK_EVERY = 0.1  # seconds; a page asks for the catalog hundreds of times in a row


class Shelf(NamedTuple):
    """The catalog as it was with these files of one's own."""

    stamp: Stamp
    tricks: Tricks
    problems: tuple[Problem, ...]


SHELVES: list[Shelf] = []  # the present one alone
LOOKS: list[tuple[object, float]] = []  # where it was last looked for files, and when
LOADED: dict[tuple[str, int, int], type[Trick] | Problem] = {}  # files of one's own, once each


def catalog() -> Tricks:
    """All tricks by id, family by family, those of one's own last. Imports no torch.

    Raises:
        TypeError: a file of the catalog holds no trick or several, or two have the same name.
    """
    return shelf().tricks


def problems() -> tuple[Problem, ...]:
    """The files of one's own that did not become tricks."""
    return shelf().problems


def adopt(file: Path) -> tuple[type[Trick] | None, str]:
    """Let a file join the catalog of this process, wherever it lies: its trick, or why not."""
    path = str(file.absolute())
    own.EXTRA.append(path)
    for one in catalog().values():
        if one.family() == own.FAMILY and sys.modules[one.__module__].__file__ == path:
            return one, ""
    told = [one for one in problems() if one.file == file.name]
    return None, f"{told[-1].reason} {told[-1].remedy}"


def shelf() -> Shelf:
    """The catalog with the files that are there now; read anew when one of them changed."""
    where, now = own.place(), time.monotonic()
    if LOOKS and LOOKS[0][0] == where and now - LOOKS[0][1] < LOOK_EVERY:
        return SHELVES[0]
    with LOADING:
        stamp = own.stamp()
        if not SHELVES or SHELVES[0].stamp != stamp:
            SHELVES[:] = [filled(stamp)]
        LOOKS[:] = [(where, now)]
    return SHELVES[0]


def filled(stamp: Stamp) -> Shelf:
    """The built-in tricks, and every file of one's own as a trick or a problem."""
    found = dict(built_in())
    wrong = []
    for file in stamp:
        if file not in LOADED:
            LOADED[file] = loaded(Path(file[0]))
        one = LOADED[file]
        if not isinstance(one, type):
            wrong.append(one)
        elif one.id() in found:
            wrong.append(taken(file[0], found[one.id()]))
        else:
            found[one.id()] = one
    slots = {f"slot:{slot}" for slot in Slot}
    for file in stamp:
        one = LOADED[file]
        if isinstance(one, type) and found.get(one.id()) is one:
            unknown = own.unknown_rules(one, found.keys() | slots)
            if unknown:
                del found[one.id()]
                wrong.append(
                    own.Problem(
                        Path(file[0]).name,
                        f"A rule of its card names {unknown[0]}, which is no trick and no slot.",
                        "Name a trick by its id or a slot as slot:loss.",
                    )
                )
    return Shelf(stamp, MappingProxyType(found), tuple(wrong))


def loaded(path: Path) -> type[Trick] | Problem:
    try:
        return own.load(path)
    except own.Unfit as unfit:
        return own.Problem(path.name, unfit.reason, unfit.remedy)


def taken(file: str, other: type[Trick]) -> Problem:
    whose = "another file" if other.family() == own.FAMILY else "a trick of the catalog"
    return own.Problem(
        Path(file).name,
        f"Its name is the id of {whose}, {other.card.title}.",
        "Rename the file and its class.",
    )


@cache
def built_in() -> Tricks:
    """The tricks that come with Trickboard."""
    found: dict[str, type[Trick]] = {}
    for family in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if not family.ispkg or family.name in NO_FAMILY:
            continue
        package = importlib.import_module(f"{__name__}.{family.name}")
        for file in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
            trick = only_trick(f"{package.__name__}.{file.name}")
            if trick.id() in found:
                raise TypeError(f"two tricks are called {trick.id()}: {found[trick.id()]}, {trick}")
            found[trick.id()] = trick
    return MappingProxyType(found)


def only_trick(name: str) -> type[Trick]:
    """The one trick that a module defines."""
    here = own.defined(importlib.import_module(name))
    if len(here) != 1:
        raise TypeError(f"{name} must define one trick, not {len(here)}")
    return here[0]
