"""One cycle: the rate rises to its peak and falls to almost nothing, once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob

FIRST = 1 / 25  # of the peak, at the first step; torch's div_factor
LAST = FIRST / 1e4  # of the peak, at the last step; torch's final_div_factor


def one_cycle(step: int, steps: int, peak: float) -> float:
    """The factor on the peak rate at ``step`` (from 0): up along a cosine, down along another.

    Equal to torch's ``OneCycleLR`` with its defaults. Smith and Topin 2017, section 3.
    """
    top = max(0.0, peak * steps - 1)  # the step at which the rate peaks
    if step <= top and top > 0:
        return between(FIRST, 1.0, step / top)
    return between(1.0, LAST, (step - top) / max(1e-9, steps - 1 - top))


def between(start: float, end: float, share: float) -> float:
    """Half a cosine from ``start`` to ``end``."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


@dataclass(kw_only=True)
class OneCycle(Trick):
    card = Card(
        title="One cycle",
        title_zh="单周期学习率",
        claim="One rise and one fall of a high rate reach good accuracy in few epochs.",
        claimed_by="Smith and Topin 2017",
        when="A short budget, and a rate a little higher than a constant one could be.",
        watch_out="The setup's rate is the peak here; most steps are below it. Only the rate is "
        "cycled, not the momentum of the paper.",
        formula=r"\eta_t:\ \tfrac{1}{25}\eta \nearrow \eta \searrow \tfrac{1}{250\,000}\eta",
        paper=Paper(
            authors="Smith and Topin",
            year=2017,
            title="Super-convergence: Very fast training of neural networks using large learning "
            "rates",
            arxiv="1708.07120",
        ),
        cost="nothing",
        zh=Chinese(
            claim="高学习率升一次、降一次，用很少的 epoch 就能达到好的准确率。",
            when="预算很短，学习率又比恒定时能用的稍高一些。",
            watch_out="这里设置的学习率是峰值，多数步都低于它。只循环学习率，不循环论文里的动量。",
        ),
        regime=Regime(setup={"epochs": 2, "lr": 0.2}),
    )
    slot = Slot.SCHEDULE
    peak: float = knob(
        0.3, low=0.05, high=0.95, symbol="peak", help="share of the steps at which the rate peaks"
    )

    def factor(self, step: int, steps: int) -> float:
        return one_cycle(step, steps, self.peak)
