"""The weights of several networks of one shape as the rows of one buffer."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch.nn import Parameter

from trainer.record import ALIGN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module


class Unequal(Exception):
    """Runs that cannot be trained as one program, and why. Raised before their first step."""


class Weight:
    """One parameter of all networks: ``value`` and ``slope`` (M, ...) are views of the buffers.

    ``flat`` (M, numbers) is ``slope`` as it lies in memory. ``filled`` says whether ``slope`` is
    that of this step already; see :meth:`put`.
    """

    def __init__(
        self, owners: Sequence[Parameter], value: Tensor, slope: Tensor, flat: Tensor
    ) -> None:
        self.owners = owners
        self.value = value
        self.slope = slope
        self.flat = flat
        self.slopes = [one.grad for one in owners]  # its rows
        self.filled = False
        self.loose = False  # its gradients come from its owners' own backward passes
        self.free = True

    def put(self, slope: Tensor) -> None:
        """Add to the gradients of this step, (M, ...)."""
        if self.filled:
            self.slope.add_(slope)
        else:
            self.slope.copy_(slope)
            self.filled = True


class Rows:
    """The buffers (M, P) of M networks, whose parameters and gradients become views of their rows.

    Each network stays an ordinary one: what a trick does to it is done to its row.
    """

    def __init__(self, networks: Sequence[Module]) -> None:
        lists = [list(network.parameters()) for network in networks]
        same_shapes(lists)
        first = lists[0]
        starts = self.starts = [0, *accumulate(-(-one.numel() // ALIGN) * ALIGN for one in first)]
        width = starts[-1]
        self.weights = Parameter(
            torch.zeros(len(lists), width, dtype=first[0].dtype, device=first[0].device)
        )
        self.gradients = torch.zeros_like(self.weights)
        self.weights.grad = self.gradients
        self.of: dict[int, Weight] = {}  # by the id of the first network's parameter
        for one, start, owners in zip(first, starts, zip(*lists, strict=True), strict=False):
            for m, owner in enumerate(owners):
                value, slope = (
                    buffer.as_strided(one.shape, one.stride(), m * width + start)
                    for buffer in (self.weights.data, self.gradients)
                )
                owner.data, owner.grad = value.copy_(owner.data), slope
            value, slope = (
                buffer.as_strided((len(lists), *one.shape), (width, *one.stride()), start)
                for buffer in (self.weights.data, self.gradients)
            )
            flat = self.gradients[:, start : start + one.numel()]
            self.of[id(one)] = Weight(owners, value, slope, flat)
        self.all = list(self.of.values())

    def weight(self, one: Parameter) -> Weight:
        """All networks' parameter, from the first network's."""
        return self.of[id(one)]

    def begin(self) -> None:
        """Before a step: no gradient is there yet."""
        for one in self.all:
            if one.loose:
                one.slope.zero_()
            one.filled = one.loose

    def end(self) -> None:
        """After the backward pass: what it did not reach, and what is frozen, has gradient zero."""
        for one in self.all:
            if not one.filled:
                one.slope.zero_()
            elif not one.free:
                for owner in one.owners:
                    if not owner.requires_grad and owner.grad is not None:
                        owner.grad.zero_()

    def check(self) -> None:
        """Tricks may have frozen weights, freed them, or put other gradients in their place."""
        for one in self.all:
            one.free = all(owner.requires_grad for owner in one.owners)
            for owner, slope in zip(one.owners, one.slopes, strict=True):
                if owner.grad is not slope:
                    owner.grad = slope

    def norms(self) -> Tensor:
        """The Euclidean norm of all gradients of each network, (M,)."""
        norms: Tensor = torch.linalg.vector_norm(self.gradients, dim=1)
        return norms


def same_shapes(lists: Sequence[Sequence[Parameter]]) -> None:
    """Refuse networks that differ in more than their numbers."""

    def shape(parameters: Sequence[Parameter]) -> list[object]:
        return [(one.shape, one.stride(), one.dtype, one.device) for one in parameters]

    if any(shape(one) != shape(lists[0]) for one in lists):
        raise Unequal("their networks have weights of different shapes")
