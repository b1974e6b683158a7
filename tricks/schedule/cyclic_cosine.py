"""Cyclic cosine: the rate falls along a cosine and starts again, several times."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


def cyclic_cosine(step: int, steps: int, cycles: int) -> float:
    """``(1 + cos(pi * (step mod C) / C)) / 2`` with ``C = ceil(steps / cycles)``.

    ``step`` counts from 0. Huang et al. 2017 (arXiv 1704.00109), equation 2.
    """
    length = math.ceil(steps / cycles)
    return (1 + math.cos(math.pi * (step % length) / length)) / 2


@dataclass(kw_only=True)
class CyclicCosine(Trick):
    card = Card(
        title="Cyclic cosine",
        title_zh="周期余弦重启",
        claim="Restarting the rate finds several good models on the way, to average later.",
        claimed_by="the thread; Loshchilov and Hutter 2016",
        when="Long runs in which models are collected at the end of every cycle.",
        watch_out="The loss jumps up at every restart. Without an ensemble one long cosine is "
        "often as good, and four independent networks beat four snapshots. The last rate of a "
        "cycle is small, not zero.",
        formula=r"\eta_t = \frac{\eta_0}{2}\left(1 + \cos\frac{\pi\,(t \bmod C)}{C}\right)",
        paper=Paper(
            authors="Loshchilov and Hutter",
            year=2016,
            title="SGDR: Stochastic gradient descent with warm restarts",
            arxiv="1608.03983",
        ),
        cost="nothing",
        thread="每隔一段时间重启学习率…可以得到很多个模型做集成",
        zh=Chinese(
            claim="每隔一段重启学习率，沿途得到好几个好模型，之后可以做平均。",
            when="训练较长，并在每个周期末收集模型。",
            watch_out="每次重启损失都会跳起来。不做集成时，一个长余弦往往一样好；四个独立训练的网"
            "络胜过四个快照。每个周期最后的学习率很小，但不是零。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN),
    )
    slot = Slot.SCHEDULE
    cycles: int = knob(
        4, low=1, high=20, integer=True, symbol="M", help="number of cycles; 1 is plain cosine"
    )

    def factor(self, step: int, steps: int) -> float:
        return cyclic_cosine(step, steps, self.cycles)
