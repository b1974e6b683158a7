"""Exponential: the rate falls by the same factor at every step."""

from __future__ import annotations

from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


def exponential(step: int, steps: int, end: float) -> float:
    """``end ** (step / steps)``, steps from 0: ``ExponentialLR`` with ``end ** (1 / steps)``."""
    return float(end ** (step / steps))


@dataclass(kw_only=True)
class Exponential(Trick):
    card = Card(
        title="Exponential decay",
        title_zh="指数衰减",
        claim="A smooth fall over orders of magnitude, with one number to choose.",
        claimed_by="common practice",
        when="When the best rate is not known within a factor of ten: it passes through all of "
        "them.",
        watch_out="It leaves high rates soon: with an end of 1 % the rate is at a tenth "
        "half-way, where cosine is at a half.",
        formula=r"\eta_t = \eta_0\,r^{t / T}",
        paper=Paper(
            authors="Li and Arora",
            year=2019,
            title="An exponential learning rate schedule for deep learning",
            arxiv="1910.07454",
        ),
        cost="nothing",
        zh=Chinese(
            claim="平滑地跨越几个数量级下降，只需选一个数。",
            when="不知道最佳学习率在哪个数量级时：它会经过所有可能。",
            watch_out="它很快离开高学习率：若终点是 1 %，到一半时已降到十分之一，而余弦此时还有"
            "一半。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN, beside=("cosine",)),
    )
    slot = Slot.SCHEDULE
    end: float = knob(
        0.01, low=1e-4, high=1.0, neutral=1.0, log=True, symbol="r",
        help="where it ends, as a share of the rate; 1 is constant",
    )  # fmt: skip

    def factor(self, step: int, steps: int) -> float:
        return exponential(step, steps, self.end)
