"""What the loop keeps while it runs: its moments, its numbers, its time."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.nn import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Split, Trick


class Point(NamedTuple):
    """A number of a run, after ``step`` steps. README.md lists the keys."""

    step: int
    key: str
    value: float


class Diverged(Exception):
    """The loss is not a number any more: a result, not a crash."""

    def __init__(self, step: int) -> None:
        super().__init__(f"the loss is not a number at step {step}")
        self.step = step


class Moments:
    """The tricks of an arm by the moment they change, in the arm's order."""

    def __init__(self, tricks: Sequence[Trick]) -> None:
        self.tricks = tricks
        self.changed: defaultdict[str, list[Trick]] = defaultdict(list)

    def __getitem__(self, moment: str) -> list[Trick]:
        if moment not in self.changed:
            self.changed[moment] = [one for one in self.tricks if one.changes(moment)]
        return self.changed[moment]

    def __iter__(self) -> Iterator[Trick]:
        return iter(self.tricks)

    def only(self, moment: str) -> Callable[..., Any] | None:
        """The hook of the one trick that owns a moment, or None.

        Raises:
            ValueError: two tricks own it; the checks before launch refuse such an arm.
        """
        owners = self[moment]
        if len(owners) > 1:
            raise ValueError(f"{' and '.join(one.id() for one in owners)} both own {moment}")
        return getattr(owners[0], moment) if owners else None


class Alternates:
    """The tricks that change batches; of those that alternate, each batch gets one, at random."""

    def __init__(self, tricks: Sequence[Trick], rng: Generator) -> None:
        self.tricks = tricks
        self.rng = rng
        self.rivals = [one for one in tricks if one.alternates]

    def of_this_batch(self) -> Sequence[Trick]:
        if len(self.rivals) < 2:
            return self.tricks
        chosen = self.rivals[int(torch.randint(len(self.rivals), (), generator=self.rng))]
        return [one for one in self.tricks if one is chosen or not one.alternates]


class Place:
    """Where in its data a run is: the order of this epoch, and how many batches of it are done.

    Tricks change the training set from the next epoch on, so an epoch keeps the one it began with.
    """

    def __init__(self, split: Split) -> None:
        self.order: Tensor | None = None
        self.split = split
        self.size = 1
        self.done = self.count = 0

    @property
    def over(self) -> bool:
        """Whether another epoch begins with the next batch."""
        return self.done == self.count

    @property
    def left(self) -> Tensor:
        """The indices of the examples that this epoch has not come to."""
        assert self.order is not None
        return self.order[self.done * self.size :]

    def begin(self, order: Tensor, split: Split, size: int) -> None:
        """An epoch over the examples of ``split`` in this order, in batches of ``size``."""
        self.order, self.split = order, split
        self.size = min(size, len(order))
        self.done, self.count = 0, len(order) // self.size


class Clock:
    """Seconds of training; what is not training is taken out."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.before = 0.0
        self.since: float | None = None

    @property
    def seconds(self) -> float:
        return self.before + (time.perf_counter() - self.since if self.since is not None else 0.0)

    def over(self, budget: float) -> bool:
        """Whether a budget in seconds is used up."""
        return self.seconds >= budget

    def part(self, budget: float, parts: int) -> int:
        """Which of so many equal parts of a budget in seconds is running, 0 to parts - 1."""
        return min(parts - 1, int(self.seconds / budget * parts))

    def start(self) -> None:
        self.since = time.perf_counter()

    def stop(self) -> None:
        if self.since is None:
            return
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.before, self.since = self.seconds, None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time in which the run does not train."""
        running = self.since is not None
        self.stop()
        try:
            yield
        finally:
            if running:
                self.start()


ALIGN = 16  # numbers: a parameter begins on a cache line, as if it had been allocated alone


class Flat:
    """A network's weights and its gradients, each in one buffer that the parameters are views of.

    Clearing the gradients, taking their norm and a step of plain descent are one operation each,
    however many layers there are. A parameter's view has the strides that the parameter had.
    """

    def __init__(self, network: Module) -> None:
        self.parameters = list(network.parameters())
        first = self.parameters[0]
        starts = [0, *accumulate(-(-one.numel() // ALIGN) * ALIGN for one in self.parameters)]
        self.weights = Parameter(torch.zeros(starts[-1], dtype=first.dtype, device=first.device))
        self.gradients = torch.zeros_like(self.weights)
        self.views: list[Tensor] = []
        for one, start in zip(self.parameters, starts, strict=False):
            weights, gradients = (
                buffer.as_strided(one.shape, one.stride(), start)
                for buffer in (self.weights.data, self.gradients)
            )
            one.data = weights.copy_(one.data)
            self.views.append(gradients)
        self.clear()

    def clear(self) -> None:
        """Set all gradients to zero; a view that somebody replaced is put back."""
        self.gradients.zero_()
        self.weights.grad = self.gradients
        for one, view in zip(self.parameters, self.views, strict=True):
            if one.grad is not view:
                one.grad = view

    def norm(self) -> Tensor:
        """The Euclidean norm of all gradients, a scalar."""
        norm: Tensor = torch.linalg.vector_norm(self.gradients)
        return norm


class Record:
    """The numbers of every step, kept on the device until they are handed on."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.norms: list[Tensor] = []
        self.rates: list[float] = []
        self.steps = 0  # done so far
        self.flushed = time.perf_counter()

    def norm(self, flat: Flat) -> None:
        """Remember the norm of the gradients; of a step's several passes, the first counts."""
        if len(self.norms) == len(self.losses):
            self.norms.append(flat.norm())

    def step(self, loss: Tensor, lr: float) -> None:
        self.losses.append(loss.detach())
        self.rates.append(lr)
        self.steps += 1

    def age(self) -> float:
        """Seconds since numbers were last handed on."""
        return time.perf_counter() - self.flushed

    def flush(self, step: int) -> Iterator[Point]:
        """The points of all steps up to ``step`` that were not handed on yet.

        Raises:
            Diverged: after the points before it, at the first loss that is not finite.
        """
        if not self.losses:
            return
        losses, norms = torch.stack([torch.stack(self.losses), torch.stack(self.norms)]).tolist()
        first = step - len(losses) + 1
        rates = self.rates
        self.losses, self.norms, self.rates = [], [], []
        for at, (loss, norm, lr) in enumerate(zip(losses, norms, rates, strict=True), first):
            if not math.isfinite(loss):
                raise Diverged(at)
            yield Point(at, "loss", loss)
            yield Point(at, "grad_norm", norm)
            yield Point(at, "lr", lr)
        self.flushed = time.perf_counter()
