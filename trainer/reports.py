"""What is told of a run beside its curves: about the network, and what each trick found."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import diagnostics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module

    from trainer.tasks.classification import Classification
    from tricks.base import Trick

LOOKED_AT = 200  # test images that activations are measured on
RHO = 0.05  # how far uphill the sharpness looks: the radius of the paper's CIFAR-10 runs
ROOM = 12_000  # letters of a report for pictures
FIGURES = 5  # significant figures of a number in a report


@dataclass(kw_only=True)
class Report:
    """``metrics`` join the last numbers of the run, ``data`` is JSON; README.md lists the keys."""

    metrics: dict[str, float] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


def report(network: Module, task: Classification, tricks: Sequence[Trick]) -> Report:
    """Everything but the curves, in eval mode, after the last step."""
    data: dict[str, Any] = {"tricks": {one.id(): of_trick(one, task) for one in tricks}}
    if task.counts["extra_steps"]:
        data["extra_steps"] = task.counts["extra_steps"]
    if task.counts["bought"]:
        data["labels_bought"] = task.counts["bought"]
    data |= of_answers(*task.seen, task.classes)
    data |= of_network(network, task)
    metrics = {key: data[key] for key in ("balanced_accuracy", "ece")}
    return Report(metrics=metrics, data=rounded(data))


def of_trick(trick: Trick, task: Classification) -> dict[str, Any]:
    """What a trick tells of itself; whoever cleaned labels is told how many were wrong."""
    told = dict(trick.report())
    if "cleaning" in told:
        told["cleaning"] = told["cleaning"] | task.found(trick.id())
        told["cleaning"]["examples"] = packed(told["cleaning"].get("examples", ()))
    acted = trick.acted()
    if acted is not None:
        told["acted"] = acted._asdict()
    return told


def packed(examples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many examples as a report has room for, the pixels of each as base64 beside its shape."""
    found: list[dict[str, Any]] = []
    room = ROOM
    for one in examples:
        picture = np.array(one["pixels"], np.uint8)
        pixels = base64.b64encode(picture.tobytes()).decode("ascii")
        room -= len(pixels)
        if room < 0 and found:
            break
        found.append({**one, "pixels": pixels, "shape": list(picture.shape)})
    return found


def of_answers(logits: Tensor, y: Tensor, classes: int) -> dict[str, Any]:
    """How right and how sure the answers to the test images are."""
    sure = diagnostics.calibration(logits.softmax(dim=-1), y)
    matrix = diagnostics.confusion(logits.argmax(dim=-1), y, classes)
    return {
        "ece": sure.ece,
        "calibration": {"ece": sure.ece, "bins": [list(one) for one in sure.bins]},
        "confusion": matrix.tolist(),
        "recall": diagnostics.recall(matrix).tolist(),
        "balanced_accuracy": diagnostics.balanced_accuracy(matrix),
    }


def of_network(network: Module, task: Classification) -> dict[str, Any]:
    """What the network itself is like after training, whoever answers in its place."""
    x = task.test_x[:LOOKED_AT]
    found, logits = diagnostics.layers(network, x, task.chunk)
    train_x, train_y = task.slice_x[task.tests :], task.slice_y[task.tests :]
    return {
        "layers": [one._asdict() for one in found],
        "killed": diagnostics.killed(found, logits),
        "dead_units": diagnostics.dead_units(found),
        "weight_norm": diagnostics.weight_norm(diagnostics.matrices(network)).item(),
        "sharpness": {
            "rho": RHO,
            "rise": diagnostics.sharpness(network, train_x, train_y, RHO),
        },
    }


def on_grid(network: Module, logits: Tensor, y: Tensor, *, trained: bool) -> dict[str, float]:
    """The numbers beside every point of the curves.

    ``weight_norm``; after the first step ``grad_first`` and ``grad_last``, the norms of the
    gradients of the first and the last weight matrix in the latest batch; and ``ece`` of the (N, C)
    outputs that were judged anyway. Dead units are not among them: to find them takes as long as
    judging does.
    """
    weights = diagnostics.matrices(network)
    found = {
        "weight_norm": diagnostics.weight_norm(weights).item(),
        "ece": diagnostics.calibration_error(logits.softmax(dim=-1), y).item(),
    }
    ends = diagnostics.gradient_ends(weights) if trained else None
    return found | dict(zip(("grad_first", "grad_last"), ends or (), strict=False))


def rounded(value: Any) -> Any:
    """Numbers as long as somebody may read them; what is none becomes null."""
    if isinstance(value, float):
        return float(f"{value:.{FIGURES}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list | tuple) else value
