"""Runs that are trained as one program: each is what it is alone, mostly to the last bit."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tests.trainer.loops import follow, make_run, untimed
from trainer import engine
from trainer.engine import Outcome
from trainer.stacking import losses, stackable, train_together, worth
from trainer.stacking.rows import Rows, Unequal
from trainer.stacking.twin import twin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trainer.experiment import Run
    from trainer.record import Point
    from tricks.base import Split

    Ends = list[Outcome | Exception]

EVERYTHING = [
    {"id": "dropout"}, {"id": "mixup"}, {"id": "label_smoothing"}, {"id": "batch_norm"},
    {"id": "adamw"},
]  # fmt: skip
CNN = {"kind": "cnn", "depth": 3, "width": 8}
RESNET = {"kind": "resnet", "depth": 3, "width": 8}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def make_runs(
    tricks: list[dict[str, Any]] | None = None, seeds: Sequence[int] = (0, 1, 2), **setup: Any
) -> list[Run]:
    return [make_run(seed, tricks, **setup) for seed in seeds]


def stack(runs: list[Run], home: Path, **how: Any) -> tuple[list[list[Point]], Ends]:
    """The points of each run, and how it ended."""
    points: list[list[Point]] = [[] for _ in runs]
    ends: dict[int, Outcome | Exception] = {}
    for i, what in train_together(runs, home=home, **how):
        assert i not in ends, "something came after the last item of a run"
        if isinstance(what, Outcome | Exception):
            ends[i] = what
        else:
            points[i].append(what)
    return points, [ends[i] for i in range(len(runs))]


def same(points: list[Point], others: list[Point]) -> bool:
    return sorted(untimed(points), key=repr) == sorted(untimed(others), key=repr)


@pytest.mark.parametrize(
    ("tricks", "setup"),
    [
        ([], {}),
        ([], {"train_size": 90, "batch_size": 20, "network": {"kind": "mlp", "depth": 3}}),
        (EVERYTHING, {"steps": 40}),
        ([{"id": "skip_connection"}, {"id": "stochastic_depth"}], {"steps": 40}),
        ([], {"network": CNN, "steps": 20}),
        (EVERYTHING, {"network": CNN, "steps": 20}),
        ([], {"network": RESNET, "steps": 20}),
        (
            [{"id": one} for one in ("skip_connection", "batch_norm", "leaky_relu", "cutout")],
            {"network": RESNET, "steps": 20},
        ),
    ],
)
def test_every_run_is_what_it_is_alone(
    home: Path, tricks: list[dict[str, Any]], setup: dict[str, Any]
) -> None:
    runs = make_runs(tricks, **setup)
    points, ends = stack(runs, home)
    for run, own, end in zip(runs, points, ends, strict=True):
        alone, outcome = follow(run, home)
        assert isinstance(end, Outcome)
        assert same(own, alone)
        assert [point.key for point in own if point.step == 0] == [
            point.key for point in alone if point.step == 0
        ]
        assert (end.state, end.steps, end.report) == (outcome.state, outcome.steps, outcome.report)
        assert end.metrics.keys() == outcome.metrics.keys()
        assert end.metrics["test_loss"] == outcome.metrics["test_loss"]
        assert end.seconds > 0


def test_odd_sizes_round_otherwise_at_most(home: Path) -> None:
    """A matrix product of odd sizes depends in its last bit on where in memory it begins."""
    runs = make_runs(batch_size=7, network={"kind": "mlp", "depth": 1, "width": 33})
    points, _ = stack(runs, home)
    for run, own in zip(runs, points, strict=True):
        mine, theirs = (
            {(point.step, point.key): point.value for point in untimed(one)}
            for one in (own, follow(run, home)[0])
        )
        assert mine.keys() == theirs.keys()
        for at, value in mine.items():
            assert value == pytest.approx(theirs[at], rel=1e-4), at


def test_a_run_that_diverges_leaves_the_others_alone(home: Path) -> None:
    setup = {"lr": 1.0, "steps": 200, "network": {"kind": "mlp", "depth": 8, "width": 64}}
    alone = {seed: follow(make_run(seed, **setup), home) for seed in range(8)}
    bad = [seed for seed, (_, end) in alone.items() if end.state == "diverged"]
    assert len({alone[seed][1].steps for seed in bad}) > 1, "find a setup whose seeds differ"
    points, ends = stack(make_runs(None, range(8), **setup), home)
    for seed in range(8):
        end = ends[seed]
        assert isinstance(end, Outcome)
        assert (end.state, end.steps, end.text) == (
            alone[seed][1].state, alone[seed][1].steps, alone[seed][1].text,
        )  # fmt: skip
        assert same(points[seed], alone[seed][0])


class Keeps:
    """Wants a checkpoint after some steps, and leaves after the last of them."""

    def __init__(self, *steps: int, leaves: bool = True) -> None:
        self.steps, self.leaves = steps, leaves
        self.asked = 0
        self.states: list[dict[str, Any]] = []

    def wanted(self) -> bool:
        self.asked += 1
        return self.asked in self.steps

    def save(self, make: Callable[[], Mapping[str, Any]]) -> None:
        file = io.BytesIO()
        torch.save(dict(make()), file)
        file.seek(0)
        self.states.append(torch.load(file, weights_only=True))
        if self.leaves and self.asked == self.steps[-1]:
            raise Left


class Left(Exception):
    """A run that was told to leave."""


def test_a_saver_that_leaves_takes_its_run_alone(home: Path) -> None:
    runs = make_runs(steps=40)
    keeps = Keeps(17)
    points, ends = stack(runs, home, savers=[None, keeps, None])
    assert isinstance(ends[1], Left)
    assert max(point.step for point in points[1] if point.key == "loss") == 17
    for i in (0, 2):
        assert same(points[i], follow(runs[i], home)[0])
    assert keeps.states[0]["step"] == 17


@pytest.mark.parametrize(
    ("tricks", "setup"),
    [
        ([], {}),
        (EVERYTHING, {}),
        ([{"id": "ema"}, {"id": "nesterov"}], {}),
        ([{"id": "batch_norm"}], {"network": RESNET}),
    ],
    ids=["plain", "many", "ema", "maps"],
)
@pytest.mark.parametrize("at", [17, 18], ids=["within an epoch", "at the end of one"])
def test_a_checkpoint_goes_on_alone_and_in_a_stack(
    home: Path, tricks: list[dict[str, Any]], setup: dict[str, Any], at: int
) -> None:
    runs = make_runs(tricks, steps=40, **setup)
    whole, _ = stack(runs, home)
    keeps = [Keeps(at) for _ in runs]
    before, ends = stack(runs, home, savers=keeps)
    assert all(isinstance(end, Left) for end in ends)
    states = [one.states[0] for one in keeps]
    after, _ = stack(runs, home, resumes=states)
    for i, run in enumerate(runs):
        assert same(before[i] + after[i], whole[i])
        alone = list(engine.train(run, home=home, resume=states[i]))
        assert same(before[i] + alone, whole[i])


def test_a_checkpoint_of_a_run_alone_goes_on_in_a_stack(home: Path) -> None:
    runs = make_runs(EVERYTHING, steps=40)
    states, begun = [], []
    for run in runs:
        keeps = Keeps(17)
        points = []
        with pytest.raises(Left):
            for point in engine.train(run, home=home, saver=keeps):
                points.append(point)
        states += keeps.states
        begun.append(points)
    after, _ = stack(runs, home, resumes=states)
    for i, run in enumerate(runs):
        assert same(begun[i] + after[i], follow(run, home)[0])


def test_a_checkpoint_does_not_disturb(home: Path) -> None:
    runs = make_runs(EVERYTHING, steps=40)
    points, _ = stack(runs, home, savers=[Keeps(5, 11, leaves=False), None, None])
    assert same(points[0], follow(runs[0], home)[0])


def test_runs_at_different_steps_are_refused(home: Path) -> None:
    runs = make_runs(steps=40)
    keeps = [Keeps(17), Keeps(18), Keeps(18)]
    stack(runs, home, savers=keeps)
    states = [one.states[0] for one in keeps]
    with pytest.raises(Unequal, match=r"different steps \(17, 18\)"):
        stack(runs, home, resumes=states)


def test_runs_that_differ_in_more_than_their_seeds_are_refused(home: Path) -> None:
    with pytest.raises(Unequal, match="more than their seeds"):
        stack([make_run(0), make_run(1, lr=0.2)], home)


def test_what_does_not_stack_is_refused_with_its_reason(home: Path) -> None:
    with pytest.raises(Unequal, match="several passes"):
        stack(make_runs([{"id": "sam"}]), home)


def test_batches_of_different_sizes_are_refused_before_the_first_step(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tricks.optimizer.grad_clip import GradClip

    sizes = iter([20, 21])

    def dataset(self: GradClip, split: Split, rng: torch.Generator) -> Split:
        return split.subset(torch.arange(next(sizes)))

    monkeypatch.setattr(GradClip, "dataset", dataset)
    with pytest.raises(Unequal, match="batches"):
        stack(make_runs([{"id": "grad_clip"}], (0, 1)), home)


def test_epochs_of_different_lengths_are_no_matter(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tricks.optimizer.grad_clip import GradClip

    def dataset(self: GradClip, split: Split, rng: torch.Generator) -> Split:
        return split.subset(torch.arange(64 + 32 * (rng.initial_seed() % 2)))

    monkeypatch.setattr(GradClip, "dataset", dataset)
    runs = make_runs([{"id": "grad_clip"}, {"id": "swa"}], range(5))
    points, _ = stack(runs, home)
    for run, own in zip(runs, points, strict=True):
        assert same(own, follow(run, home)[0])


def test_networks_of_different_shapes_are_refused() -> None:
    with pytest.raises(Unequal, match="shapes"):
        Rows([nn.Linear(4, 3), nn.Linear(4, 2)])


def test_what_a_trick_raises_ends_its_run_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tricks.optimizer.grad_clip import GradClip

    runs = make_runs([{"id": "grad_clip"}], steps=40)
    alone = [follow(run, home)[0] for run in runs]
    clip, first = GradClip.gradients, []

    def gradients(self: GradClip, network: nn.Module) -> None:
        first.append(self)
        if len(first) > 1 and self is first[1] and self.seen == 9:
            raise RuntimeError("no more")
        clip(self, network)

    monkeypatch.setattr(GradClip, "gradients", gradients)
    points, ends = stack(runs, home)
    assert isinstance(ends[1], RuntimeError)
    for i in (0, 2):
        assert same(points[i], alone[i])


def test_dropout_draws_what_each_run_would_draw_alone() -> None:
    networks = [nn.Sequential(nn.Linear(4, 50), nn.Dropout(0.3)) for _ in range(3)]
    rows = Rows(networks)
    draws = [torch.Generator().manual_seed(seed) for seed in (5, 6, 7)]
    twin = twin_of(networks, rows, draws)
    x = torch.randn(3, 8, 4)
    for _ in range(3):
        together = twin.forward(x, True)
    for i, seed in enumerate((5, 6, 7)):
        torch.manual_seed(seed)
        for _ in range(3):
            alone = networks[i](x[i])
        assert torch.equal(together[i], alone)


def test_a_module_that_nobody_knows_is_asked_network_by_network() -> None:
    class Odd(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).sin() + torch.rand(1)

    networks = [nn.Sequential(nn.Linear(4, 6), Odd(6, 3)) for _ in range(2)]
    rows = Rows(networks)
    draws = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    twin = twin_of(networks, rows, draws)
    x = torch.randn(2, 5, 4)
    rows.begin()
    out = twin.forward(x, True)
    twin.backward(torch.ones_like(out))
    rows.end()
    found = [[one.grad.clone() for one in network.parameters()] for network in networks]
    for i, network in enumerate(networks):
        network.zero_grad()
        torch.manual_seed(i)
        alone = network(x[i])
        alone.sum().backward()
        torch.testing.assert_close(out[i], alone)
        for mine, one in zip(found[i], network.parameters(), strict=True):
            torch.testing.assert_close(mine, one.grad)


@pytest.mark.parametrize("count", [1, 7, 16, 32, 33, 300])
def test_cross_entropy_is_that_of_torch(count: int) -> None:
    logits = torch.randn(3, count, 10) * 3
    y = torch.randint(10, (3, count))
    each, slopes = losses.CrossEntropy(logits).both(logits, y)
    means = losses.averaged(each)
    for i in range(3):
        leaf = logits[i].clone().requires_grad_()
        loss = cross_entropy(leaf, y[i])
        loss.backward()
        assert means[i] == loss
        assert torch.equal(slopes[i], leaf.grad)


def test_it_says_what_does_not_stack() -> None:
    run = make_run()
    assert stackable(run.setup, run.arm) is None
    assert stackable(run.setup.model_copy(update={"steps": None, "seconds": 1.0}), run.arm)
    small, large = (make_run(network=CNN, dataset=one) for one in ("digits", "shapes"))
    assert stackable(small.setup, small.arm) is None
    assert "large maps" in (stackable(large.setup, large.arm) or "")
    for trick, why in (("sam", "several passes"), ("mean_teacher", "mean_teacher")):
        arm = make_run(0, [{"id": trick}]).arm
        assert why in (stackable(run.setup, arm) or "")


def test_layers_of_maps_that_see_each_network_alone_are_no_stack(home: Path) -> None:
    runs = make_runs([{"id": "group_norm"}], network=CNN)
    with pytest.raises(Unequal, match="maps go through GroupNorm"):
        stack(runs, home)
    assert not worth(runs, home=home)


def test_the_question_imports_no_torch() -> None:
    code = """
import sys
from trainer.experiment import Arm, Setup
from trainer.stacking import stackable, train_together, worth
stackable(Setup.model_validate({"epochs": 2}), Arm.model_validate({"name": "a"}))
assert not {"torch", "numpy"} & set(sys.modules), "heavy"
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_a_stack_of_small_networks_is_worth_it_and_one_run_is_no_stack(home: Path) -> None:
    runs = make_runs(None, range(6), steps=200)
    assert worth(runs, home=home)
    assert not worth(runs[:1], home=home)


def test_losses_are_finite_numbers(home: Path) -> None:
    points, _ = stack(make_runs(), home)
    assert all(math.isfinite(point.value) for own in points for point in own)
