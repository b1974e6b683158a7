"""CELU: an ELU whose slope is continuous for every alpha."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class CELU(Trick):
    card = Card(
        title="CELU",
        title_zh="连续可微的 ELU（CELU）",
        claim="ELU with a slope of 1 at zero from both sides, whatever α is.",
        claimed_by="Barron 2017",
        when="In place of ELU, when α is tuned.",
        watch_out="With α = 1 it is ELU exactly. A small α is close to ReLU.",
        formula=r"f(x) = \max(0, x) + \min\left(0,\ \alpha\,(e^{x/\alpha} - 1)\right)",
        paper=Paper(
            authors="Barron",
            year=2017,
            title="Continuously differentiable exponential linear units",
            arxiv="1704.07483",
        ),
        cost="1.1 times ReLU",
        zh=Chinese(
            claim="无论 α 取多少，零点两侧的斜率都是 1 的 ELU。",
            when="需要调 α 时代替 ELU。",
            watch_out="α = 1 时与 ELU 完全相同；α 很小时接近 ReLU。",
        ),
        regime=Regime(
            setup=EIGHT_LAYERS,
            knobs={"alpha": 0.5},
            beside=("elu",),
        ),
    )
    slot = Slot.ACTIVATION
    alpha: float = knob(1.0, low=0.1, high=2.0, symbol="α", help="how far down it goes; 1 is ELU")

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=partial(nn.CELU, self.alpha))

    def response(self, x: float) -> float:
        return x if x > 0 else self.alpha * math.expm1(x / self.alpha)
