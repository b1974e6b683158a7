"""The orders in which a file is read."""

from __future__ import annotations

import random

import pytest
import torch

from trainer.checks import notices
from trainer.experiment import Setup
from trainer.lawbench import tools
from tricks.base import Split, Trick
from tricks.data.curriculum import Curriculum, pace
from tricks.data.rand_skip import RandSkip, from_start
from tricks.data.self_paced import SelfPaced, below
from tricks.data.sequential import Sequential
from tricks.data.shuffle import Shuffle
from tricks.data.shuffle_buffer import ShuffleBuffer, shuffle_buffer

Y = torch.randint(0, 10, (300,), generator=torch.Generator().manual_seed(1))
SPLIT = Split(x=torch.zeros(300, 1, 1, 1), y=Y, classes=10)


def dice() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def titles(*tricks: Trick) -> str:
    setup = Setup.model_validate({"epochs": 1, "train_size": 300})
    return " | ".join(one.title for one in notices(setup, tricks))


def test_a_sorted_file_holds_class_after_class_in_the_order_of_the_set() -> None:
    order = Sequential(sorted=1).sampler(SPLIT, dice())
    assert sorted(order.tolist()) == list(range(300))
    assert Y[order].tolist() == sorted(Y.tolist())
    assert (order[Y[order] == 4].diff() > 0).all()
    assert Sequential(sorted=0).sampler(SPLIT, dice()).tolist() == list(range(300))


def test_a_skip_happens_once_and_the_file_is_a_ring() -> None:
    assert from_start(torch.arange(5), 2).tolist() == [2, 3, 4, 0, 1]
    trick, rng = RandSkip(rand_skip=100, sorted=0), dice()
    first = trick.sampler(SPLIT, rng)
    assert torch.equal(first, trick.sampler(SPLIT, rng))
    starts = {int(RandSkip(rand_skip=4, sorted=0).sampler(SPLIT, rng)[0]) for _ in range(60)}
    assert starts == {0, 1, 2, 3}  # the floor of 4 u
    none = RandSkip(rand_skip=0).sampler(SPLIT, rng)
    assert torch.equal(none, Sequential().sampler(SPLIT, rng))


def test_a_buffer_hands_out_each_example_once_and_mixes_no_farther_than_its_size() -> None:
    for size in (1, 2, 7, 50, 400):
        read = list(shuffle_buffer(range(200), size, random.Random(0)))
        assert sorted(read) == list(range(200))
        assert all(one <= at + size for at, one in enumerate(read))
    assert list(shuffle_buffer(range(9), 1, random.Random(0))) == list(range(9))


def test_a_waiting_example_leaves_with_the_same_chance_at_every_draw() -> None:
    """Of K = 5 places each draw takes one, so an example waits K draws in the mean."""
    places = [
        list(shuffle_buffer(range(100), 5, random.Random(seed))).index(20) for seed in range(400)
    ]
    assert min(places) == 16  # it came in at the 16th draw
    assert sum(places) / len(places) == pytest.approx(15 + 5, abs=0.9)


def test_shuffle_leaves_the_reading_to_the_engine() -> None:
    assert Shuffle.is_default and not Shuffle.changes("sampler")


def test_the_pace_is_a_straight_line_and_then_everything() -> None:
    assert [pace(t, 0.2, 0.5) for t in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.2, 0.6, 1, 1])
    assert pace(0.0, 0.2, 0.0) == 1.0


def test_a_curriculum_begins_with_what_the_helper_finds_easy() -> None:
    trick = Curriculum(start=0.4, end=1.0)
    trick.tools = tools()
    split, now = trick.tools.split, [0.0]
    trick.tools.progress = lambda: now[0]
    first = trick.sampler(split, dice())
    assert trick.helper is not None
    losses = torch.nn.functional.cross_entropy(trick.helper(split.x), split.y, reduction="none")
    assert set(first.tolist()) == set(losses.argsort()[:12].tolist())
    now[0] = 1.0
    assert sorted(trick.sampler(split, dice()).tolist()) == list(range(30))


def test_self_paced_learning_reads_what_lies_below_a_quantile() -> None:
    loss = torch.tensor([3.0, 1.0, 2.0, 5.0, 4.0])
    assert set(below(loss, 0.6).tolist()) == {0, 1, 2}
    trick = SelfPaced(start=0.5, final=0.5)
    trick.tools = tools()
    split = trick.tools.split
    losses = torch.nn.functional.cross_entropy(
        trick.tools.network(split.x), split.y, reduction="none"
    )
    read = trick.sampler(split, dice())
    assert len(read) == 15 and losses[read].max() <= losses.median()
    assert trick.acted() == (15, 30, "examples left out of an epoch")


def test_rules() -> None:
    assert "mixed already" in titles(Sequential(sorted=0))
    assert titles(Sequential(sorted=1)) == ""
    assert "mixed already" in titles(RandSkip(sorted=0))
    assert titles(RandSkip(sorted=1)) == ""
    assert "whole file" in titles(ShuffleBuffer(size=300))
    assert titles(ShuffleBuffer(size=299)) == ""
    assert "exclude each other" in titles(RandSkip(), Shuffle())
