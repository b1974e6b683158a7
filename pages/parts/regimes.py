"""Where the effect of a trick shows in seconds: the setup that "Try it" opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer.designs import alone, arm_name
from trainer.statistics import minimum_seeds
from tricks import catalog

if TYPE_CHECKING:
    from tricks.base import Trick

    Data = dict[str, Any]

NOISY: Data = {"train_size": 400, "label_noise": 0.3, "epochs": 60}
DEEP: Data = {"network": {"kind": "mlp", "depth": 8, "width": 128}}
RARE: Data = {
    "train_size": 700,
    "imbalance": 50,
    "network": {"kind": "mlp", "depth": 3, "width": 64},
    "epochs": 6,
}

# By trick, else by family, else NOISY, on top of digits, an MLP of 3 x 128, batches of 32, 0.1.
# Each is a place where the trick has something to do; none is promised to end well.
SETUPS: dict[str, Data] = {
    "activation": {**DEEP, "epochs": 10},
    "soft_threshold": {"train_size": 400, "input_noise": 1.0, "epochs": 30},
    "batch_norm": {
        "network": {"kind": "mlp", "depth": 20, "width": 64},
        "epochs": 4,
        "lr": 0.05,
    },
    "group_norm": {
        "train_size": 800,
        "network": {"kind": "mlp", "depth": 2, "width": 128},
        "steps": 1200,
        "batch_size": 2,
        "lr": 0.02,
    },
    "skip_connection": {
        "network": {"kind": "mlp", "depth": 30, "width": 48},
        "epochs": 12,
        "lr": 0.02,
    },
    "initialization": {
        "network": {"kind": "mlp", "depth": 10, "width": 128},
        "epochs": 10,
        "lr": 0.02,
    },
    "focal_loss": {**RARE, "epochs": 15},
    "class_balance": RARE,
    "label_smoothing": {"train_size": 300, "label_noise": 0.2, "epochs": 60},
    "flooding": {"train_size": 300, "label_noise": 0.3, "epochs": 150},
    "nesterov": {"epochs": 2},
    "adamw": {"epochs": 2},
    "grad_clip": {"network": {"kind": "mlp", "depth": 12, "width": 64}, "epochs": 12},
    "cyclic_cosine": {"train_size": 400, "label_noise": 0.1, "epochs": 40},
    "one_cycle": {"epochs": 2, "lr": 0.2},
    "warmup": {**DEEP, "epochs": 4, "lr": 0.2},
}
# What belongs beside a trick, since its claim is about it.
BESIDE = {"group_norm": ["batch_norm"], "focal_loss": ["class_balance"]}
BY_LOSS = {"flooding"}  # shows in the test loss only

# Knobs that are left at their defaults are turned to where the effect was seen.
TURNED: dict[str, dict[str, float]] = {
    "mixup": {"alpha": 1.0},
    "flooding": {"level": 0.3},
    "sam": {"rho": 0.2},
}


def setup(trick: type[Trick]) -> Data:
    """The setup for one trick, as experiment data."""
    own = SETUPS.get(trick.id()) or SETUPS.get(trick.family()) or NOISY
    base: Data = {
        "dataset": "digits",
        "network": {"kind": "mlp", "depth": 3, "width": 128},
        "batch_size": 32,
        "lr": 0.1,
    }
    return {**base, **own}


def rivals(trick: type[Trick]) -> list[str]:
    """What a trick that the plain net has already is compared with: the others of its slot."""
    return [
        one.id()
        for one in catalog().values()
        if one is not trick and one.slot is not None and one.slot == trick.slot
    ]


def turned(trick: type[Trick], knobs: dict[str, float]) -> dict[str, float]:
    """The knobs for a trial: as a person set them, else where the effect shows."""
    untouched = all(knobs.get(knob.name, knob.default) == knob.default for knob in trick.knobs())
    return knobs | TURNED.get(trick.id(), {}) if untouched else knobs


def try_it(trick: type[Trick], knobs: dict[str, float]) -> Data:
    """The experiment that shows this trick: the plain net and the trick, with enough seeds."""
    title = trick.card.title
    if trick.is_default:
        choices: list[Data] = [{"id": one, "knobs": {}} for one in rivals(trick)]
        name = f"What can replace {title}?"
    else:
        choices = [{"id": trick.id(), "knobs": turned(trick, knobs)}]
        choices += [{"id": one, "knobs": {}} for one in BESIDE.get(trick.id(), [])]
        name = f"What does {arm_name(trick.id())} do?"
    return {
        "name": name,
        "setup": setup(trick),
        "arms": alone(choices),
        "seeds": list(range(minimum_seeds(len(choices)))),
        "metric": "test_loss" if trick.id() in BY_LOSS else "test_accuracy",
        "design": "alone",
    }
