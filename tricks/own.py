"""Tricks of one's own: the files in ``TRICKBOARD_HOME/tricks``, loaded from their paths.

A file that cannot be used is a problem to show, never an error: the catalog stands without it.
``TRICKBOARD_OWN_TRICKS=0`` leaves them all out; a server that others can reach does that.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from tricks.base import Card, Trick

if TYPE_CHECKING:
    from pathlib import Path

FAMILY = "own"
SWITCH = "TRICKBOARD_OWN_TRICKS"
EXTRA: list[str] = []  # further files, by path: what `tricks --check FILE` looks at

Stamp = tuple[tuple[str, int, int], ...]  # path, time of change, size of every file


class Problem(NamedTuple):
    """A file that did not become a trick: which, why, and what to do."""

    file: str
    reason: str
    remedy: str


class Unfit(Exception):
    """A file is no trick. ``reason`` and ``remedy`` are whole sentences."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}")
        self.reason, self.remedy = reason, remedy


def folder() -> str:
    """Where a person's own tricks are; the folder need not exist."""
    return os.path.join(os.environ.get("TRICKBOARD_HOME") or ".trickboard", "tricks")


def wanted() -> bool:
    """Whether they are loaded at all."""
    return os.environ.get(SWITCH, "1") != "0"


def place() -> tuple[object, ...]:
    """All that decides where files are looked for."""
    return folder() if wanted() else None, *EXTRA


def stamp() -> Stamp:
    """The files there are now; it differs as soon as one is added, changed or removed."""
    found = []
    if wanted():
        try:
            with os.scandir(folder()) as entries:
                files = [one for one in entries if one.name.endswith(".py")]
                for one in files:
                    known = one.stat()
                    found.append((one.path, known.st_mtime_ns, known.st_size))
        except OSError:  # no such folder, or a file went while it was looked at
            found.clear()
    extra = []
    for path in EXTRA:
        known = os.stat(path)
        extra.append((path, known.st_mtime_ns, known.st_size))
    # A file that lies in the folder and is named besides counts once, and named ones come first.
    first = {os.path.realpath(path) for path, _, _ in extra}
    rest = (
        [one for one in sorted(found) if os.path.realpath(one[0]) not in first]
        if extra
        else sorted(found)
    )
    return (*extra, *rest)


def version(trick: type[Trick]) -> str | None:
    """The hash of the source of a trick of one's own; None for one of the catalog's."""
    return trick.__module__.split(".")[0] if trick.family() == FAMILY else None


def load(path: Path) -> type[Trick]:
    """The one trick that a file defines. Its module's name carries the hash of its source.

    Raises:
        Unfit: it defines none or several, or cannot be run.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", path.stem):
        raise Unfit(
            "Its name cannot be a trick's id.",
            "Use small letters, digits and _ and begin with a letter, as in my_trick.py.",
        )
    try:
        source = path.read_bytes()
    except OSError as error:
        raise Unfit(f"It cannot be read: {error.strerror}.", "Look at its permissions.") from error
    digest = hashlib.sha256(source).hexdigest()[:16]
    module = ModuleType(f"trickboard_{digest}.{FAMILY}.{path.stem}")
    module.__file__ = str(path.absolute())
    for name in (f"trickboard_{digest}", f"trickboard_{digest}.{FAMILY}"):
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules[module.__name__] = module  # dataclasses and pickle look there
    try:
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
        return only_trick(module)
    except Unfit:
        raise
    except (Exception, SystemExit) as error:
        line = line_of(error, module.__file__)
        where = f" in line {line}" if line else ""
        said = " ".join(str(error).split()) or "no reason given"
        raise Unfit(
            f"It stopped{where} with {type(error).__name__}: {said.rstrip('.')}.",
            "Mend that line; python -m trainer tricks --check FILE tells more.",
        ) from error


def defined(module: ModuleType) -> list[type[Trick]]:
    """The tricks that a module defines itself."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Trick)
        and value.__module__ == module.__name__
    ]


def only_trick(module: ModuleType) -> type[Trick]:
    """The one trick of a module, if it can be shown."""
    here = defined(module)
    if len(here) != 1:
        count = "no trick" if not here else f"{len(here)} tricks"
        raise Unfit(
            f"It defines {count}.", "A file holds one class that inherits from tricks.base.Trick."
        )
    if not isinstance(getattr(here[0], "card", None), Card):
        raise Unfit("Its trick has no card.", "Give the class card = Card(...) from tricks.base.")
    here[0]()
    return here[0]


def line_of(error: BaseException, file: str) -> int | None:
    """The line of the file in which an error arose."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == file]
    return lines[-1] if lines else None


def unknown_rules(trick: type[Trick], known: set[str]) -> list[str]:
    """What the rules of a trick name that does not exist."""
    named = [name for rule in trick.card.rules for name in (rule.other, rule.unless) if name]
    return [name for name in named if name not in known]
