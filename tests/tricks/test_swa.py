"""SWA: the plain mean of the last epochs' weights, with statistics measured for it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.base import Split, Trick
from tricks.optimizer.nesterov import Nesterov
from tricks.regularization.ema import EMA
from tricks.regularization.swa import SWA
from tricks.schedule.cosine import Cosine
from tricks.schedule.cyclic_cosine import CyclicCosine


def walk(trick: SWA, network: nn.Module, weights: list[float]) -> None:
    """One epoch for each of these first weights."""
    trick.tools = tools()
    trick.tools.network = network
    for epoch, weight in enumerate(weights, 1):
        trick.tools.progress = lambda epoch=epoch: epoch / len(weights)
        with torch.no_grad():
            next(network.parameters()).fill_(weight)
        trick.after_epoch(network, epoch)


@pytest.mark.parametrize(("start", "mean"), [(0.0, 4.0), (0.5, 7.0), (0.75, 8.0)])
def test_the_mean_of_the_last_epochs_answers(start: float, mean: float) -> None:
    network, trick = nn.Linear(1, 1, bias=False), SWA(start=start)
    walk(trick, network, [1.0, 1.0, 6.0, 8.0])
    predict = trick.predictor(network, network)
    assert predict(torch.ones(1, 1)).item() == pytest.approx(mean)
    assert network.weight.item() == 8.0, "training is left alone"
    assert trick.acted() == (4 - int(4 * start), 4, "epochs' weights averaged")


def test_before_it_begins_the_network_itself_answers() -> None:
    network, trick = nn.Linear(1, 1), SWA()
    assert trick.predictor(network, network) is network


def test_batch_norms_statistics_are_measured_for_the_averaged_weights() -> None:
    """The mean of two weights has an output that neither had: its statistics must be new."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    trick = SWA(start=0.0)
    walk(trick, network, [1.0, 5.0])
    x = 2 + torch.randn(64, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    trick.tools.split = Split(x=x, y=torch.zeros(64).long(), classes=10)
    trick.tools.batch_size = 64
    y = trick.predictor(network, network)(x)
    assert y.mean().item() == pytest.approx(0.0, abs=1e-4)
    assert y.std().item() == pytest.approx(1.0, abs=0.02)
    plain = network.eval()(x)
    assert plain.mean().item() > 1, "the trained network's own statistics are left as they were"


def test_measuring_takes_no_numbers_from_dropout() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    trick = SWA(start=0.0)
    walk(trick, network, [0.1, 0.2])
    before = torch.get_rng_state()
    predict = trick.predictor(network, network)
    assert torch.equal(torch.get_rng_state(), before)
    assert not predict.training


def test_what_was_measured_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    network, trick = nn.Linear(1, 1, bias=False), SWA(start=0.0)
    walk(trick, network, [1.0, 2.0])
    count = []
    monkeypatch.setattr(SWA, "measure", lambda self, mean: (
        count.append(1), setattr(self, "measured", self.averaged),
    ))  # fmt: skip
    for _ in range(3):
        trick.predictor(network, network)
    assert len(count) == 1


@pytest.mark.parametrize(
    ("tricks", "found"),
    [
        ([SWA()], []),
        ([SWA(), EMA()], ["warning"]),
        ([SWA(), Cosine()], ["hint"]),
        ([SWA(start=0.0), Cosine()], []),
        ([SWA(), Nesterov()], []),
    ],
)
def test_what_is_said_before_launch(tricks: list[Trick], found: list[str]) -> None:
    own = {one.id() for one in tricks}
    said = notices(Setup.model_validate({"steps": 1000}), tricks)
    assert [one.kind for one in said if set(one.tricks) == own and "SWA" in one.title] == found


def test_cyclic_rates_leave_something_to_average() -> None:
    said = notices(Setup.model_validate({"steps": 1000}), [SWA(start=0.8), CyclicCosine(cycles=4)])
    assert not any("hardly move" in one.title for one in said)
