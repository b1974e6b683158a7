"""Layers that stand still, whatever the optimizer has in its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.nn import Module, Parameter


def layers_of(network: Module) -> list[list[Parameter]]:
    """The weights of each layer, from the input on; a parametrized weight is its layer's."""
    found: dict[str, list[Parameter]] = {}
    for name, weight in network.named_parameters():
        layer = name.split(".parametrizations.")[0] + ".weight" if "parametriz" in name else name
        found.setdefault(layer.rpartition(".")[0], []).append(weight)
    return list(found.values())


class Frozen:
    """Weights out of the backward pass, and what they are put back to after every step."""

    def __init__(self) -> None:
        self.weights: list[Parameter] = []
        self.stay: list[torch.Tensor] = []

    def freeze(self, layers: list[list[Parameter]]) -> None:
        """Freeze these as they are now; those that are frozen already stay as they were."""
        known = {id(one) for one in self.weights}
        for one in (weight for layer in layers for weight in layer):
            if id(one) not in known:
                one.requires_grad_(False)
                self.weights.append(one)
                self.stay.append(one.detach().clone())

    def restore(self) -> None:
        """Undo what momentum, weight decay or noise did to them."""
        with torch.no_grad():
            for weight, stay in zip(self.weights, self.stay, strict=True):
                weight.copy_(stay)
