"""Several networks that answer as one: the same modules with weights of other moments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.func import functional_call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.nn import Module

    Predictor = Callable[[Tensor], Tensor]
    Member = dict[str, Tensor]


def member(network: Module) -> Member:
    """A copy of the weights and buffers as they are."""
    parts = [*network.named_parameters(), *network.named_buffers()]
    return {name: part.detach().clone() for name, part in parts}


def become(network: Module, state: Member) -> None:
    """Give the network these weights and buffers."""
    with torch.no_grad():
        for name, part in [*network.named_parameters(), *network.named_buffers()]:
            part.copy_(state[name])


def mean_answer(logits_MNC: Tensor) -> Tensor:
    """The log of the mean probability of M members, (N, C)."""
    return logits_MNC.log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(logits_MNC))


def committee(network: Module, members: Sequence[Member]) -> Predictor:
    """Who answers with the mean probability of these; one alone answers with its logits."""

    def predict(x: Tensor) -> Tensor:
        logits = [functional_call(network, one, x) for one in members]
        return logits[0] if len(logits) == 1 else mean_answer(torch.stack(logits))

    return predict


def mixed(members: Sequence[Member]) -> Member:
    """The mean of the weights and buffers; of whole numbers the last. Wortsman et al. 2022."""
    return {
        name: torch.stack([one[name] for one in members]).mean(dim=0)
        if last.is_floating_point()
        else last
        for name, last in members[-1].items()
    }
