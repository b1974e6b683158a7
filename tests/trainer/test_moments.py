"""The moments of training: their order, what tricks share in them, what the engine lends."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch

from trainer import engine
from trainer.experiment import Arm
from trainer.record import Moments
from tricks.base import Split, Trick

if TYPE_CHECKING:
    from pathlib import Path
from tests.trainer.loops import follow, make_run, series, untimed


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


CALLS: list[str] = []


@dataclass(kw_only=True)
class Recorder(Trick):
    """Every moment changes nothing and notes that it was called."""

    seen: list[int] = field(init=False, default_factory=list)

    @classmethod
    def id(cls) -> str:
        return "recorder"

    def note(self, moment: str) -> None:
        if not CALLS or CALLS[-1] != moment:
            CALLS.append(moment)

    def dataset(self, split: Split, rng: torch.Generator) -> Split:
        self.note("dataset")
        return split

    def sampler(self, split: Split, rng: torch.Generator) -> torch.Tensor:
        self.note("sampler")
        return torch.arange(len(split.y))

    def network(self, spec: Any) -> Any:
        self.note("network")
        return spec

    def initialize(self, network: torch.nn.Module, rng: torch.Generator) -> None:
        self.note("initialize")

    def surgery(self, network: torch.nn.Module, split: Split, rng: Any) -> torch.nn.Module:
        self.note("surgery")
        return network

    def begin(self, rng: torch.Generator) -> None:
        self.note("begin")
        assert self.tools.network is not None and self.tools.optimizer is not None

    def rate(self, lr: float) -> float:
        return lr

    def optimizer(self, params: Any, lr: float) -> torch.optim.Optimizer:
        self.note("optimizer")
        return torch.optim.SGD(params, lr=lr)

    def factor(self, step: int, steps: int) -> float:
        self.note("factor")
        return 1.0

    def batch(self, x: Any, y: Any, rng: torch.Generator) -> Any:
        self.note("batch")
        assert y.shape == (len(x), 10)
        return x, y

    def loss(self, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        self.note("loss")
        return -(y * logits.log_softmax(-1)).sum(-1)

    def batch_loss(self, loss: torch.Tensor) -> torch.Tensor:
        self.note("batch_loss")
        return loss

    def penalty(self, network: torch.nn.Module) -> torch.Tensor:
        self.note("penalty")
        return torch.zeros(())

    def gradients(self, network: torch.nn.Module) -> None:
        self.note("gradients")

    def step(self, optimizer: Any, closure: Any, network: torch.nn.Module) -> torch.Tensor:
        self.note("step")
        return optimizer.step(closure)

    def after_step(self, network: torch.nn.Module, step: int) -> None:
        self.note("after_step")
        self.seen.append(step)

    def after_epoch(self, network: torch.nn.Module, epoch: int) -> None:
        self.note("after_epoch")

    def predictor(self, network: torch.nn.Module, predict: Any) -> Any:
        self.note("predictor")
        return predict


def test_the_moments_run_in_the_order_of_the_contract(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    run = make_run(train_size=64, steps=4)
    monkeypatch.setattr(Arm, "make", lambda self: [recorder])
    CALLS.clear()
    follow(run, home)
    before = ["dataset", "network", "initialize", "surgery", "optimizer", "begin", "predictor"]
    step = ["factor", "batch", "step", "loss", "batch_loss", "penalty", "gradients", "after_step"]
    epoch = ["sampler", *step, *step, "after_epoch"]
    assert [*before, *epoch] == CALLS[: len(before) + len(epoch)]
    assert CALLS[-1] == "predictor"
    assert recorder.seen == [1, 2, 3, 4]


CHAIN = [  # CATALOG's order of application: what comes first within a shared moment
    ("batch", ["random_crop", "random_erasing", "mixup", "adversarial_training"]),
    ("gradients", ["grad_accum", "grad_centralization", "gradient_noise", "grad_clip"]),
    ("after_step", ["max_norm", "ema"]),
]


@pytest.mark.parametrize(("moment", "ids"), CHAIN, ids=[moment for moment, _ in CHAIN])
@pytest.mark.parametrize("backward", [False, True])
def test_tricks_that_share_a_moment_keep_the_order_of_the_contract(
    moment: str, ids: list[str], backward: bool
) -> None:
    arm = Arm.model_validate(
        {"name": "arm", "tricks": [{"id": one} for one in (ids[::-1] if backward else ids)]}
    )
    assert [one.id() for one in Moments(arm.make())[moment]] == ids


@dataclass(kw_only=True)
class Alternating(Trick):
    """Adds its number to the images it is given."""

    alternates = True
    number: int = 1
    calls: int = field(init=False, default=0)

    @classmethod
    def id(cls) -> str:
        return "alternating"

    def batch(self, x: Any, y: Any, rng: torch.Generator) -> Any:
        self.calls += 1
        return x + self.number, y


def test_of_alternating_tricks_each_batch_gets_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = [Alternating(number=1), Alternating(number=2)]
    run = make_run(steps=40)
    monkeypatch.setattr(Arm, "make", lambda self: pair)
    follow(run, home)
    assert pair[0].calls + pair[1].calls == 40
    assert min(one.calls for one in pair) >= 10  # 40 fair coins give fewer once in 1,000


@dataclass(kw_only=True)
class Handyman(Trick):
    """Uses everything that the engine lends."""

    told: dict[str, Any] = field(init=False, default_factory=dict)

    @classmethod
    def id(cls) -> str:
        return "handyman"

    def dataset(self, split: Split, rng: torch.Generator) -> Split:
        tools = self.tools
        helper = tools.fit(split.x, split.y, rng, steps=30)
        guess = helper(split.x).argmax(-1)
        some = torch.arange(10)
        self.told["pool"] = tools.pool.images(some).shape
        self.told["labels"] = tools.pool.labels(some)
        self.told["unit"] = tools.pixels.to_unit(split.x)
        return split.subset(guess == split.y)

    def after_epoch(self, network: torch.nn.Module, epoch: int) -> None:
        self.told.setdefault("progress", []).append(self.tools.progress())
        if epoch == 1:
            self.tools.restart(1)
            self.told["steps"] = self.tools.epoch_steps
            self.tools.split = self.tools.split.subset(torch.arange(32))

    def report(self) -> dict[str, Any]:
        return {"cleaning": {}}


def test_what_the_engine_lends(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trick = Handyman()
    run = make_run(train_size=200, label_noise=0.25)
    monkeypatch.setattr(Arm, "make", lambda self: [trick])
    _, outcome = follow(run, home)
    told = trick.told
    assert told["pool"] == (10, 1, 8, 8) and told["labels"].shape == (10,)
    assert told["unit"].min() == 0 and told["unit"].max() == 1
    assert outcome.report["extra_steps"] == 30 and outcome.report["labels_bought"] == 10
    found = outcome.report["tricks"]["handyman"]["cleaning"]
    assert found["wrong"] == 50
    assert found["recall"] > 0.7 and 0.3 < found["precision"] <= 1
    assert told["progress"][-1] == 1.0
    gaps = [b - a for a, b in pairwise(told["progress"])]
    assert gaps[-1] == pytest.approx(1 / 24)  # of 32 examples an epoch is one step


def test_a_restart_is_a_new_life(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it the weights are first weights again, others than those of the first life."""

    @dataclass(kw_only=True)
    class Reborn(Trick):
        lives: list[torch.Tensor] = field(init=False, default_factory=list)

        @classmethod
        def id(cls) -> str:
            return "reborn"

        def begin(self, rng: torch.Generator) -> None:
            for life in (0, 1, 1):
                if life:
                    self.tools.restart(life)
                weights = [one.detach().flatten() for one in self.tools.network.parameters()]
                self.lives.append(torch.cat(weights).clone())

    trick, run = Reborn(), make_run()
    monkeypatch.setattr(Arm, "make", lambda self: [trick])
    _, outcome = follow(run, home)
    first, second, again = trick.lives
    assert torch.equal(second, again) and not torch.equal(first, second)
    assert first.std() == pytest.approx(second.std().item(), rel=0.1)
    assert outcome.metrics["test_accuracy"] > 0.2


@dataclass(kw_only=True)
class Drawer(Trick):
    """Draws some numbers at every batch and changes nothing."""

    count: int

    @classmethod
    def id(cls) -> str:
        return "drawer"

    def batch(self, x: Any, y: Any, rng: torch.Generator) -> Any:
        torch.rand(self.count, generator=rng)
        return x, y


def test_a_trick_that_draws_shifts_nobody_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(label_noise=0.3, tricks=[{"id": "dropout"}, {"id": "mixup"}])
    tricks = run.arm.make()
    curves = []
    for count in (0, 1000):
        drawer = Drawer(count=count)
        monkeypatch.setattr(Arm, "make", lambda self, drawer=drawer: [drawer, *tricks])
        curves.append(untimed(follow(run, home)[0]))
    assert curves[0] == curves[1]


def test_evaluation_does_not_touch_training(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tricks = [{"id": "dropout"}, {"id": "batch_norm"}]
    sparse, _ = follow(make_run(tricks=tricks), home)
    monkeypatch.setattr(engine, "evaluation_steps", lambda *a: lambda step, seconds: True)
    dense, _ = follow(make_run(tricks=tricks), home)
    assert series(sparse, "loss") == series(dense, "loss")


def test_two_owners_of_a_moment_are_refused() -> None:
    with pytest.raises(ValueError, match="both own loss"):
        Moments([Recorder(), Recorder()]).only("loss")
