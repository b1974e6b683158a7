"""Weights that are standardized whenever they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


def standardize(weight: Tensor, eps: float = 1e-10) -> Tensor:
    """Mean 0 and variance 2 / inputs for the weights of each output, (outputs, ...).

    Qiao et al. 2019, equation 8, times a constant: behind a norm layer the constant has no effect,
    neither on outputs nor on gradients, and without one the signal keeps its size (Brock et al.
    2021, arXiv 2101.08692, equation 4, with the gain of ReLU).
    """
    rows = weight.flatten(1)
    centered = rows - rows.mean(dim=1, keepdim=True)
    variance = centered.square().mean(dim=1, keepdim=True)
    scale = (variance + eps).rsqrt() * (2 / rows.shape[1]) ** 0.5
    standardized: Tensor = centered * scale
    return standardized.reshape(weight.shape)


class Standardize(nn.Module):
    """:func:`standardize` as a parametrization of a weight."""

    def forward(self, weight: Tensor) -> Tensor:
        return standardize(weight)
