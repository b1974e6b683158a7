"""What the written part of a script depends on, and the small tools that it is written with."""

from __future__ import annotations

import builtins
import keyword
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer.datasets import DATASETS
from trainer.export.script_sources import Symbol
from trainer.rates import own_rate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.experiment import Arm, Setup
    from tricks.base import Trick

TASK = "trainer.tasks.classification"
# The names of the main text that come from elsewhere; those it does not use are not taken in.
OURS = f"""
from trainer.streams import number, stream
from trainer.record import Flat
from trainer.grid import MOST, interval, whole_epochs
from trainer.networks import cnn, kaiming, mlp, multiply_adds, resnet
from trainer.shapes import shapes
from {TASK} import (
    CACHE, LARGEST, TEST_SLICE, TRAIN_SLICE, answers, choose, marks, wrong_labels
)
from tricks.base import NetworkSpec, Pixels, Pool, Predictor, Split, Tools
"""
LIBRARIES = """
import argparse
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Generator, Tensor, nn
from torch.nn import Module
from torch.nn.functional import cross_entropy
from torchvision import datasets
"""
BATCHES = Symbol(TASK, "Classification.batches")  # a method that reads nothing of its object
WITH_RNG = ("dataset", "sampler", "surgery", "begin", "batch")
CALLED = (
    *WITH_RNG, "network", "initialize", "optimizer", "factor", "loss", "batch_loss", "penalty",
    "gradients", "step", "after_step", "after_epoch", "predictor",
)  # fmt: skip


@dataclass(kw_only=True)
class Plan:
    """What the main text depends on. ``lent`` are the tools that the tricks ask for.

    ``tooled`` are the ids of the tricks that ask, ``kind`` says whether they read the network's.
    """

    setup: Setup
    arm: Arm
    seed: int
    tricks: list[Trick]
    lent: set[str] = field(default_factory=set)
    tooled: set[str] = field(default_factory=set)
    kind: bool = False

    def who(self, moment: str) -> list[Trick]:
        return [one for one in self.tricks if one.changes(moment)]

    def called(self) -> list[Trick]:
        """The tricks that the loop calls; the others are in the settings alone."""
        return [one for one in self.tricks if any(one.changes(moment) for moment in CALLED)]

    @property
    def steps(self) -> int:
        steps = self.setup.total_steps
        assert steps is not None
        return steps

    @property
    def horizon(self) -> int:
        """For how many steps the schedules are made."""
        steps = self.steps
        for trick in self.tricks:
            steps = trick.horizon(steps)
        return steps

    @property
    def lr(self) -> float:
        return own_rate(self.setup, self.tricks, self.arm.lr_scale)

    @property
    def split(self) -> str:
        """Where the loop finds the training set."""
        return "tools.split" if "split" in self.lent else "split"

    @property
    def maps(self) -> bool:
        return self.setup.network.kind != "mlp"

    @property
    def all_judged(self) -> bool:
        """Whether every point of the curve is made of all test images."""
        return DATASETS[self.setup.dataset].test_size <= 500


# Names that the training loop uses itself.
LOCAL = {
    "Data", "SETTINGS", "Tools", "answers", "batches", "built", "chosen", "closure", "cnn", "count",
    "cross_entropy", "cut", "data", "device", "done", "ends_epoch", "epoch", "epochs", "evaluate",
    "every", "factor", "fit", "flat", "group", "i", "judge", "kaiming", "last", "life", "logits",
    "loss", "losses", "lots", "marks", "math", "mlp", "multiply_adds", "network", "nn", "number",
    "optimizer", "order", "penalty", "plain", "points", "predict", "predictor", "rate", "resnet",
    "restart", "right", "seed", "shuffle", "spec", "split", "step", "stream", "test_accuracy",
    "test_loss", "tools", "torch", "train_loss", "x", "y",
}  # fmt: skip


def var(trick: Trick) -> str:
    """What a trick is called in the loop."""
    name = trick.id()
    hides = name in LOCAL or name == type(trick).__name__ or hasattr(builtins, name)
    return f"{name}_trick" if hides or keyword.iskeyword(name) else name


def handle(trick: Trick) -> str:
    """What the main text calls a trick's class until it has its final name."""
    return f"{trick.id()}__class"


def rng(trick: Trick) -> str:
    return f"{var(trick)}_rng"


def text(*parts: str | Iterable[str]) -> str:
    """Lines, one below the other; empty strings among them are left out."""
    lines: list[str] = []
    for part in parts:
        lines += [part] if isinstance(part, str) else part
    return "\n".join(line for line in lines if line)


def block(code: str, **places: str) -> str:
    """A piece of code whose lines ``@name`` are replaced by as many lines, at the same indent.

    Its docstrings stand in three single quotes.
    """
    lines = [""] if code.startswith("\n\n") else []
    code = textwrap.dedent(code.strip("\n")).rstrip().replace("'''", '"""')
    for line in code.splitlines():
        bare = line.strip()
        if bare.startswith("@") and bare[1:] in places:
            indent = line[: len(line) - len(bare)]
            lines += [f"{indent}{one}".rstrip() for one in places[bare[1:]].splitlines()]
        else:
            lines.append(line)
    return "\n".join(lines)
