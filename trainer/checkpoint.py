"""What training has changed of a run, as data: tensors, numbers and texts, never code.

A run that goes on is built from its seed as at its start: data, network, tricks. Then what training
changed is put back in place. :func:`capture` walks through the objects that a run is made of and
notes their values; :func:`restore` takes the same walk through those just built. What one object
shares with another (an optimizer its weights, a list its tensors) is shared again afterwards.
Functions and classes never change, so they are left as they are.

``torch.load(weights_only=True)`` reads such a file: whoever sends one sends numbers, not a program.
"""

from __future__ import annotations

import copy
import os
import types
import weakref
from collections import deque
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module, Parameter
from torch.utils.hooks import RemovableHandle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    State = dict[str, Any]

PLAIN = (type(None), bool, int, float, str)
UNCHANGING = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
    type,
    partial,
    weakref.ref,
    RemovableHandle,
    torch.dtype,
    torch.device,
    torch.memory_format,
    Enum,
)
PARTS = ("_parameters", "_buffers", "_modules")  # of a module, beside attributes of its own


class Unkept(Exception):
    """Something that a checkpoint cannot hold, and where it is."""


def capture(roots: Mapping[str, Any], known: Iterable[Any]) -> State:
    """The values of everything that can be reached from ``roots``.

    ``known`` are objects that are the same after the run was built again: what is equal to them is
    not stored.

    Raises:
        Unkept: there is something whose value cannot be told.
    """
    walk = Capture(known)
    return {name: walk.of(value, name) for name, value in roots.items()}


def restore(
    state: State,
    roots: Mapping[str, Any],
    known: Iterable[Any],
    remake: Callable[[str, Any], Any],
) -> dict[str, Any]:
    """Put the captured values into the objects of a run that was built again, in place.

    Args:
        state: what :func:`capture` gave, perhaps by way of a file.
        roots: the same roots, as they are at the start of the run.
        known: the same objects, in the same order.
        remake: gives a new object for one that came to be during training, from the name of the
            attribute and the object that has it.

    Returns:
        The roots; the objects among them are those that were given.

    Raises:
        Unkept: the state does not fit the run.
    """
    walk = Restore(known, remake)
    return {name: walk.of(state[name], fresh, name) for name, fresh in roots.items()}


class Capture:
    """Gives each object a number at first sight; a second sight is the number."""

    def __init__(self, known: Iterable[Any]) -> None:
        self.seen = list(known)  # kept alive, so that an id stays one object's
        self.numbers = {id(one): i for i, one in enumerate(self.seen)}

    def of(self, value: Any, at: str) -> Any:
        """The value as data: what is plain as it is, all else as a dict that says what it is."""
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, PLAIN) and not isinstance(value, Enum):
            return value
        if isinstance(value, UNCHANGING):
            return {"is": "same"}
        if id(value) in self.numbers:
            return {"is": "known", "n": self.numbers[id(value)]}
        self.numbers[id(value)] = len(self.seen)
        self.seen.append(value)
        return {"n": self.numbers[id(value)]} | self.inside(value, at)

    def inside(self, value: Any, at: str) -> State:
        match value:
            case Tensor():
                own = isinstance(value, Parameter)
                data = value.detach().clone()
                return {"is": "tensor", "data": data, "own": own, "grad": value.requires_grad}
            case torch.Generator():
                return {"is": "generator", "data": value.get_state()}
            case np.ndarray():
                return {"is": "array", "data": torch.from_numpy(value.copy())}
            case dict():
                pairs = [
                    [self.of(key, f"a key of {at}"), self.of(one, f"{at}[{key!r:.40}]")]
                    for key, one in value.items()
                ]
                return {"is": "dict", "of": pairs}
            case list() | deque() | tuple():
                items = [self.of(one, f"{at}[{i}]") for i, one in enumerate(value)]
                return {"is": "tuple" if isinstance(value, tuple) else "list", "of": items}
            case set():
                return {"is": "set", "of": [self.of(one, f"a member of {at}") for one in value]}
        if not hasattr(value, "__dict__"):
            raise Unkept(f"{at} is a {type(value).__name__}, which no checkpoint can hold")
        of = {name: self.of(one, f"{at}.{name}") for name, one in attributes(value).items()}
        return {"is": "object", "type": type(value).__qualname__, "of": of}


def attributes(value: Any) -> dict[str, Any]:
    """What belongs to an object; of a module its parts, without the books it keeps on hooks."""
    every: dict[str, Any] = vars(value)
    if not isinstance(value, Module):
        return every
    return {name: one for name, one in every.items() if name in PARTS or not name.startswith("_")}


class Restore:
    """Takes the walk again, and fills what it finds."""

    def __init__(self, known: Iterable[Any], remake: Callable[[str, Any], Any]) -> None:
        self.objects: dict[int, Any] = dict(enumerate(known))
        self.taken = {id(one) for one in self.objects.values()}
        self.remake = remake

    def of(self, saved: Any, fresh: Any, at: str, owner: Any = None) -> Any:
        """The restored value; ``fresh`` is what stands in its place in the run just built."""
        if not isinstance(saved, dict):
            return saved
        match saved["is"]:
            case "same" if fresh is None:
                raise Unkept(f"{at} came to be during training and is no data")
            case "same":
                return fresh
            case "known":
                return self.objects[saved["n"]]
        if id(fresh) in self.taken:  # it was shared at the start, but not any more
            fresh = None if isinstance(fresh, Tensor) else copy.copy(fresh)
        match saved["is"]:
            case "tensor":
                return self.note(saved, filled(fresh, saved))
            case "generator":
                fresh.set_state(saved["data"])
                return self.note(saved, fresh)
            case "array":
                return self.note(saved, saved["data"].numpy())
            case "dict":
                return self.fill_dict(saved, fresh, at)
            case "list":
                return self.fill_list(saved, fresh, at)
            case "tuple" | "set":
                before = fresh if isinstance(fresh, tuple) else ()
                items = [
                    self.of(one, before[i] if i < len(before) else None, f"{at}[{i}]")
                    for i, one in enumerate(saved["of"])
                ]
                if saved["is"] == "set":
                    return self.note(saved, set(items))
                named = hasattr(fresh, "_fields")
                return self.note(saved, type(fresh)(*items) if named else tuple(items))
            case _:
                return self.fill_object(saved, fresh, at, owner)

    def note(self, saved: State, value: Any) -> Any:
        """Whatever else was this object is it again."""
        self.objects[saved["n"]] = value
        self.taken.add(id(value))
        return value

    def fill_dict(self, saved: State, fresh: Any, at: str) -> Any:
        target = self.note(saved, fresh if isinstance(fresh, dict) else {})
        before = dict(target)
        target.clear()
        for key, one in saved["of"]:
            name = self.of(key, None, f"a key of {at}")
            target[name] = self.of(one, before.get(name), f"{at}[{name!r:.40}]")
        return target

    def fill_list(self, saved: State, fresh: Any, at: str) -> Any:
        target = self.note(saved, fresh if isinstance(fresh, list | deque) else [])
        before = list(target)
        target.clear()
        for i, one in enumerate(saved["of"]):
            target.append(self.of(one, before[i] if i < len(before) else None, f"{at}[{i}]"))
        return target

    def fill_object(self, saved: State, fresh: Any, at: str, owner: Any) -> Any:
        if type(fresh).__qualname__ != saved["type"]:
            fresh = self.remake(at.rpartition(".")[2], owner)
        if type(fresh).__qualname__ != saved["type"]:
            raise Unkept(f"{at} was a {saved['type']}, not a {type(fresh).__qualname__}")
        target = self.note(saved, fresh)
        own = vars(target)
        for name, one in saved["of"].items():
            own[name] = self.of(one, own.get(name), f"{at}.{name}", target)
        for name in attributes(target).keys() - saved["of"].keys():
            del own[name]
        return target


def filled(fresh: Any, saved: State) -> Tensor:
    """The tensor with the saved numbers: the one that is there, if it has their shape."""
    data: Tensor = saved["data"]
    fits = (
        isinstance(fresh, Tensor)
        and isinstance(fresh, Parameter) == saved["own"]
        and (fresh.shape, fresh.dtype) == (data.shape, data.dtype)
        and not fresh.is_inference()
    )
    if fits:
        fresh.data.copy_(data)
        return fresh.requires_grad_(saved["grad"])  # type: ignore[no-any-return]
    return Parameter(data, saved["grad"]) if saved["own"] else data.requires_grad_(saved["grad"])


# Files.


def write(path: Path, state: State, writer: int) -> None:
    """Write a checkpoint beside its place and move it there: it is there whole, or not at all.

    ``writer`` is a number that no other writer of the same place has.

    Raises:
        OSError: there is no room, or no permission.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{writer}.part")
    try:
        with beside.open("wb") as file:
            save(state, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)  # it takes room that others need
        raise


def save(state: State, file: BinaryIO) -> None:
    """``torch.save``; where a disk has no more room, torch itself says "unexpected pos".

    Raises:
        OSError: the file takes no more.
    """
    refusals: list[OSError] = []

    class Watched:
        def write(self, data: Any) -> int:
            try:
                return file.write(data)
            except OSError as refused:
                refusals.append(refused)
                raise

        def flush(self) -> None:
            file.flush()

    try:
        torch.save(state, Watched())  # type: ignore[arg-type]
    except RuntimeError:
        if refusals:
            raise refusals[0] from None
        raise


def read(path: Path, device: str) -> State:
    """The state in a file, its tensors where they were; those of another GPU on ``device``.

    Raises:
        Unkept: the file is gone, damaged, or more than data.
    """

    def place(storage: Any, where: str) -> Any:
        return storage if where == "cpu" else storage.to(device)

    try:
        state: State = torch.load(path, map_location=place, weights_only=True)
    except Exception as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise Unkept(f"{path.name} cannot be read: {first}") from error
    return state
