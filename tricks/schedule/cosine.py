"""Cosine: the rate falls along half a cosine, once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


def cosine(step: int, steps: int, eta_min: float) -> float:
    """The factor at ``step`` (from 0): torch's ``CosineAnnealingLR`` with ``T_max = steps``.

    Loshchilov and Hutter 2016, equation 5, with one cycle.
    """
    return eta_min + (1 - eta_min) * (1 + math.cos(math.pi * step / steps)) / 2


@dataclass(kw_only=True)
class Cosine(Trick):
    card = Card(
        title="Cosine",
        title_zh="余弦退火",
        claim="A rate that falls slowly, then fast, then slowly to zero ends in better weights.",
        claimed_by="Loshchilov and Hutter 2016",
        when="Whenever the number of steps is known: the usual first choice.",
        watch_out="It must be made for the steps the run has: stopped early, it is still at a "
        "high rate. Against steps or a straight line the shape matters little; that it ends "
        "near zero matters.",
        formula=r"\eta_t = \eta_\text{min} + \frac{\eta_0 - \eta_\text{min}}{2}\left(1 + "
        r"\cos\frac{\pi t}{T}\right)",
        paper=Paper(
            authors="Loshchilov and Hutter",
            year=2016,
            title="SGDR: Stochastic gradient descent with warm restarts",
            arxiv="1608.03983",
        ),
        cost="nothing",
        published="YOLOv4, table 4, COCO AP of CSPResNeXt50-PANet-SPP: 38.0 % to 38.7 % with "
        "cosine annealing.",
        zh=Chinese(
            claim="先慢、后快、再慢慢降到零的学习率，最后得到更好的权重。",
            when="只要知道总步数就可以用：通常的首选。",
            watch_out="它必须按实际步数来定：提前停下时学习率还很高。与阶梯或直线相比形状不太重"
            "要，重要的是最后接近零。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN, beside=("step_lr", "poly")),
    )
    slot = Slot.SCHEDULE
    eta_min: float = knob(
        0.0,
        low=0.0,
        high=1.0,
        neutral=1.0,
        symbol="min",
        help="where it ends, as a share of the rate",
    )

    def factor(self, step: int, steps: int) -> float:
        return cosine(step, steps, self.eta_min)
