"""Triangular cycles: the rate goes up and down along straight lines, several times."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


def triangular(step: int, steps: int, cycles: int, low: float) -> float:
    """From ``low`` up to 1 and down again ``cycles`` times; ``step`` counts from 0.

    Torch's ``CyclicLR``, mode "triangular", with ``step_size_up = ceil(steps / cycles / 2)``.
    Smith 2015, section 3.1.
    """
    half = math.ceil(steps / cycles / 2)
    cycle = math.floor(1 + step / (2 * half))
    return low + (1 - low) * max(0.0, 1 - abs(step / half - 2 * cycle + 1))


@dataclass(kw_only=True)
class TriangularCyclic(Trick):
    card = Card(
        title="Triangular cyclic",
        title_zh="三角循环学习率",
        claim="Going up and down between two rates spares the search for the best one.",
        claimed_by="Smith 2015",
        when="When two rates are known between which training works; see LR range test.",
        watch_out="The loss rises with the rate in every cycle, so compare only at the ends of "
        "cycles. The setup's rate is the highest one here; most steps are below it. The "
        "momentum is not cycled.",
        formula=r"\eta_t = \eta_\text{low} + (\eta_0 - \eta_\text{low})\,\max\left(0,\ 1 - "
        r"\left|\frac{t}{s} - 2c + 1\right|\right)",
        paper=Paper(
            authors="Smith",
            year=2015,
            title="Cyclical learning rates for training neural networks",
            arxiv="1506.01186",
        ),
        cost="nothing",
        thread="Cyclic LR",
        zh=Chinese(
            claim="在两个学习率之间来回，免去寻找最佳学习率的麻烦。",
            when="已经知道训练可行的学习率区间时；参见学习率范围测试。",
            watch_out="每个周期里损失都随学习率上升，只有在周期末尾比较才公平。这里设置的学习率"
            "是最高值，多数步都低于它。动量不参与循环。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN, beside=("cyclic_cosine",)),
        rules=(
            Rule(
                kind="hint",
                title="EMA blurs the cycles of Triangular cyclic",
                reason="At the end of a cycle the average still holds weights from the high rates "
                "before, about {steps:.0f} steps back at a decay of {decay:g}.",
                other="ema",
                when=lambda own, other, facts: (
                    {"steps": 1 / (1 - other.decay), "decay": other.decay} if other.decay else None
                ),
            ),
        ),
    )
    slot = Slot.SCHEDULE
    cycles: int = knob(
        4, low=1, high=20, integer=True, symbol="M", help="number of rises and falls"
    )
    low: float = knob(
        0.1,
        low=0.0,
        high=1.0,
        neutral=1.0,
        symbol="low",
        help="the lowest rate, as a share of the rate",
    )

    def factor(self, step: int, steps: int) -> float:
        return triangular(step, steps, self.cycles, self.low)
