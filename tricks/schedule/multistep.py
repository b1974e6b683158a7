"""Multistep: the rate is divided at two chosen points of the run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


def multistep(step: int, steps: int, milestones: tuple[float, ...], gamma: float) -> float:
    """``gamma`` to the number of milestones, shares of all steps, that ``step`` (from 0) is past.

    Torch's ``MultiStepLR`` with milestones ``ceil(share * steps)``.
    """
    return float(gamma ** sum(step >= math.ceil(share * steps) for share in milestones))


@dataclass(kw_only=True)
class Multistep(Trick):
    card = Card(
        title="Multistep decay",
        title_zh="多阶段衰减",
        claim="High for half of the run, a tenth for a quarter, a hundredth for the rest.",
        claimed_by="He et al. 2015",
        when="To repeat older papers on images, which mostly train like this.",
        watch_out="The two points are knobs that papers chose by looking at validation curves "
        "of the very run. Cosine has none and is rarely worse.",
        formula=r"\eta_t = \eta_0\,\gamma^{[t \ge m_1 T] + [t \ge m_2 T]}",
        paper=Paper(
            authors="He et al.",
            year=2015,
            title="Deep residual learning for image recognition",
            arxiv="1512.03385",
        ),
        cost="nothing",
        thread="学习率改变",
        zh=Chinese(
            claim="前一半用高学习率，接着四分之一降到十分之一，剩下的降到百分之一。",
            when="想复现较早的图像论文，它们大多这样训练。",
            watch_out="两个下降点是超参数，论文里是看着同一次训练的验证曲线选的。余弦退火不需要"
            "选，也很少更差。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN, beside=("cosine",)),
    )
    slot = Slot.SCHEDULE
    first: float = knob(
        0.5, low=0.05, high=0.7, symbol="m₁", help="share of the steps before the drop"
    )
    second: float = knob(0.75, low=0.7, high=1.0, symbol="m₂", help="the same for the second drop")
    gamma: float = knob(
        0.1, low=0.01, high=1.0, neutral=1.0, symbol="γ", help="factor at each drop; 1 is constant"
    )

    def factor(self, step: int, steps: int) -> float:
        return multistep(step, steps, (self.first, self.second), self.gamma)
