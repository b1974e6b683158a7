"""Classification: images in, one of C classes out; judged by cross-entropy and accuracy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from trainer import networks
from trainer.datasets import DATASETS, load
from trainer.record import Flat
from trainer.streams import stream
from tricks.base import NetworkSpec, Pixels, Pool, Split, Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Generator, Tensor
    from torch.nn import Module

    from trainer.datasets import Arrays
    from trainer.experiment import Run, Setup
    from tricks.base import Predictor

TEST_SLICE = 500  # test images behind every point of a curve; the last numbers use all of them
TRAIN_SLICE = 200  # training images, with their true labels, behind every point of a curve
CACHE = 2**19  # bytes of images that are gathered at once; twice that of maps is judged at once
ROOM = 2**26  # the same on a GPU, where each gather is a launch, however small
LARGEST = 1000  # images that are judged at once, where memory is no matter


class Images:
    """Images of a data set as a network sees them, made of their bytes when they are asked for.

    A test set of CIFAR-10 is 123 MB of numbers, of which most are looked at once.
    """

    def __init__(self, bytes: np.ndarray, inputs: Callable[[Tensor], Tensor]) -> None:
        self.bytes, self.inputs = bytes, inputs

    def __len__(self) -> int:
        return len(self.bytes)

    def __getitem__(self, which: slice | Tensor) -> Tensor:
        """Some of them, (n, channels, height, width), on the device of the run."""
        return self.inputs(self.pixels(which))

    def pixels(self, which: slice | Tensor = slice(None)) -> Tensor:
        """The same before anything is done to them, 0 to the largest value of a pixel."""
        place = which if isinstance(which, slice) else which.numpy()
        return torch.from_numpy(self.bytes[place].astype(np.float32))


class Classification:
    """The data of one run, and what a step and an evaluation mean.

    ``split`` is what tricks and the network train on. The slices that judge are drawn before any
    trick may touch the data, carry their true labels, and are the same in every arm of a seed.
    """

    def __init__(self, run: Run, *, home: Path, device: str, say: Callable[[str], None]) -> None:
        setup = run.setup
        self.seed = run.seed
        arrays = load(setup.dataset, home, difficulty=setup.difficulty, say=say)
        self.setup = setup
        self.classes = DATASETS[setup.dataset].classes
        self.device = device
        self.images = setup.network.kind != "mlp"
        rng = stream(run.seed, "data")

        chosen = choose(arrays.train_y, setup, self.classes, rng)
        true = torch.from_numpy(arrays.train_y[chosen].astype(np.int64))
        given = wrong_labels(true, setup.label_noise, self.classes, rng)
        rest = np.setdiff1d(np.arange(len(arrays.train_y)), chosen)
        train_x = torch.from_numpy(arrays.train_x[chosen].astype(np.float32))
        test_y = torch.from_numpy(arrays.test_y.astype(np.int64))

        mean, spread = train_x.mean((0, 2, 3), True), train_x.std((0, 2, 3), keepdim=True)
        noise = setup.input_noise * spread
        top = float(DATASETS[setup.dataset].top)
        middle, unit = {
            "standardize": (mean, spread.clamp_min(1e-6)),
            "scale": (torch.zeros_like(mean), torch.full_like(mean, top)),
            "raw": (torch.zeros_like(mean), torch.ones_like(mean)),
        }[setup.preprocessing]

        def inputs(x: Tensor, rng: Generator | None = None) -> Tensor:
            """Images as the network sees them; in place: a copy takes longer than the sum."""
            if rng and setup.input_noise:
                x += noise * torch.randn(x.shape, generator=rng)
            return self.place(x.sub_(middle).div_(unit))

        train_x = inputs(train_x, rng)
        self.pixels = Pixels(mean=(middle / top)[0].to(device), spread=(unit / top)[0].to(device))
        self.pool = self.pool_of(arrays, rest, inputs)
        self.true = true
        self.split = Split(
            x=train_x, y=given.to(device), classes=self.classes, index=torch.arange(len(true))
        )
        self.seen: tuple[Tensor, Tensor]  # the last answers to test images, and their labels
        self.before: dict[str, tuple[Split, Split]] = {}
        self.counts = {"extra_steps": 0, "bought": 0}  # of the report
        test_x = Images(arrays.test_x, inputs)
        self.test_x: Images | Tensor = test_x
        if setup.input_noise:  # one draw for all of them
            self.test_x = inputs(test_x.pixels(), stream(0, "test noise"))
        self.test_y = test_y.to(device)
        fixed = torch.randperm(len(test_x), generator=stream(0, "test slice"))[:TEST_SLICE]
        self.slice_x = torch.cat([self.test_x[fixed], train_x[:TRAIN_SLICE]])
        self.slice_y = torch.cat([self.test_y[fixed], true[:TRAIN_SLICE].to(device)])
        self.tests = len(fixed)
        self.chunk = LARGEST
        if device == "cpu" and self.images:  # maps that leave the cache take twice the time
            _, height, width = setup.image
            maps = 4 * setup.network.width * height * width
            self.chunk = min(LARGEST, max(64, 2 * CACHE // maps))

    def pool_of(
        self, arrays: Arrays, rest: np.ndarray, inputs: Callable[[Tensor, Generator], Tensor]
    ) -> Pool:
        """What the drawn training set leaves over: images without labels, and somebody to ask."""
        rng = self.draws = stream(self.seed, "pool")
        true = torch.from_numpy(arrays.train_y[rest].astype(np.int64))
        said = wrong_labels(true, self.setup.label_noise, self.classes, rng)

        def images(which: Tensor) -> Tensor:
            pixels = arrays.train_x[rest[which.cpu().numpy()]].astype(np.float32)
            return inputs(torch.from_numpy(pixels), rng)

        def labels(which: Tensor) -> Tensor:
            self.counts["bought"] += len(which)
            return said[which.cpu()].to(self.device)

        return Pool(size=len(rest), images=images, labels=labels)

    def place(self, x_NCHW: Tensor) -> Tensor:
        """Images on the device, in the memory layout their network reads fastest."""
        if self.images:
            return x_NCHW.to(self.device, memory_format=torch.channels_last)
        return x_NCHW.to(self.device)

    def spec(self) -> NetworkSpec:
        """The plain network: ReLU, no normalization, no skips."""
        net = self.setup.network
        return NetworkSpec(
            kind=net.kind,
            depth=net.depth,
            width=net.width,
            image=self.setup.image,
            classes=self.classes,
            activation=nn.ReLU,
        )

    def build(self, spec: NetworkSpec) -> Module:
        """The network on the CPU, its weights not yet ours."""
        return networks.build(spec)

    def to_device(self, network: Module) -> None:
        """Move a network beside its data, in the same memory layout."""
        if self.images:
            network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        else:
            network.to(self.device)

    def tools(self, progress: Callable[[], float]) -> Tools:
        """What the tricks of this run may use."""
        return Tools(
            steps=self.setup.total_steps,
            batch_size=self.setup.batch_size,
            lr=self.setup.lr,
            pixels=self.pixels,
            pool=self.pool,
            split=self.split,
            fit=self.fit,
            progress=progress,
        )

    def fit(
        self, x: Tensor, y: Tensor, rng: Generator, *, steps: int, width: int | None = None
    ) -> Module:
        """A plain network trained on (N, ...) images and labels; see :class:`Tools`."""
        spec = self.spec()
        network = self.build(replace(spec, width=width or spec.width))
        networks.kaiming(network, rng)
        self.to_device(network)
        flat = Flat(network)
        optimizer = torch.optim.SGD([flat.weights], lr=self.setup.lr)
        size = min(self.setup.batch_size, len(y))
        order = torch.empty(0, dtype=torch.long)
        for _ in range(steps):
            if len(order) < size:
                order = torch.randperm(len(y), generator=rng).to(x.device)
            now, order = order[:size], order[size:]
            flat.clear()
            torch.autograd.backward(cross_entropy(network(x[now]), y[now]))
            optimizer.step()
        self.counts["extra_steps"] += steps
        return network.eval().requires_grad_(False)

    def changed(self, trick: str, before: Split, after: Split) -> None:
        """Remember what a trick made of the training set; see :meth:`found`."""
        self.before[trick] = before, after

    def found(self, trick: str) -> dict[str, float | int | None]:
        """Of the examples that a trick dropped or relabeled, how many were wrong, and vice versa.

        ``flagged``, ``wrong`` (counts), ``precision`` and ``recall`` (None: nothing to count).
        """
        before, after = self.before[trick]
        assert before.index is not None and after.index is not None
        given = torch.full((len(self.true),), -1, dtype=torch.long)
        kept = given.clone()
        for split, labels in ((before, given), (after, kept)):
            assert split.index is not None
            own, y = split.index.cpu(), split.labels.cpu()
            labels[own[own >= 0]] = y[own >= 0]
        here = given >= 0
        flagged, wrong = here & (kept != given), here & (given != self.true)
        both = int((flagged & wrong).sum())
        flags, errors = int(flagged.sum()), int(wrong.sum())
        return {
            "flagged": flags,
            "wrong": errors,
            "precision": both / flags if flags else None,
            "recall": both / errors if errors else None,
        }

    def batches(
        self, order: Tensor, split: Split, size: int, *, soft: bool
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The full batches of one epoch: images (N, ...) and their labels.

        Labels are (N, C) probabilities if ``soft``, else (N,) class indices: what no trick looks
        at need not be spread out. Small batches are gathered many at a time, as many as a
        processor's cache may hold: a gather per step costs more than a slice.
        """
        spread_out = soft and not split.y.is_floating_point()
        targets = one_hot(split.y, split.classes).float() if spread_out else split.y
        size = min(size, len(order))
        order = order[: len(order) // size * size].to(split.x.device)
        room = CACHE if split.x.device.type == "cpu" else ROOM
        block_size = size * max(1, room // (size * split.x[0].nbytes))
        for block in torch.split(order, block_size):
            x, y = split.x[block], targets[block]
            yield from zip(torch.split(x, size), torch.split(y, size), strict=True)

    def mean_loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """The mean cross-entropy of a batch: (N, C) logits, labels as :meth:`batches` has them."""
        return cross_entropy(logits, y)

    @property
    def judged(self) -> int:
        """Images behind one point of the curves."""
        return len(self.slice_x)

    def evaluate(self, predict: Predictor) -> dict[str, float]:
        """The clean metrics of the slices, the same in every arm."""
        logits = answers(predict, self.slice_x, self.chunk)
        self.seen = logits[: self.tests], self.slice_y[: self.tests]
        losses, right = marks(logits, self.slice_y)
        test = slice(None, self.tests), "test"
        train = slice(self.tests, None), "train"
        sums = torch.stack(
            [part[which].mean() for which, _ in (test, train) for part in (losses, right)]
        ).tolist()
        return dict(
            zip(("test_loss", "test_accuracy", "train_loss", "train_accuracy"), sums, strict=True)
        )

    def final(self, predict: Predictor, last: dict[str, float]) -> dict[str, float]:
        """The numbers a run ends with: on all test images."""
        if self.tests == len(self.test_x):
            return dict(last)
        self.seen = answers(predict, self.test_x, self.chunk), self.test_y
        losses, right = marks(*self.seen)
        return {
            **last,
            "test_loss": losses.mean().item(),
            "test_accuracy": right.mean().item(),
        }


def answers(predict: Predictor, x: Tensor | Images, chunk: int) -> Tensor:
    """The (N, C) outputs for (N, ...) images, ``chunk`` at once."""
    with torch.inference_mode():
        return torch.cat([predict(x[i : i + chunk]) for i in range(0, len(x), chunk)])


def marks(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and correctness (0 or 1) of each answer, both (N,)."""
    with torch.inference_mode():
        return cross_entropy(logits, y, reduction="none"), (logits.argmax(-1) == y).float()


def choose(labels: np.ndarray, setup: Setup, classes: int, rng: Generator) -> np.ndarray:
    """The drawn training examples, in random order: (train_size,) indices.

    With imbalance r the upper half of the classes has 1/r as many examples as the lower half.
    """
    size = setup.train_size
    assert size is not None
    order = torch.randperm(len(labels), generator=rng).numpy()
    if setup.imbalance == 1:
        return order[:size]
    common, rare = classes - classes // 2, classes // 2
    weight = np.array([1.0] * common + [1 / setup.imbalance] * rare)
    wanted = np.maximum(1, np.round(size * weight / weight.sum())).astype(int)
    ranked = labels[order]
    parts = [order[ranked == one][: wanted[one]] for one in range(classes)]
    mixed: np.ndarray = np.concatenate(parts)
    shuffled: np.ndarray = mixed[torch.randperm(len(mixed), generator=rng).numpy()]
    return shuffled


def wrong_labels(true: Tensor, share: float, classes: int, rng: Generator) -> Tensor:
    """Labels of which exactly that share is wrong, drawn evenly from the other classes."""
    count = round(share * len(true))
    given = true.clone()
    if count:
        hit = torch.randperm(len(true), generator=rng)[:count]
        other = torch.randint(1, classes, (count,), generator=rng)
        given[hit] = (true[hit] + other) % classes
    return given
