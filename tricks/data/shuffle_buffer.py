"""Shuffle buffer: draw from a window that slides over the file."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Generator, Tensor

    from tricks.base import Split


def shuffle_buffer(file: Iterable[int], size: int, dice: random.Random) -> Iterator[int]:
    """Each draw takes one of ``size`` waiting examples and lets the next of the file in."""
    waiting: list[int] = []
    for one in file:
        if len(waiting) < size:
            waiting.append(one)
        else:
            at = dice.randrange(size)
            yield waiting[at]
            waiting[at] = one
    dice.shuffle(waiting)
    yield from waiting


@dataclass(kw_only=True)
class ShuffleBuffer(Trick):
    card = Card(
        title="Shuffle buffer",
        title_zh="打乱缓冲区",
        claim="A window of examples in memory is enough to mix a file that is read in order.",
        claimed_by="TensorFlow",
        when="Data too large for memory, read as a stream.",
        watch_out="It mixes no farther than its size: a file that holds class after class needs a "
        "buffer as large as several classes.",
        formula=r"i_k \sim U(B_k), \quad B_{k+1} = B_k \setminus \{i_k\} \cup \{K + k\}",
        paper=Paper(
            authors="Murray et al.",
            year=2021,
            title="tf.data: A machine learning data processing framework",
            arxiv="2101.12127",
        ),
        cost="memory for the buffer",
        zh=Chinese(
            claim="内存里放一个样本窗口，就足以把顺序读取的文件打乱。",
            when="数据大到放不进内存，只能以流的方式读取。",
            watch_out="它打乱的范围不超过缓冲区：文件按类别排好时，缓冲区要能装下好几个类。",
        ),
        regime=Regime(
            setup={"train_size": 1000, "epochs": 8},
            knobs={"size": 300},
            beside=("sequential",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="The shuffle buffer takes in the whole file",
                reason="It holds {size:,} examples and the training set has {count:,}, so it "
                "shuffles as well as a full shuffle.",
                when=lambda own, other, facts: (
                    {"size": own.size, "count": facts.train_size}
                    if own.size >= facts.train_size
                    else None
                ),
            ),
        ),
    )
    slot = Slot.SAMPLER
    size: int = knob(
        100, low=1, high=60_000, integer=True, log=True, symbol="K",
        help="examples in the buffer; 1 reads the file in order",
    )  # fmt: skip
    sorted: int = knob(
        1, low=0, high=1, integer=True, symbol="sorted",
        help="1: the file holds class after class, as many do; 0: it was mixed once",
    )  # fmt: skip

    def sampler(self, split: Split, rng: Generator) -> Tensor:
        import torch

        y = split.labels.cpu()
        file = y.argsort(stable=True) if self.sorted else torch.arange(len(y))
        dice = random.Random(int(torch.randint(2**62, (), generator=rng)))
        return torch.tensor(list(shuffle_buffer(file.tolist(), self.size, dice)))
