"""Selective backprop and RHO-LOSS: which examples of a batch are learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.data.rho_loss import RhoLoss, most_reducible
from tricks.data.selective_backprop import SelectiveBackprop, chance

if TYPE_CHECKING:
    from tricks.base import Trick


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def titles(setup: dict[str, Any], *tricks: Trick) -> list[str]:
    found = notices(Setup.model_validate({"epochs": 1, **setup}), tricks)
    return [f"{one.kind}: {one.title}" for one in found]


def test_the_chance_is_a_power_of_the_rank() -> None:
    history = torch.arange(1.0, 11.0)
    loss = torch.tensor([0.5, 1.0, 5.5, 10.0])
    assert chance(loss, history, 1.0).tolist() == [0.0, 0.1, 0.5, 1.0]
    assert chance(loss, history, 2.0).tolist() == pytest.approx([0.0, 0.01, 0.25, 1.0])
    assert chance(loss, history, 0.0).tolist() == [1.0] * 4


@pytest.mark.parametrize(("beta", "share"), [(1.0, 1 / 2), (2.0, 1 / 3), (3.0, 1 / 4)])
def test_it_keeps_one_in_beta_plus_one(beta: float, share: float) -> None:
    trick = SelectiveBackprop(beta=beta, history=3000)
    trick.tools, rng = tools(), dice()
    x, y = torch.rand(60, 1, 8, 8, generator=rng), torch.arange(60) % 10
    kept = [len(trick.batch(x, one_hot(y, 10).float(), rng)[0]) for _ in range(50)]
    assert sum(kept) / 3000 == pytest.approx(share, abs=0.05)
    assert trick.acted() == (3000 - sum(kept), 3000, "examples skipped")


def test_the_example_of_the_largest_loss_is_always_kept() -> None:
    trick = SelectiveBackprop(beta=5.0)
    trick.tools = tools()
    x, y = trick.tools.split.x, one_hot(trick.tools.split.y, 10).float()
    worst = cross_entropy(trick.tools.network(x), y, reduction="none").argmax()
    for seed in range(10):
        new_x, new_y = trick.batch(x, y, dice(seed))
        assert len(new_x) == len(new_y)
        assert (new_x == x[worst]).flatten(1).all(1).any()


def test_rho_loss_keeps_what_can_still_be_learned() -> None:
    loss = torch.tensor([0.1, 2.0, 2.0, 1.5, 0.9])
    helper = torch.tensor([0.1, 2.1, 0.2, 0.1, 0.8])  # the second is a wrong label
    assert most_reducible(loss, helper, 2).tolist() == [2, 3]


def test_the_held_out_part_is_the_helpers_alone() -> None:
    trick, seen = RhoLoss(holdout=0.2, keep=0.5), []
    trick.tools = tools()
    plain = trick.tools.fit

    def fit(x: torch.Tensor, y: torch.Tensor, rng: torch.Generator, **kw: Any) -> Any:
        seen.append(len(y))
        return plain(x, y, rng, **kw)

    trick.tools.fit = fit  # type: ignore[assignment]
    split = trick.tools.split
    rest = trick.dataset(split, dice())
    assert seen == [6] and len(rest.y) == 24
    assert rest.index is not None and (rest.index.diff() > 0).all()
    x, y = trick.batch(rest.x[:10], one_hot(rest.y[:10], 10).float(), dice())
    assert len(x) == len(y) == 5


def test_rules() -> None:
    noisy = {"label_noise": 0.2}
    assert titles(noisy, SelectiveBackprop()) == [
        "warning: Selective backprop looks for wrong labels"
    ]
    assert titles({}, SelectiveBackprop()) == []
    assert titles({"train_size": 400}, RhoLoss())[0].startswith("warning: The helper of RHO-LOSS")
    assert titles({"train_size": 500}, RhoLoss()) == []
    assert titles({}, RhoLoss(), SelectiveBackprop())[0].startswith("hint")
    assert titles({}, RhoLoss(keep=1.0), SelectiveBackprop()) == []
