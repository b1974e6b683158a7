"""Steps: the rate is divided several times, at equal distances."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


def step_decay(step: int, steps: int, drops: int, gamma: float) -> float:
    """``gamma ** (step // size)``, steps from 0: torch's ``StepLR`` with that ``step_size``."""
    size = math.ceil(steps / (drops + 1))
    return float(gamma ** (step // size))


@dataclass(kw_only=True)
class StepLR(Trick):
    card = Card(
        title="Step decay",
        title_zh="等间隔阶梯衰减",
        claim="Dividing the rate every so often lets the loss fall once more each time.",
        claimed_by="the thread",
        when="Long runs; to see the kink in the loss at every drop.",
        watch_out="After a drop by 10 nothing large changes any more: dropped too early, the "
        "network stays where it is. The number of drops and the factor both have to be tuned.",
        formula=r"\eta_t = \eta_0\,\gamma^{\lfloor t / s \rfloor}, \quad s = \left\lceil "
        r"\tfrac{T}{\text{drops} + 1} \right\rceil",
        paper=Paper(
            authors="He et al.",
            year=2015,
            title="Deep residual learning for image recognition",
            arxiv="1512.03385",
        ),
        cost="nothing",
        thread="step learning",
        zh=Chinese(
            claim="每隔一段把学习率除一次，每次都能让损失再降一截。",
            when="训练较长；想看损失在每次下降处的拐点。",
            watch_out="降到十分之一后就不会再有大变化：降得太早，网络就停在原地。降几次、降多少"
            "，两者都要调。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN, beside=("cosine",)),
    )
    slot = Slot.SCHEDULE
    drops: int = knob(
        2, low=1, high=20, integer=True, symbol="drops", help="how often the rate drops"
    )
    gamma: float = knob(
        0.1, low=0.01, high=1.0, neutral=1.0, symbol="γ", help="factor at each drop; 1 is constant"
    )

    def factor(self, step: int, steps: int) -> float:
        return step_decay(step, steps, self.drops, self.gamma)
