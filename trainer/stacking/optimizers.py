"""The step of all optimizers: one for all where that is the same mathematics, else each its own."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, optim
from torch.nn import Parameter

from trainer.record import ALIGN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.optim import Optimizer

    from trainer.stacking.member import Member
    from trainer.stacking.rows import Rows

# They change each number by its own gradient and memory alone.
ELEMENTWISE: tuple[type[Optimizer], ...] = (
    optim.SGD, optim.Adam, optim.AdamW, optim.NAdam, optim.RAdam, optim.Adamax, optim.Adagrad,
    optim.Adadelta, optim.RMSprop, optim.Rprop,
)  # fmt: skip


class Plain:
    """Plain descent, at one rate or at each network's own."""

    def __init__(self, members: Sequence[Member], rows: Rows) -> None:
        self.weights, self.gradients = rows.weights.data, rows.gradients

    def step(self, rates: float | list[float]) -> None:
        if isinstance(rates, float):
            self.weights.add_(self.gradients, alpha=-rates)
        else:
            by = torch.tensor(rates, device=self.weights.device).unsqueeze(1)
            self.weights.addcmul_(self.gradients, by, value=-1)

    def settle(self) -> None:
        """Bring what the runs' own optimizers remember up to date."""


class Apart:
    """Each network's own optimizer."""

    def __init__(self, members: Sequence[Member], rows: Rows) -> None:
        self.members = members

    def step(self, rates: float | list[float]) -> None:
        for member in self.members:
            with member.trying():
                member.optimizer.step()

    def settle(self) -> None:
        """They are."""


class Together:
    """One optimizer on the buffer of all weights, in the place of all others.

    The memory of the others is views of its memory, but for what is one number for a parameter:
    that is copied to them by :meth:`settle`. A memory that a trick clears is noticed.
    """

    def __init__(self, members: Sequence[Member], rows: Rows) -> None:
        self.members, self.rows = members, rows
        one = members[0].optimizer
        self.tails = Tails(rows) if one.param_groups[0].get("fused") else None
        self.optimizer = copy.copy(one)
        self.optimizer.state = defaultdict(dict)
        params = [rows.weights, *(self.tails.all if self.tails else ())]
        self.optimizer.param_groups = [{**one.param_groups[0], "params": params}]
        self.shared = False
        self.apart: Apart | None = None
        if memory := gathered(members, rows):
            self.optimizer.state[rows.weights] = memory
            self.remember()
            self.settle()
            self.shared = True

    def step(self, rates: float | list[float]) -> None:
        assert isinstance(rates, float)
        if self.shared:
            self.look()
        if self.apart:
            self.apart.step(rates)
            return
        self.optimizer.param_groups[0]["lr"] = rates
        if self.tails:
            self.tails.take()
        self.optimizer.step()
        if self.tails:
            self.tails.give()
        if not self.shared:
            self.settle()
            self.shared = True

    def look(self) -> None:
        """A trick may have let a run's optimizer forget: then all do, or each goes its own way."""
        left = [bool(member.optimizer.state) for member in self.members]
        if all(left) or self.apart:
            return
        if any(left):
            self.settle([member for member, has in zip(self.members, left, strict=True) if has])
            self.apart = Apart(self.members, self.rows)
        else:
            self.optimizer.state.clear()
            self.shared = False

    def remember(self) -> None:
        """Give the tails what the runs' own optimizers remember of them."""
        if self.tails is None:
            return
        for j, tails in self.tails.of.items():
            for member, tail in zip(self.members, tails, strict=True):
                own = member.optimizer.state[member.parameters[j]]
                self.optimizer.state[tail] = {
                    name: copied(value).flatten() if numbers_of(value, tail) else copied(value)
                    for name, value in own.items()
                }

    def settle(self, members: Sequence[Member] | None = None) -> None:
        """Bring what the runs' own optimizers remember up to date."""
        memory = self.optimizer.state.get(self.rows.weights)
        if self.apart or not memory:
            return
        width = self.rows.weights.shape[1]
        tails = self.tails.of if self.tails else {}
        for m, member in enumerate(self.members):
            if members is not None and member not in members:
                continue
            for j, owner in enumerate(member.parameters):
                own = member.optimizer.state[owner]
                if j in tails:
                    for name, value in self.optimizer.state[tails[j][m]].items():
                        whole = numbers_of(value, owner)
                        own[name] = value.view(owner.shape) if whole else copied(value)
                    continue
                at = m * width + self.rows.starts[j]
                for name, value in memory.items():
                    if spread(value, self.rows):
                        own[name] = value.as_strided(owner.shape, owner.stride(), at)
                    else:
                        own[name] = copied(value)


class Tails:
    """Parameters whose numbers fill no whole vectors of a processor, each as a tensor of its own.

    A fused kernel rounds what is left over behind the last vector otherwise, and in the buffer of
    all weights nothing is left over.
    """

    def __init__(self, rows: Rows) -> None:
        self.weights = [(j, one) for j, one in enumerate(rows.all) if one.value[0].numel() % ALIGN]
        self.of: dict[int, list[Parameter]] = {}  # by the parameter's place, one for each network
        self.slopes: dict[int, list[Tensor]] = {}
        for j, one in self.weights:
            self.of[j] = [Parameter(value.flatten().clone()) for value in one.value]
            self.slopes[j] = [torch.zeros_like(tail.data) for tail in self.of[j]]
            for tail, slope in zip(self.of[j], self.slopes[j], strict=True):
                tail.grad = slope
        self.all = [tail for tails in self.of.values() for tail in tails]

    def take(self) -> None:
        """Before a step: their numbers and gradients."""
        for j, one in self.weights:
            tails = self.of[j]
            torch._foreach_copy_([tail.data for tail in tails], list(one.value.flatten(1)))
            torch._foreach_copy_(self.slopes[j], list(one.slope.flatten(1)))

    def give(self) -> None:
        """After it: what the numbers are now."""
        for j, one in self.weights:
            torch._foreach_copy_(list(one.value.flatten(1)), [tail.data for tail in self.of[j]])


def numbers_of(value: Any, weights: Tensor) -> bool:
    """Whether something an optimizer remembers of a parameter has a number for each of its own."""
    return isinstance(value, Tensor) and value.dim() > 0 and value.numel() == weights.numel()


def copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def spread(value: Any, rows: Rows) -> bool:
    """Whether something an optimizer remembers has a number for every weight."""
    return isinstance(value, Tensor) and value.shape == rows.weights.shape


def joins(members: Sequence[Member]) -> bool:
    """Whether one optimizer may stand for all: elementwise, one group of all the weights."""
    for member in members:
        groups = member.optimizer.param_groups
        if len(groups) != 1 or not elementwise(member.optimizer):
            return False
        if list(map(id, groups[0]["params"])) != list(map(id, member.parameters)):
            return False
    return True


def elementwise(optimizer: Optimizer) -> bool:
    return type(optimizer) in ELEMENTWISE or getattr(optimizer, "elementwise", False)


def gathered(members: Sequence[Member], rows: Rows) -> dict[str, Any]:
    """The memory of the runs' optimizers as that of one; empty if they have none.

    Raises:
        LookupError: they do not remember the same.
    """
    states = [[member.optimizer.state.get(p, {}) for p in member.parameters] for member in members]
    if not any(any(own) for own in states):
        return {}
    first = states[0][0]
    if any(own.keys() != first.keys() for row in states for own in row):
        raise LookupError("some remember what others do not")
    memory: dict[str, Any] = {}
    for name, value in first.items():
        if isinstance(value, Tensor) and value.shape == members[0].parameters[0].shape:
            memory[name] = in_rows(members, rows, [[own[name] for own in row] for row in states])
        else:
            if any(float(own[name]) != float(value) for row in states for own in row):
                raise LookupError(f"their {name} differs")
            memory[name] = copied(value)
    return memory


def in_rows(members: Sequence[Member], rows: Rows, values: list[list[Tensor]]) -> Tensor:
    """One tensor (M, P) of what each run remembers for each of its parameters."""
    together = torch.zeros_like(rows.weights.data)
    width = together.shape[1]
    for m, (member, row) in enumerate(zip(members, values, strict=True)):
        for owner, start, value in zip(member.parameters, rows.starts, row, strict=False):
            part = together.as_strided(owner.shape, owner.stride(), m * width + start)
            part.copy_(value)
    return together


def stepper(members: Sequence[Member], rows: Rows, *, alike: bool) -> Plain | Apart | Together:
    """Who takes the steps; ``alike``: all runs have the same rate at every step."""
    if members[0].plain:
        return Plain(members, rows)
    if alike and joins(members):
        try:
            return Together(members, rows)
        except LookupError:
            return Apart(members, rows)
    return Apart(members, rows)
