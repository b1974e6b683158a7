"""Sequential: read the examples in the order of the file, the same in every epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from tricks.base import Split


def file_order(y: Tensor) -> Tensor:
    """The (N,) positions of a file that holds class after class."""
    return y.argsort(stable=True)


@dataclass(kw_only=True)
class Sequential(Trick):
    card = Card(
        title="Sequential reading",
        title_zh="顺序读取",
        claim="Reading the file from front to back is the fastest way to read it.",
        claimed_by="a control for Shuffle",
        when="A control: how much does the order of reading matter?",
        watch_out="In a file that holds class after class every batch shows one class, and the "
        "network forgets the others. A file that was mixed once is as good as shuffling.",
        formula=r"i_k = k",
        paper=Paper(
            authors="Bottou",
            year=2012,
            title="Stochastic gradient descent tricks",
            where="Neural Networks: Tricks of the Trade, 2nd edition",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="从头到尾顺序读文件，读得最快。",
            when="作为对照：读取顺序到底有多重要？",
            watch_out="如果文件按类别排好，每个批次只有一个类，网络会忘掉其他类；事先打乱一次的文"
            "件则与随机打乱一样好。",
        ),
        regime=Regime(setup={"train_size": 1000, "epochs": 8}),
        rules=(
            Rule(
                kind="hint",
                title="The file is mixed already",
                reason="The training set was drawn in random order, so reading it in sequence is "
                "nearly shuffling. Set sorted to 1 for a file that holds class after class.",
                when=lambda own, other, facts: None if own.sorted else {},
            ),
        ),
    )
    slot = Slot.SAMPLER
    sorted: int = knob(
        1, low=0, high=1, integer=True, symbol="sorted",
        help="1: the file holds class after class, as many do; 0: it was mixed once",
    )  # fmt: skip

    def sampler(self, split: Split, rng: Generator) -> Tensor:
        import torch

        y = split.labels.cpu()
        return file_order(y) if self.sorted else torch.arange(len(y))
