"""The batches of several runs, gathered many steps at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import one_hot

from trainer.stacking.rows import Unequal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from trainer.stacking.member import Member

BLOCK = 2**22  # bytes of images that are gathered at once, for all runs together


class Feed:
    """Batches (M, N, ...) without end, and the labels as the engine gives them to one run.

    Each run has its own order and its own epochs, which need not be equally long. ``kept``: a trick
    may keep a batch, so its place is not used again.
    """

    def __init__(self, members: Sequence[Member], *, soft: bool, kept: bool) -> None:
        self.members = members
        self.soft = soft
        self.kept = kept
        self.at = self.count = 0
        self.x = torch.empty(0)
        self.y: Tensor

    def next(self) -> tuple[Tensor, Tensor]:
        """The batch of the next step.

        Raises:
            Unequal: the batches of these runs have not the same size.
        """
        if self.at == self.count:
            self.gather()
        at, self.at = self.at, self.at + 1
        for member in self.members:
            member.place.done += 1
        return self.x[:, at], self.y[:, at]

    def gather(self) -> None:
        """The next steps, as many as all runs have left in their epochs and the block has room."""
        places = [member.begun() for member in self.members]
        size, shape = places[0].size, places[0].split.x.shape[1:]
        if any((one.size, one.split.x.shape[1:]) != (size, shape) for one in places):
            raise Unequal("their batches have different sizes")
        each = len(places) * size * places[0].split.x[0].nbytes
        count = min(max(1, BLOCK // each), *(one.count - one.done for one in places))
        x = places[0].split.x
        room = len(places), count, size, *shape
        if self.kept or self.x.shape != room:
            self.x = x.new_empty(room)
        flat = self.x.view(len(places), count * size, *shape)
        ys = []
        for one, part in zip(places, flat, strict=True):
            which = one.left[: count * size].to(x.device)
            torch.index_select(one.split.x, 0, which, out=part)
            ys.append(one.split.y.index_select(0, which))
        y = torch.stack(ys)
        if self.soft and not y.is_floating_point():
            y = one_hot(y, places[0].split.classes).float()
        self.y = y.view(len(places), count, size, *y.shape[2:])
        self.at, self.count = 0, count
