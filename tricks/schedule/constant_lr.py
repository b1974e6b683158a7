"""A constant rate: what the plain net trains with."""

from __future__ import annotations

from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


@dataclass(kw_only=True)
class ConstantLR(Trick):
    card = Card(
        title="Constant rate",
        title_zh="恒定学习率",
        claim="Without a schedule nothing needs to know how long training will last.",
        claimed_by="Robbins and Monro 1951, who warn of it",
        when="The first tries on a problem, and the baseline of every comparison here.",
        watch_out="With a constant rate the weights never settle: they keep jumping about a "
        "minimum, the farther the higher the rate. Almost any schedule that ends near zero "
        "tests better.",
        formula=r"\eta_t = \eta_0",
        paper=Paper(
            authors="Robbins and Monro",
            year=1951,
            title="A stochastic approximation method",
            where="Annals of Mathematical Statistics 22(3)",
        ),
        cost="nothing",
        zh=Chinese(
            claim="没有调度，就不需要知道训练要持续多久。",
            when="刚接触一个问题时的头几次尝试，也是这里所有比较的基线。",
            watch_out="学习率恒定时权重不会安定下来：总在最小值附近跳动，学习率越高跳得越远。几"
            "乎任何最后接近零的调度都测得更好。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN, beside=("cosine", "step_lr")),
    )
    slot = Slot.SCHEDULE
    is_default = True

    def factor(self, step: int, steps: int) -> float:
        return 1.0
