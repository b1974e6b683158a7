"""The catalog: every trick is a file in a folder named for its family, and joins by existing."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from tricks.base import Trick

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_FAMILY = {"layers"}  # the nn.Modules that tricks put into a network: they import torch


@cache
def catalog() -> Mapping[str, type[Trick]]:
    """All tricks by id, family by family. Imports no torch.

    Raises:
        TypeError: a file holds no trick or several, or two files have the same name.
    """
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
    module = importlib.import_module(name)
    here = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Trick) and value.__module__ == name
    ]
    if len(here) != 1:
        raise TypeError(f"{name} must define one trick, not {len(here)}")
    return here[0]
