"""Comparisons to start from, each where something shows. The first is the first visit's."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from pages.parts.decoding import decode
from pages.parts.draft import UNTITLED, Draft

FIRST = "Wrong labels on digits"
EMPTY = "Empty"

EXAMPLES: dict[str, dict[str, Any]] = {
    FIRST: {
        "name": "Which trick survives wrong labels?",
        "setup": {
            "train_size": 400,
            "label_noise": 0.3,
            "network": {"kind": "mlp", "depth": 3, "width": 128},
            "epochs": 60,
        },
        "tricks": {"mixup": {"alpha": 1.0}, "dropout": {"p": 0.5}, "label_smoothing": {}},
    },
    "A deep plain net": {
        "name": "What lets thirty layers learn?",
        "setup": {
            "train_size": 1000,
            "network": {"kind": "mlp", "depth": 30, "width": 48},
            "epochs": 10,
            "lr": 0.01,
        },
        "tricks": {"batch_norm": {}, "skip_connection": {}, "init_torch_default": {}},
    },
    "Rare classes": {
        "name": "Focal loss or class balance for rare classes?",
        "setup": {
            "train_size": 700,
            "imbalance": 50,
            "network": {"kind": "mlp", "depth": 3, "width": 64},
            "epochs": 15,
        },
        "tricks": {"focal_loss": {"gamma": 2.0}, "class_balance": {}},
    },
    "Learning-rate schedules": {
        "name": "Which schedule gets most out of 20 epochs?",
        "setup": {"train_size": 400, "label_noise": 0.1, "epochs": 20},
        "tricks": {"cyclic_cosine": {}, "one_cycle": {}, "warmup": {}},
    },
    "Noisy inputs": {
        "name": "Does a soft threshold hear through noise better than ReLU?",
        "setup": {"train_size": 1000, "input_noise": 1.0, "epochs": 20, "lr": 0.03},
        "tricks": {"soft_threshold": {}, "dropout": {"p": 0.2}},
    },
    EMPTY: {"name": UNTITLED, "setup": {}, "tricks": {}},
}


@cache
def decoded(title: str) -> Draft:
    given = EXAMPLES[title]
    arms = [{"name": "baseline"}] + [
        {"name": trick, "tricks": [{"id": trick, "knobs": knobs}]}
        for trick, knobs in given["tricks"].items()
    ]
    plan = {"name": given["name"], "setup": given["setup"], "design": "alone", "arms": arms}
    return decode(plan)


def example(title: str = FIRST) -> Draft:
    """A fresh draft of an example."""
    return copy.deepcopy(decoded(title))
