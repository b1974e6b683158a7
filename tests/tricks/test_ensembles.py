"""Ensembles: who is kept when, what they answer together, and answers that cost more or less."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from trainer.checks import notices
from trainer.experiment import Setup
from tricks import catalog
from tricks.ensemble.bn_fuse import BnFuse
from tricks.ensemble.checkpoint_ensemble import CheckpointEnsemble
from tricks.ensemble.independent_nets import IndependentNets
from tricks.ensemble.model_soup import ModelSoup, tails_over
from tricks.ensemble.snapshot_ensemble import SnapshotEnsemble, cycles_over
from tricks.ensemble.tta import TTA, views
from tricks.layers.members import become, committee, mean_answer, member, mixed

STEPS = 20


class Run:
    """A network whose one weight is the number of the step; ``tools`` are what tricks need."""

    def __init__(self, trick: Any, *, seconds: bool = False) -> None:
        self.network, self.trick, self.step = nn.Linear(1, 2, bias=False), trick, 0
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1, momentum=0.9)
        self.lives: list[int] = []
        self.was_put_back: list[int] = []
        trick.tools = SimpleNamespace(
            steps=None if seconds else STEPS,
            progress=lambda: self.step / STEPS,
            restart=self.lives.append,
            optimizer=self.optimizer,
        )
        trick.begin(torch.Generator())
        self.go()

    def go(self) -> None:
        self.answers = []
        for self.step in range(1, STEPS + 1):
            self.network.weight.data.fill_(float(self.step))
            self.optimizer.state[self.network.weight]["here"] = torch.ones(1)
            self.trick.after_step(self.network, self.step)
            if self.network.weight[0].item() != self.step:
                self.was_put_back.append(self.step)
            predict = self.trick.predictor(self.network, self.network)
            self.answers.append("plain" if predict is self.network else predict)


def kept(members: list[dict[str, torch.Tensor]]) -> list[float]:
    return [one["weight"][0].item() for one in members]


@pytest.mark.parametrize("seconds", [False, True])
def test_snapshots_are_taken_at_the_ends_of_the_cycles(seconds: bool) -> None:
    trick = SnapshotEnsemble(snapshots=4)
    run = Run(trick, seconds=seconds)
    assert kept(trick.kept) == [5, 10, 15]  # the fourth is the network itself
    assert run.answers[:4] == ["plain"] * 4 and "plain" not in run.answers[4:]


@pytest.mark.parametrize(("steps", "cycles"), [(20, 4), (22, 4), (7, 3), (1000, 7)])
def test_cycles_end_where_the_rate_starts_again(steps: int, cycles: int) -> None:
    rate = catalog()["cyclic_cosine"](cycles=cycles)
    ends = [
        step
        for step in range(1, steps)
        if cycles_over(step, steps, 0.0, cycles) > cycles_over(step - 1, steps, 0.0, cycles)
    ]
    restarts = [step for step in range(1, steps) if rate.factor(step, steps) == 1]
    assert ends == restarts


def test_independent_networks_start_again() -> None:
    trick = IndependentNets(nets=4)
    run = Run(trick)
    assert kept(trick.done) == [5, 10, 15] and run.lives == [1, 2, 3]
    assert run.answers[:4] == ["plain"] * 4 and "plain" not in run.answers[4:]


def test_checkpoints_are_a_tenth_of_the_run_apart_and_the_last_ones_stay() -> None:
    trick = CheckpointEnsemble(checkpoints=4)
    Run(trick)
    assert kept(trick.kept) == [14, 16, 18]


def test_the_answer_is_the_log_of_the_mean_probability() -> None:
    x = torch.randn(6, 1, generator=torch.Generator().manual_seed(0))
    for trick, members in (
        (SnapshotEnsemble(snapshots=4), [5, 10, 15, 20]),
        (CheckpointEnsemble(checkpoints=3), [16, 18, 20]),
    ):
        run = Run(trick)
        weight = torch.tensor([1.0, -0.5])
        for one in trick.kept:
            one["weight"] = one["weight"] * weight[:, None] / 10
        run.network.weight.data.mul_(weight[:, None] / 10)
        expected = torch.stack([(x * weight * m / 10).softmax(-1) for m in members]).mean(0)
        answer = trick.predictor(run.network, run.network)(x)
        torch.testing.assert_close(answer.exp(), expected)


def test_mean_answer() -> None:
    logits = torch.tensor([[[0.0, math.log(3.0)]], [[math.log(3.0), 0.0]]])
    torch.testing.assert_close(mean_answer(logits), torch.tensor([[0.5, 0.5]]).log())


def test_a_committee_leaves_the_network_as_it_is() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).eval()
    x, first = torch.randn(5, 3), member(network)
    before = network(x).detach()
    for p in network.parameters():
        p.data.mul_(2)
    network[1].running_mean.fill_(1.0)
    after = network(x).detach()
    torch.testing.assert_close(committee(network, [first])(x), before)
    assert torch.equal(network(x), after)
    become(network, first)
    assert torch.equal(network(x), before)
    assert committee(network, [first, first])(x).exp().sum(-1).allclose(torch.ones(5))


def test_soup_parts_the_ways_after_half_the_run() -> None:
    trick = ModelSoup(ingredients=2)
    run = Run(trick)
    assert kept([trick.start]) == [10] and kept(trick.done) == [15]
    assert run.was_put_back == [15]
    assert [tails_over(at, 2) for at in (0.4, 0.5, 0.7, 0.75, 1.0)] == [-1, 0, 0, 1, 2]
    answer = run.answers[-1](torch.ones(1, 1))
    torch.testing.assert_close(answer, torch.full((1, 2), (15 + 20) / 2))


def test_a_tail_starts_with_an_empty_optimizer() -> None:
    trick = ModelSoup(ingredients=2)
    run = Run(trick)
    run.step = 10
    trick.start, trick.done = {}, []
    trick.after_step(run.network, 10)
    assert run.optimizer.state
    run.step = 15
    trick.after_step(run.network, 15)
    assert not run.optimizer.state


def test_soup_is_the_mean_of_weights_and_buffers() -> None:
    parts = [{"w": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)} for _ in range(2)]
    parts[1] = {"w": torch.tensor([3.0, 6.0]), "n": torch.tensor(5)}
    assert mixed(parts)["w"].tolist() == [2.0, 4.0] and mixed(parts)["n"].item() == 5


def test_views_are_the_image_moved_with_its_border_repeated() -> None:
    x = torch.arange(9.0).view(1, 1, 3, 3)
    same, down, up, right, left = (one[0, 0].tolist() for one in views(x, 1, False))
    assert same == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert right == [[0, 0, 1], [3, 3, 4], [6, 6, 7]]
    assert left == [[1, 2, 2], [4, 5, 5], [7, 8, 8]]
    assert down == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    assert up == [[3, 4, 5], [6, 7, 8], [6, 7, 8]]
    assert len(views(x, 1, True)) == 10
    assert torch.equal(views(x, 0, True)[1], x.flip(-1))


def test_test_time_augmentation_averages_over_its_views() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(9, 3))
    x = torch.randn(4, 1, 3, 3)
    expected = torch.stack([network(view).softmax(-1) for view in views(x, 1, False)]).mean(0)
    torch.testing.assert_close(TTA().predictor(network, network)(x).exp(), expected)
    assert TTA(shift=0).predictor(network, network) is network


def trained(*layers: nn.Module) -> nn.Module:
    """In eval mode, its batch norms with statistics of their own."""
    network, draw = nn.Sequential(*layers), torch.Generator().manual_seed(0)
    for one in network.modules():
        if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d):
            one.running_mean.copy_(torch.randn(one.num_features, generator=draw))
            one.running_var.copy_(torch.rand(one.num_features, generator=draw) + 0.5)
            one.weight.data.copy_(torch.randn(one.num_features, generator=draw))
            one.bias.data.copy_(torch.randn(one.num_features, generator=draw))
    return network.eval()


def test_folded_answers_are_the_same_and_the_network_stays() -> None:
    network = trained(
        nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)), nn.Flatten(),
        nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3),
    )  # fmt: skip
    x, layers = torch.randn(5, 1, 8, 8), [type(one) for one in network.modules()]
    trick = BnFuse()
    predict = trick.predictor(network, network)
    assert predict is not network
    passed: list[int] = []
    for one in network.modules():
        if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d):
            one.register_forward_hook(lambda *_: passed.append(1))
    torch.testing.assert_close(predict(x), network(x), rtol=1e-4, atol=1e-4)
    assert len(passed) == 3, "only the plain answer goes through batch norm"
    assert [type(one) for one in network.modules()] == layers
    assert trick.acted() == (3, 4, "layers with a batch norm behind them to fold")


def test_nothing_is_folded_where_the_norm_stands_first_or_elsewhere() -> None:
    network = trained(nn.BatchNorm1d(4), nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4))
    trick = BnFuse()
    assert trick.predictor(network, network) is network
    assert trick.acted()[:2] == (0, 1)
    normed = trained(nn.Linear(4, 4), nn.BatchNorm1d(4))
    assert BnFuse(fold=0).predictor(normed, normed) is normed

    def other(x: torch.Tensor) -> torch.Tensor:
        return x

    assert trick.predictor(normed, other) is other


def test_the_latency_is_reported_as_a_share() -> None:
    network, trick = trained(nn.Linear(4, 4), nn.BatchNorm1d(4)), BnFuse()
    trick.tools = SimpleNamespace(network=network, split=SimpleNamespace(x=torch.randn(9, 4)))
    assert 0 < trick.report()["latency"] < 100
    trick.tools.network = nn.Linear(4, 4)
    assert trick.report() == {}


ALONE: dict[str, Any] = {}
SAID = [  # tricks, setup, kind, words of the title; a neighbor and its setup without the notice
    ({"snapshot_ensemble": {}}, {}, "warning", "wants a rate that restarts",
     {"snapshot_ensemble": {}, "cyclic_cosine": {}}, {}),
    ({"snapshot_ensemble": {}, "cyclic_cosine": {"cycles": 5}}, {}, "warning", "out of step",
     {"snapshot_ensemble": {}, "cyclic_cosine": {}}, {}),
    ({"snapshot_ensemble": {}}, {}, "hint", "compared with 4 short networks",
     {"snapshot_ensemble": {"snapshots": 1}}, {}),
    ({"snapshot_ensemble": {}, "ema": {}}, {}, "warning", "answers instead of EMA",
     {"snapshot_ensemble": {}}, {}),
    ({"checkpoint_ensemble": {}, "ema": {}}, {}, "warning", "answers instead of EMA",
     {"checkpoint_ensemble": {}}, {}),
    ({"independent_nets": {}, "one_cycle": {}}, {}, "warning", "falls once for all",
     {"independent_nets": {}, "cyclic_cosine": {}}, {}),
    ({"independent_nets": {}, "lookahead": {}}, {}, "error", "cannot share an arm",
     {"independent_nets": {"nets": 1}, "lookahead": {}}, {}),
    ({"independent_nets": {}, "snapshot_ensemble": {}}, {}, "error", "cut the same run",
     {"independent_nets": {}}, {}),
    ({"checkpoint_ensemble": {}, "model_soup": {}}, {}, "error", "cannot both answer",
     {"model_soup": {}}, {}),
    ({"model_soup": {}, "one_cycle": {}}, {}, "hint", "tails of Model soup different rates",
     {"model_soup": {"ingredients": 1}, "one_cycle": {}}, {}),
    ({"model_soup": {}, "ema": {}}, {}, "error", "Model soup and EMA cannot share",
     {"model_soup": {"ingredients": 1}, "ema": {}}, {}),
    ({"tta": {"flip": 1}}, {}, "error", "Mirror images are other things in digits",
     {"tta": {"flip": 1}}, {"dataset": "shapes"}),
    ({"tta": {}}, {}, "hint", "shifts that training may not show",
     {"tta": {}, "random_crop": {}}, {}),
    ({"bn_fuse": {}}, {}, "hint", "Nothing to fold", {"bn_fuse": {}, "batch_norm": {}}, {}),
]  # fmt: skip


def said(tricks: dict[str, Any], setup: dict[str, Any]) -> list[tuple[str, str]]:
    made = [catalog()[name](**knobs) for name, knobs in tricks.items()]
    found = notices(Setup.model_validate({"epochs": 60, **setup}), made)
    return [(one.kind, one.title) for one in found]


@pytest.mark.parametrize(("tricks", "setup", "kind", "words", "neighbor", "beside"), SAID)
def test_rule(tricks, setup, kind, words, neighbor, beside) -> None:
    assert [one for one, title in said(tricks, setup) if words in title] == [kind]
    assert not [title for _, title in said(neighbor, beside) if words in title]
