"""Rand skip: Caffe's way to begin somewhere in a file that is then read in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from tricks.base import Split


def from_start(order: Tensor, start: int) -> Tensor:
    """The (N,) file read from ``start`` on and, at its end, from the front."""
    return order.roll(-start)


@dataclass(kw_only=True)
class RandSkip(Trick):
    card = Card(
        title="Rand skip",
        title_zh="随机跳读",
        claim="Beginning at a random place of the file makes a very clear difference.",
        claimed_by="the thread; Caffe",
        when="Several training processes that read the same file: it was made so that they do not "
        "all begin with the same example.",
        watch_out="Not shown here: in one process it only moves the start. On a file that holds "
        "class after class shuffling helps a lot and the skip does not; Caffe itself marks the "
        "parameter as deprecated.",
        formula=r"i_k = (k + s) \bmod N, \quad s = \lfloor r\,u \rfloor, \; u \sim U(0, 1)",
        paper=Paper(
            authors="Jia et al.",
            year=2014,
            title="Caffe: Convolutional architecture for fast feature embedding",
            arxiv="1408.5093",
        ),
        cost="nothing measurable",
        thread="caffe 有一个参数 rand_skip 用了和不用，差别是非常明显的",
        zh=Chinese(
            claim="从文件的随机位置开始读，差别非常明显。",
            when="多个训练进程读同一个文件时：它的本意是避免所有进程从同一个样本开始。",
            watch_out="这里没有看到效果：单进程时它只是换了起点。文件按类别排好时，"
            "真正有用的是随机打乱；Caffe 自己也把它标为弃用。",
        ),
        regime=Regime(
            setup={"train_size": 1000, "epochs": 8},
            beside=("sequential",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Rand skip in a file that is mixed already",
                reason="The training set was drawn in random order, so where reading begins makes "
                "no difference. Set sorted to 1 for a file that holds class after class.",
                when=lambda own, other, facts: None if own.sorted else {},
            ),
        ),
    )
    slot = Slot.SAMPLER
    rand_skip: int = knob(
        1000, low=0, high=60_000, integer=True, symbol="r",
        help="up to so many examples are skipped, once, before the first step",
    )  # fmt: skip
    sorted: int = knob(
        1, low=0, high=1, integer=True, symbol="sorted",
        help="1: the file holds class after class, as many do; 0: it was mixed once",
    )  # fmt: skip
    start: int | None = field(init=False, default=None, repr=False, compare=False)

    def sampler(self, split: Split, rng: Generator) -> Tensor:
        import torch

        if self.start is None:
            self.start = int(self.rand_skip * torch.rand((), generator=rng, dtype=torch.double))
        y = split.labels.cpu()
        order = y.argsort(stable=True) if self.sorted else torch.arange(len(y))
        return from_start(order, self.start % len(y))
