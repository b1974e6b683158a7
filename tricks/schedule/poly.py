"""Poly: the rate falls along a power of what is left of the run."""

from __future__ import annotations

from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


def poly(step: int, steps: int, power: float) -> float:
    """``(1 - step / steps) ** power``, steps from 0: torch's ``PolynomialLR``."""
    return float((1 - step / steps) ** power)


@dataclass(kw_only=True)
class Poly(Trick):
    card = Card(
        title="Polynomial decay",
        title_zh="多项式衰减",
        claim="A rate that falls nearly along a line suits dense prediction.",
        claimed_by="Chen et al. 2016",
        when="A known number of steps; segmentation, where it is customary.",
        watch_out="With a power of 0.9 it is a straight line to the eye, and in these runs not "
        "to be told from cosine without many seeds.",
        formula=r"\eta_t = \eta_0\left(1 - \frac{t}{T}\right)^p",
        paper=Paper(
            authors="Chen et al.",
            year=2016,
            title="DeepLab: Semantic image segmentation with deep convolutional nets, atrous "
            "convolution, and fully connected CRFs",
            arxiv="1606.00915",
        ),
        cost="nothing",
        zh=Chinese(
            claim="近似直线下降的学习率适合密集预测。",
            when="总步数已知时；语义分割里的惯例。",
            watch_out="幂次取 0.9 时肉眼看就是一条直线；在这些短训练里，不用很多种子分不清它和余"
            "弦。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN, beside=("cosine",)),
    )
    slot = Slot.SCHEDULE
    power: float = knob(
        0.9, low=0.0, high=5.0, neutral=0.0, symbol="p", help="1 is a straight line, 0 is constant"
    )

    def factor(self, step: int, steps: int) -> float:
        return poly(step, steps, self.power)
