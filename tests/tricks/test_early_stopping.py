"""Early stopping: what is held out, which weights answer, when it would have stopped."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.base import Split, Trick
from tricks.loss.flooding import Flooding
from tricks.regularization.early_stopping import EarlyStopping, loss_of
from tricks.regularization.ema import EMA
from tricks.regularization.swa import SWA
from tricks.schedule.cosine import Cosine
from tricks.schedule.cyclic_cosine import CyclicCosine
from tricks.schedule.one_cycle import OneCycle


def split(size: int = 40) -> Split:
    x = torch.arange(size, dtype=torch.float32).reshape(size, 1, 1, 1)
    return Split(x=x, y=torch.arange(size) % 2, classes=2, index=torch.arange(size))


class Answer(nn.Module):
    """Gives the first class a probability, whatever the input."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.p, 1 - self.p]).log().expand(len(x), 2)


def walk(trick: EarlyStopping, answers: list[float]) -> nn.Module:
    """One epoch for each probability; half of the labels are of the first class, so .5 is best."""
    network = Answer()
    trick.tools = tools()
    trick.tools.network = network
    trick.dataset(split(), torch.Generator().manual_seed(0))
    trick.held = Split(x=torch.zeros(2, 1, 1, 1), y=torch.tensor([0, 1]), classes=2)
    for epoch, p in enumerate(answers, 1):
        nn.init.constant_(network.p, p)
        trick.after_epoch(network, epoch)
    return network


def answer(trick: EarlyStopping, network: nn.Module) -> float:
    return trick.predictor(network, network)(torch.zeros(1, 1, 1, 1)).exp()[0, 0].item()


@pytest.mark.parametrize(("share", "held"), [(0.1, 4), (0.5, 20), (0.01, 1)])
def test_what_is_held_out_is_not_trained_on(share: float, held: int) -> None:
    trick = EarlyStopping(holdout=share)
    rest = trick.dataset(split(), torch.Generator().manual_seed(0))
    assert len(trick.held.y) == held and len(rest.y) == 40 - held
    both = torch.cat([rest.index, trick.held.index]).sort().values
    assert torch.equal(both, torch.arange(40))
    assert torch.equal(trick.held.x.flatten().long(), trick.held.index)


def test_one_example_of_two_is_left() -> None:
    assert len(EarlyStopping(holdout=0.5).dataset(split(2), torch.Generator()).y) == 1


def test_the_best_weights_answer_and_training_goes_on() -> None:
    trick = EarlyStopping(patience=10)
    network = walk(trick, [0.9, 0.45, 0.8, 0.95])
    assert answer(trick, network) == pytest.approx(0.45)
    assert network.p.item() == pytest.approx(0.95)
    assert trick.acted() == (2, 4, "epochs after the best one")
    report = trick.report()
    assert report["best_epoch"] == 2 and report["stopped_epoch"] is None
    assert report["held_out_loss"] == pytest.approx(-math.log(0.45 * 0.55) / 2)


def test_after_its_patience_nothing_changes_the_answer() -> None:
    trick = EarlyStopping(patience=2)
    network = walk(trick, [0.6, 0.9, 0.9, 0.5])
    assert trick.report()["stopped_epoch"] == 3
    assert answer(trick, network) == pytest.approx(0.6)
    assert trick.acted().of == 4


def test_before_the_first_epoch_the_network_itself_answers() -> None:
    network = Answer()
    assert EarlyStopping().predictor(network, network) is network


def test_it_judges_in_eval_mode_and_leaves_the_mode() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2), nn.Dropout(0.5)).train()
    data = split(1200)  # more than are judged at once
    loss = loss_of(network, data)
    assert network.training
    network.eval()
    assert loss == pytest.approx(cross_entropy(network(data.x), data.y).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("tricks", "size", "found"),
    [
        ([EarlyStopping()], 600, []),
        ([EarlyStopping()], 400, ["hint"]),
        ([EarlyStopping(holdout=0.2)], 400, []),
        ([EarlyStopping(), Flooding()], 600, ["hint"]),
        ([EarlyStopping(), Flooding(level=0)], 600, []),
        ([EarlyStopping(), CyclicCosine()], 600, ["warning"]),
        ([EarlyStopping(), OneCycle()], 600, ["warning"]),
        ([EarlyStopping(), Cosine()], 600, []),
        ([EarlyStopping(), EMA()], 600, ["warning"]),
        ([EarlyStopping(), SWA()], 600, ["warning"]),
    ],
)
def test_what_is_said_before_launch(tricks: list[Trick], size: int, found: list[str]) -> None:
    setup = Setup.model_validate({"steps": 1000, "train_size": size})
    assert [one.kind for one in notices(setup, tricks)] == found
