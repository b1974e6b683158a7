"""Shuffle: read the examples in a new random order in every epoch."""

from __future__ import annotations

from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick


@dataclass(kw_only=True)
class Shuffle(Trick):
    card = Card(
        title="Shuffle",
        title_zh="随机打乱",
        claim="A new random order in every epoch makes each batch a fair sample.",
        claimed_by="Bottou 2012",
        when="Always, if the data fit in memory; it matters most where the file is sorted.",
        watch_out="The whole file must be at hand: from a disk that reads in order it is slow, and "
        "a shuffle buffer stands in.",
        formula=r"i_1, \dots, i_N = \pi_e(1, \dots, N)",
        paper=Paper(
            authors="Bottou",
            year=2012,
            title="Stochastic gradient descent tricks",
            where="Neural Networks: Tricks of the Trade, 2nd edition",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="每轮都换一个随机顺序，让每个批次都是公平的样本。",
            when="只要数据放得进内存就该用；文件按类别排好序时差别最大。",
            watch_out="需要能随机访问整个文件；只能顺序读盘时很慢，要用打乱缓冲区代替。",
        ),
        regime=Regime(setup={"train_size": 1000, "epochs": 8}, beside=("sequential",)),
    )
    slot = Slot.SAMPLER
    is_default = True
