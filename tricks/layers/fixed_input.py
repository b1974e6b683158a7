"""First layers that are computed from the training set once and never trained."""

from __future__ import annotations

from torch import Tensor, nn


class Standardize(nn.Module):
    """``(x - mean) / spread``, each broadcast over (N, channels, height, width)."""

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.spread


class Project(nn.Module):
    """``(x - mean) @ matrix`` of the flattened image, in the image's shape again."""

    mean: Tensor
    matrix: Tensor

    def __init__(self, mean: Tensor, matrix: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("matrix", matrix)

    def forward(self, x: Tensor) -> Tensor:
        return ((x.flatten(1) - self.mean) @ self.matrix).reshape(x.shape)
