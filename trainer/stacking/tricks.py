"""Which tricks may be asked once for all runs of an arm. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tricks.base import Trick

# The moments at which a trick can learn something of its own run.
OF_A_RUN = (
    "dataset", "sampler", "surgery", "initialize", "begin", "batch", "penalty", "gradients",
    "step", "after_step", "after_epoch", "predictor", "acted", "report",
)  # fmt: skip


def stateless(trick: Trick) -> bool:
    """Whether a trick is the same in every run of its arm, as far as its moments tell."""
    return not any(trick.changes(moment) for moment in OF_A_RUN)


def at_once(trick: Trick) -> bool:
    """Whether its loss may be asked for all runs at once."""
    return trick.stacks and stateless(trick)


def alike(tricks: Sequence[Trick]) -> bool:
    """Whether all runs of an arm have the same rate at every step."""
    return all(stateless(one) for one in tricks if one.changes("factor"))
