"""Small runs and small parts on which the laws try a trick."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trainer import datasets as data
from trainer.engine import Outcome, train
from trainer.experiment import ExperimentError, identity, parse
from trainer.stacking import stackable, train_together
from trainer.stacking.rows import Unequal
from tricks.base import Facts, NetworkSpec, Pixels, Pool, Split, Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Generator, Tensor

    from trainer.experiment import Run
    from trainer.record import Point
    from tricks.base import Trick

    Knobs = dict[str, float]
    Data = dict[str, Any]

TIMES = {"seconds", "samples_per_second"}  # the only numbers that two equal runs do not share
STEPS = 60
FEW = 20  # of networks with convolutions, which take longer
SEEDS = (0, 1, 2)  # of a stack
NETWORKS: dict[str, Data] = {
    "mlp": {"kind": "mlp", "depth": 2, "width": 32},
    "cnn": {"kind": "cnn", "depth": 3, "width": 8},
    "resnet": {"kind": "resnet", "depth": 2, "width": 8},
}
DATASETS = ("digits", "shapes")  # the first that the rules of a trick allow


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The points of a run, times left out, and how it ended."""

    points: list[Point]
    outcome: Outcome

    def end(self) -> dict[str, Any]:
        """How it ended, but for times; of what tricks tell, which may be times, what they did."""
        how, report = self.outcome, dict(self.outcome.report)
        tricks = report.pop("tricks", {})
        return {
            "state": how.state,
            "steps": how.steps,
            "metrics": {key: value for key, value in how.metrics.items() if key not in TIMES},
            "report": report,
            "acted": {name: told.get("acted") for name, told in tricks.items()},
        }

    def rounds_to(self, other: Curve) -> bool:
        """Whether both are the same but for rounding."""
        mine, theirs = self.points, other.points
        return [one[:2] for one in mine] == [one[:2] for one in theirs] and all(
            abs(a.value - b.value) <= max(1e-4, 1e-3 * abs(b.value))
            for a, b in zip(mine, theirs, strict=True)
        )


@dataclass(kw_only=True)
class Bench:
    """Trains arms of tiny experiments; a run that several laws need is trained once.

    ``home`` is where the data sets are kept, ``device`` where the runs are trained.
    """

    home: Path
    device: str = "cpu"
    known: dict[str, Curve] = field(default_factory=dict)
    places: dict[tuple[type[Trick], str], str] = field(default_factory=dict)

    def run(
        self,
        trick: type[Trick] | None,
        knobs: Knobs | None = None,
        *,
        of: type[Trick] | None = None,
        kind: str | None = None,
        steps: int = STEPS,
        again: bool = False,
    ) -> Curve:
        """A trick on top of the tricks that its regime puts under every arm.

        With ``trick`` None the baseline ``of`` a trick: those alone. ``again``: train once more.

        Raises:
            ExperimentError: the rules of the card refuse every data set.
        """
        whose = trick or of
        assert whose is not None
        run = self.planned(whose, kind or whose.kinds[0], steps, (knobs or {}) if trick else None)
        if again:
            self.known.pop(run.id, None)
        return self.trained(run)

    def trained(self, run: Run) -> Curve:
        if run.id not in self.known:
            self.known[run.id] = curve(self.points(run))
        return self.known[run.id]

    def points(self, run: Run, **how: Any) -> Iterator[Point]:
        """The run while it trains; ``how`` goes to the engine."""
        return train(run, home=self.home, device=self.device, **how)

    def planned(
        self, trick: type[Trick], kind: str, steps: int = STEPS, knobs: Knobs | None = None
    ) -> Run:
        """A tiny run with a trick; with ``knobs`` None the baseline it is held against."""
        setup = {"train_size": 128, "steps": steps, "network": NETWORKS[kind]}
        setup["dataset"] = self.dataset(trick, kind)
        regime = trick.card.regime
        arm: list[Data] = [{"id": one} for one in (regime.baseline if regime else ())]
        if knobs is not None:
            arm.append({"id": trick.id(), "knobs": knobs})
        return parse(experiment_of(setup, arm)).runs()[0]

    def interrupted(self, trick: type[Trick], kind: str, at: Sequence[int]) -> Curve:
        """The same run, broken off after these steps and gone on with from its checkpoint."""
        run = self.planned(trick, kind, knobs={})
        points: list[Point] = []
        state: Data | None = None
        for before, step in pairwise([0, *at]):
            saver = BreaksOff(step - before)
            try:
                part = curve(self.points(run, saver=saver, resume=state), points)
            except BrokenOff:
                state = through_a_file(saver.state)
            else:
                return part  # it diverged before
        return curve(self.points(run, resume=state), points)

    def stacked(self, trick: type[Trick], kind: str) -> tuple[list[Curve], list[Curve]] | None:
        """A few seeds, each trained alone, and all as one program; None: not possible.

        Raises:
            Exception: what a run of the stack ended with.
        """
        steps = STEPS if kind == "mlp" else FEW
        first = self.planned(trick, kind, steps, knobs={})
        if stackable(first.setup, first.arm):
            return None
        runs = [
            first.model_copy(update={"seed": seed, "id": identity(first.setup, first.arm, seed)})
            for seed in SEEDS
        ]
        try:
            found = together(runs, self.home, device=self.device)
        except Unequal:
            if kind == "mlp":
                raise
            return None  # its maps go through layers that see each network alone
        return [self.trained(run) for run in runs], found

    def dataset(self, trick: type[Trick], kind: str) -> str:
        """The first data set on which the trick may be used."""
        key = trick, kind
        if key not in self.places:
            regime = trick.card.regime
            arm = [{"id": one} for one in (*(regime.baseline if regime else ()), trick.id())]
            refused = None
            for dataset in DATASETS:
                setup = {"dataset": dataset, "steps": STEPS, "network": NETWORKS[kind]}
                try:
                    parse(experiment_of(setup | {"train_size": 128}, arm))
                except ExperimentError as error:
                    refused = refused or error
                else:
                    self.places[key] = dataset
                    break
            else:
                assert refused is not None
                raise refused
        return self.places[key]

    def channels(self, trick: type[Trick]) -> int:
        """1 or 3: of the images on which the trick may be used."""
        return data.DATASETS[self.dataset(trick, trick.kinds[0])].image[0]


def experiment_of(setup: Data, arm: list[Data]) -> Data:
    return {"name": "law", "setup": setup, "arms": [{"name": "arm", "tricks": arm}], "seeds": [0]}


def curve(running: Iterator[Point], points: list[Point] | None = None) -> Curve:
    """Train to the end, ``points`` being those of before."""
    points = [] if points is None else points
    with one_thread():
        while True:
            try:
                points.append(next(running))
            except StopIteration as end:
                kept = [one for one in points if one.key not in TIMES]
                return Curve(points=kept, outcome=end.value)


def together(runs: Sequence[Run], home: Path, **how: Any) -> list[Curve]:
    """The curves of runs that are trained as one program; ``how`` goes to the stack."""
    points: list[list[Point]] = [[] for _ in runs]
    ends: dict[int, Outcome] = {}
    with one_thread():
        for i, what in train_together(runs, home=home, **how):
            if isinstance(what, Exception):
                raise what
            if isinstance(what, Outcome):
                ends[i] = what
            elif what.key not in TIMES:
                points[i].append(what)
    return [Curve(points=own, outcome=ends[i]) for i, own in enumerate(points)]


@contextmanager
def one_thread() -> Iterator[None]:
    """Several threads would add up in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class BrokenOff(Exception):
    """A run that was ended right after its checkpoint."""


class BreaksOff:
    """Takes a checkpoint after so many steps, and ends the run there."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.state: Mapping[str, Any] = {}

    def wanted(self) -> bool:
        self.left -= 1
        return self.left == 0

    def save(self, make: Callable[[], Mapping[str, Any]]) -> None:
        self.state = make()
        raise BrokenOff


def through_a_file(state: Mapping[str, Any]) -> Data:
    """A checkpoint as it is read from a file."""
    file = io.BytesIO()
    torch.save(dict(state), file)
    file.seek(0)
    read: Data = torch.load(file, weights_only=True)
    return read


def spec() -> NetworkSpec:
    """A small MLP before it is built."""
    return NetworkSpec(
        kind="mlp", depth=2, width=8, image=(1, 8, 8), classes=10, activation=nn.ReLU
    )


def tools(channels: int = 1) -> Tools:
    """What the engine lends, small: pixels as they are, nothing beyond the training set."""
    rng = torch.Generator().manual_seed(0)

    def nobody(which: Tensor) -> Tensor:
        raise IndexError("the pool is empty")

    def fit(
        x: Tensor, y: Tensor, rng: Generator, *, steps: int, width: int | None = None
    ) -> nn.Module:
        return linear(rng, channels).eval()

    lent = Tools(
        steps=STEPS, batch_size=6, lr=0.1,
        pixels=Pixels(mean=torch.zeros(1, 1, 1), spread=torch.ones(1, 1, 1)),
        pool=Pool(size=0, images=nobody, labels=nobody),
        split=Split(
            x=torch.rand(30, channels, 8, 8, generator=rng), y=torch.arange(30) % 10, classes=10,
            index=torch.arange(30),
        ),
        fit=fit, progress=lambda: 0.5,
    )  # fmt: skip
    lent.network = linear(rng, channels)
    lent.optimizer = torch.optim.SGD(lent.network.parameters(), lr=0.1)
    lent.restart = lambda life: None
    return lent


def linear(rng: Generator, channels: int) -> nn.Module:
    """(..., channels, 8, 8) images to (..., 10) logits, for any leading dimensions."""
    layer = nn.Linear(64 * channels, 10)
    nn.init.normal_(layer.weight, 0, 0.1, generator=rng)
    return nn.Sequential(nn.Flatten(-3), layer)


@cache
def many_facts() -> list[Facts]:
    """Setups of all kinds, for rules to look at."""
    return [
        Facts(
            dataset=dataset, classes=10, image=image, symmetries=symmetries, train_size=size,
            pool=pool, preprocessing=preprocessing, label_noise=noise, imbalance=rare,
            network=network, depth=depth, width=12, batch_size=batch, lr=0.1, steps=steps,
            device="cpu",
        )
        for dataset, image, symmetries in (
            ("digits", (1, 8, 8), ("shift",)), ("shapes", (3, 32, 32), ("shift", "hflip"))
        )
        for network in ("mlp", "cnn", "resnet")
        for size, pool, preprocessing, noise, rare, depth, batch, steps in (
            (100, 1247, "standardize", 0.0, 1.0, 1, 1, 10),
            (1347, 0, "scale", 0.3, 1.0, 3, 4, None),
            (400, 947, "raw", 0.0, 50.0, 12, 64, 1000),
        )
    ]  # fmt: skip
