"""The numbers of every step of every run, kept on the device until they are handed on."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import torch

from trainer.record import Diverged, Point

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from torch import Tensor

    from trainer.stacking.member import Member


class Numbers:
    """As :class:`trainer.record.Record`, with a column for each run."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.norms: list[Tensor] = []
        self.rates: list[float | list[float]] = []
        self.flushed = time.perf_counter()

    def step(self, losses: Tensor, norms: Tensor, rates: float | list[float]) -> None:
        """Keep the losses and norms (M,) of a step, and its rate or rates."""
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

    def flush(
        self, members: Sequence[Member], step: int
    ) -> Generator[tuple[int, Point], None, list[tuple[Member, Diverged]]]:
        """The points of all steps up to ``step`` that were not handed on yet, run by run.

        Returns:
            The runs that diverged and where; the points before that were handed on.
        """
        if not self.losses:
            return []
        losses, norms = (torch.stack(one, dim=1).tolist() for one in (self.losses, self.norms))
        rates, first = self.rates, step - len(self.losses) + 1
        self.losses, self.norms, self.rates = [], [], []
        gone = []
        for m, member in enumerate(members):
            at, i = member.at, first
            for loss, norm, rate in zip(losses[m], norms[m], rates, strict=True):
                if not math.isfinite(loss):
                    gone.append((member, Diverged(i)))
                    break
                yield at, Point(i, "loss", loss)
                yield at, Point(i, "grad_norm", norm)
                yield at, Point(i, "lr", rate if isinstance(rate, float) else rate[m])
                i += 1
        self.flushed = time.perf_counter()
        return gone
