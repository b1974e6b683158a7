"""The work of the speed benchmark: the same data, network, weights, order and judging for all."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trainer.experiment import parse
from trainer.grid import evaluation_steps
from trainer.networks import kaiming, multiply_adds
from trainer.streams import stream
from trainer.tasks.classification import Classification, answers, marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from trainer.experiment import Experiment

# Small budgets, so that the slowest contender is done while somebody waits.
WORKLOADS: dict[str, dict[str, Any]] = {
    "a": {
        "title": "MLP 64-128-128-128-10, 400 digits, batch 32, 60 epochs (the first example)",
        "trainings": 3,
        "setup": {"train_size": 400, "label_noise": 0.3, "epochs": 60},
    },
    "b": {
        "title": "small CNN, 6,400 of MNIST, batch 64, 1 epoch",
        "trainings": 2,
        "setup": {
            "dataset": "mnist",
            "train_size": 6400,
            "network": {"kind": "cnn"},
            "batch_size": 64,
            "epochs": 1,
        },
    },
    "c": {
        "title": "ResNet of 3 blocks from 8 channels, 1,920 of CIFAR-10 (JPEG), batch 64, 1 epoch",
        "trainings": 2,
        "setup": {
            "dataset": "cifar10_jpg",
            "train_size": 1920,
            "network": {"kind": "resnet", "width": 8},
            "batch_size": 64,
            "lr": 0.05,
            "epochs": 1,
        },
    },
}
SCALES = (1.0, 0.75, 0.5, 0.25)  # of the rate: four arms that cost the same everywhere
SEEDS = tuple(range(6))
RUNS = len(SCALES) * len(SEEDS)


def experiment(workload: str, device: str = "cpu") -> Experiment:
    """Four learning rates, six seeds: what any peer can train, each at the plain arm's cost."""
    arms = [{"name": f"rate x {scale:g}", "lr_scale": scale} for scale in SCALES]
    setup = WORKLOADS[workload]["setup"] | {"device": device}
    return parse({"name": "Speed", "setup": setup, "arms": arms, "seeds": list(SEEDS)})


class Work:
    """One training: what a contender is given, and what judges it on the engine's own grid.

    The data and the network are on the device.

    ``judging`` is the seconds that evaluation took, ``curve`` what it found: step, test loss.
    """

    def __init__(self, workload: str, number: int, home: Path, device: str = "cpu") -> None:
        self.run = experiment(workload, device).runs()[number]
        self.device = torch.device(device)
        setup = self.run.setup
        assert setup.epochs is not None
        self.task = Classification(self.run, home=home, device=device, say=print)
        self.network = as_written(self.task.build(self.task.spec()))
        kaiming(self.network, stream(self.run.seed, "init"))
        cost = multiply_adds(self.network, setup.image)
        self.due = evaluation_steps(setup, cost, self.task.judged)
        self.task.to_device(self.network)
        self.x, self.y = self.task.split.x, self.task.split.y
        self.batch, self.epochs = setup.batch_size, setup.epochs
        self.lr = setup.lr * self.run.arm.lr_scale
        self.total = setup.total_steps or 0
        self.shuffle = stream(self.run.seed, "order")
        self.judging = 0.0
        self.curve: list[tuple[int, float]] = []

    def order(self) -> Tensor:
        """The examples of the next epoch, (train_size,)."""
        return torch.randperm(len(self.y), generator=self.shuffle)

    def wait(self) -> None:
        """Until the device has done what it was asked for: else the next asks for the time."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def judge(self, step: int) -> None:
        """Loss and accuracy on the slices of test and training set, as the engine finds them."""
        self.wait()
        begin = time.perf_counter()
        self.network.eval()
        self.curve.append((step, self.task.evaluate(self.network)["test_loss"]))
        self.network.train()
        self.judging += time.perf_counter() - begin

    def after(self, step: int) -> None:
        """To be called after every step."""
        if self.due(step, 0.0) or step == self.total:
            self.judge(step)

    def close(self) -> None:
        """The last numbers: on all test images."""
        self.wait()
        begin = time.perf_counter()
        self.network.eval()
        if self.task.tests < len(self.task.test_x):
            logits = answers(self.network, self.task.test_x, self.task.chunk)
            marks(logits, self.task.test_y)[1].mean().item()
        self.judging += time.perf_counter() - begin


def as_written(network: nn.Module) -> nn.Module:
    """The network as everybody writes it: the house puts pooling in front of a plain ReLU."""
    layers = list(network.children())
    for i, (one, after) in enumerate(itertools.pairwise(layers)):
        if isinstance(one, nn.MaxPool2d) and isinstance(after, nn.ReLU):
            layers[i : i + 2] = after, one
    return nn.Sequential(*layers)


class Order:
    """A sampler for DataLoaders: the order of a work, epoch by epoch."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def __iter__(self) -> Iterator[int]:
        return iter(self.work.order().tolist())

    def __len__(self) -> int:
        return len(self.work.y)
