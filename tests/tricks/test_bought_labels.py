"""Images from beyond the training set: bought at random, far away, unsure, or labeled by itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.base import Pool, Tools, Trick
from tricks.data.active_selection import ActiveSelection, entropy
from tricks.data.more_data import MoreData, to_buy
from tricks.data.pseudo_label import PseudoLabel, pseudo_labels
from tricks.data.variety import Variety, k_center_greedy
from tricks.procedure.multi_stage import MultiStage


def dice() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def lent(size: int = 80) -> tuple[Tools, list[int]]:
    """Tools with a pool whose images carry their number, and the numbers that were bought."""
    asked: list[int] = []
    x = torch.rand(size, 1, 8, 8, generator=torch.Generator().manual_seed(5))
    y = torch.arange(size) % 10

    def labels(which: torch.Tensor) -> torch.Tensor:
        asked.extend(which.tolist())
        return y[which]

    one = tools()
    one.pool = Pool(size=size, images=lambda which: x[which], labels=labels)
    return one, asked


def given(trick: Trick, size: int = 80) -> tuple[Any, list[int]]:
    trick.tools, asked = lent(size)
    return trick, asked


def titles(setup: dict[str, Any], *tricks: Trick) -> list[str]:
    found = notices(Setup.model_validate({"epochs": 1, **setup}), tricks)
    return [f"{one.kind}: {one.title}" for one in found]


def test_more_data_buys_what_is_missing_and_no_more_than_there_is() -> None:
    assert [to_buy(100, times, 250) for times in (1.0, 2.5, 20.0)] == [0, 150, 250]
    trick, asked = given(MoreData(times=2.5))
    split = trick.dataset(trick.tools.split, dice())
    assert len(split.y) == len(split.x) == len(split.index) == 75
    assert (split.index[30:] == -1).all() and split.index[:30].tolist() == list(range(30))
    assert len(set(asked)) == 45 and trick.report() == {"labels": {"bought": 45}}


def test_greedy_centers_are_each_the_farthest_from_all_that_is_there() -> None:
    x = torch.tensor([[0.0], [1.0], [4.0], [10.0], [6.0]])
    assert k_center_greedy(x, torch.tensor([[0.0]]), 3).tolist() == [3, 2, 4]
    draw = torch.randn(60, 3, generator=dice())
    have, pool = draw[:5], draw[5:]
    for best in k_center_greedy(pool, have, 6):
        far = torch.cdist(pool, have).amin(1)
        assert far[best] == far.max()
        have = torch.cat([have, pool[best][None]])


def test_variety_covers_more_than_chance() -> None:
    """The farthest image from the grown set is nearer than after as many at random."""
    reach = {}
    for trick in (Variety(times=2.0), MoreData(times=2.0)):
        one, asked = given(trick)
        split = one.dataset(one.tools.split, dice())
        every = one.tools.pool.images(torch.arange(80)).flatten(1)
        reach[trick.id()] = torch.cdist(every, split.x.flatten(1)).amin(1).max()
        assert len(set(asked)) == 30
    assert reach["variety"] < reach["more_data"]


def test_entropy_is_torchs_and_largest_for_an_even_answer() -> None:
    logits = torch.randn(4, 7, 5, generator=dice())
    reference = torch.distributions.Categorical(logits=logits).entropy()
    torch.testing.assert_close(entropy(logits), reference)
    torch.testing.assert_close(entropy(torch.zeros(1, 10)), torch.tensor([10.0]).log())


@pytest.mark.parametrize("random", [0, 1])
def test_labels_are_bought_in_rounds_and_each_once(random: int) -> None:
    trick, asked = given(ActiveSelection(share=1.0, rounds=3, random=random))
    now = [0.0]
    trick.tools.progress = lambda: now[0]
    trick.begin(dice())
    counts = []
    for epoch in range(1, 11):
        now[0] = epoch / 10
        trick.after_epoch(trick.tools.network, epoch)
        counts.append(len(asked))
    assert counts == [0, 0, 10, 10, 20, 20, 20, 30, 30, 30]
    assert len(set(asked)) == 30 and len(trick.tools.split.y) == 60
    assert trick.report()["labels"]["bought"] == 30


def test_the_first_round_takes_the_largest_entropies() -> None:
    trick, asked = given(ActiveSelection(share=0.2, rounds=1))
    trick.begin(dice())
    trick.after_epoch(trick.tools.network, 1)
    every = trick.tools.pool.images(torch.arange(80))
    unsure = entropy(trick.tools.network(every)).topk(6).indices
    assert set(asked) == set(unsure.tolist())


def test_pseudo_labels_are_the_sure_answers() -> None:
    p = torch.tensor([[0.96, 0.04], [0.5, 0.5], [0.05, 0.95]])
    sure, label = pseudo_labels(p.log(), 0.9)
    assert sure.tolist() == [True, False, True] and label[sure].tolist() == [0, 1]


def test_pseudo_labels_are_taken_anew_each_time_and_cost_no_label() -> None:
    trick, asked = given(PseudoLabel(ratio=2.0, tau=0.0, start=0.3))
    now = [0.0]
    trick.tools.progress = lambda: now[0]
    trick.begin(dice())
    sizes = []
    for part in (0.2, 0.3, 0.32, 0.6, 1.0):
        now[0] = part
        trick.after_epoch(trick.tools.network, 1)
        sizes.append(len(trick.tools.split.y))
    assert sizes == [30, 90, 90, 90, 90] and asked == []
    assert (trick.tools.split.index[30:] == -1).all()
    assert trick.acted().times == trick.acted().of == 60
    trick.tau, now[0], trick.next = 1.0, 0.9, 0.5
    trick.after_epoch(trick.tools.network, 1)
    assert len(trick.tools.split.y) == 30


@pytest.mark.parametrize("trick", [MoreData(), Variety(), ActiveSelection(), PseudoLabel()])
def test_all_images_in_the_training_set_are_refused(trick: Trick) -> None:
    assert any(one.startswith("error") for one in titles({}, trick))
    assert titles({"train_size": 100}, trick) == []


def test_rules() -> None:
    small = {"train_size": 100}
    assert titles({"train_size": 1000}, MoreData()) == [
        "hint: More data gets less than it asks for"
    ]
    assert titles({"train_size": 600}, Variety()) == ["hint: Variety has little to choose from"]
    assert len(titles({"train_size": 1000}, ActiveSelection())) == 1
    assert titles(small, ActiveSelection(), PseudoLabel())[0].startswith("error")
    assert titles(small, ActiveSelection(), MoreData()) == []
    assert titles(small, MultiStage(), PseudoLabel())[0].startswith("error")
    assert titles(small, MultiStage(), PseudoLabel(ratio=0)) == []
