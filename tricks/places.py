"""Setups in which several tricks have something to do: what their cards' *Try it* opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Place = Mapping[str, Any]

EIGHT_LAYERS: Place = {"network": {"kind": "mlp", "depth": 8, "width": 128}, "epochs": 10}
TEN_LAYERS: Place = {
    "network": {"kind": "mlp", "depth": 10, "width": 128},
    "epochs": 10,
    "lr": 0.02,
}
STEEP: Place = {"network": {"kind": "mlp", "depth": 12, "width": 64}, "epochs": 8, "lr": 0.3}
LONG_ENOUGH_TO_SLOW_DOWN: Place = {"train_size": 400, "label_noise": 0.1, "epochs": 40}
RARE_CLASSES: Place = {
    "network": {"kind": "mlp", "depth": 3, "width": 64},
    "train_size": 700,
    "imbalance": 50,
    "epochs": 15,
}
BATCHES_OF_TWO: Place = {
    "network": {"kind": "mlp", "depth": 2, "width": 128},
    "train_size": 800,
    "batch_size": 2,
    "steps": 1200,
    "lr": 0.02,
}
NOISY_IMAGES: Place = {
    "network": {"kind": "resnet", "depth": 3, "width": 16},
    "train_size": 500,
    "input_noise": 1.0,
    "epochs": 10,
}
SHAPES: Place = {
    "dataset": "shapes",
    "difficulty": 0.0,
    "network": {"kind": "resnet", "depth": 3, "width": 8},
    "train_size": 500,
    "epochs": 10,
}
COLORED_SHAPES: Place = {
    "dataset": "shapes",
    "difficulty": 0.2,
    "network": {"kind": "cnn", "depth": 3, "width": 8},
    "train_size": 1000,
    "epochs": 10,
}
