"""The numbers of every step of every run, kept on the device until they are handed on."""

from __future__ import annotations

import math
import time
from itertools import count
from typing import TYPE_CHECKING

import torch

from trainer.record import Diverged, Point
from trainer.stacking.losses import averaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from trainer.stacking.member import Member

    At = tuple[int, Point]
    Gone = tuple[Member, Diverged]


class Numbers:
    """As :class:`trainer.record.Record`, with a column for each run."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.norms: list[Tensor] = []
        self.rates: list[float | list[float]] = []
        self.flushed = time.perf_counter()

    def step(self, losses: Tensor, norms: Tensor, rates: float | list[float]) -> None:
        """Keep the losses (M,) or (M, N) and norms (M,) of a step, and its rate or rates."""
        self.losses.append(losses)
        self.norms.append(norms)
        self.rates.append(rates)

    def age(self) -> float:
        """Seconds since numbers were last handed on."""
        return time.perf_counter() - self.flushed

    def keep(self, which: Sequence[int]) -> None:
        """Forget the columns of the others."""
        self.losses = [one[list(which)] for one in self.losses]
        self.norms = [one[list(which)] for one in self.norms]
        self.rates = [
            one if isinstance(one, float) else [one[m] for m in which] for one in self.rates
        ]

    def flush(self, members: Sequence[Member], step: int) -> tuple[list[At], list[Gone]]:
        """What is to be told of all steps up to ``step`` that was not told yet, run by run.

        Returns:
            The points of all runs, and those runs whose loss was no number, with the step at which
            it was none; of them the points before it.
        """
        points: list[At] = []
        gone: list[Gone] = []
        if not self.losses:
            return points, gone
        every = torch.stack(self.losses, dim=1)
        losses = (averaged(every) if every.dim() > 2 else every).tolist()
        norms = torch.stack(self.norms, dim=1).tolist()
        rates, first = self.rates, step - len(self.losses) + 1
        self.losses, self.norms, self.rates = [], [], []
        for m, member in enumerate(members):
            own = [one if isinstance(one, float) else one[m] for one in rates]
            for i, loss, norm, rate in zip(count(first), losses[m], norms[m], own):
                if not math.isfinite(loss):
                    gone.append((member, Diverged(i)))
                    break
                points += (
                    (member.at, Point(i, "loss", loss)),
                    (member.at, Point(i, "grad_norm", norm)),
                    (member.at, Point(i, "lr", rate)),
                )
        self.flushed = time.perf_counter()
        return points, gone
