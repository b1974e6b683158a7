"""PReLU: the slope below zero is a weight of its own, one for each layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class PReLU(Trick):
    card = Card(
        title="PReLU",
        title_zh="参数化 ReLU（PReLU）",
        claim="The network learns how much of the negative side to let through.",
        claimed_by="He et al. 2015",
        when="Where leaky ReLU helps and its slope is not known.",
        watch_out="A weight decay pulls the slope to zero and turns it back into ReLU. One "
        "slope for each layer is learned here, not one for each channel. In small networks the "
        "gain is within the noise of seeds.",
        formula=r"f(x) = \max(0, x) + a \min(0, x), \quad a \text{ learned}",
        paper=Paper(
            authors="He et al.",
            year=2015,
            title="Delving deep into rectifiers: Surpassing human-level performance on ImageNet "
            "classification",
            arxiv="1502.01852",
        ),
        cost="1.05 times ReLU, and one weight for each layer",
        zh=Chinese(
            claim="负半轴放过多少，由网络自己学。",
            when="带泄漏的 ReLU 有用、但斜率该取多少并不清楚的时候。",
            watch_out="权重衰减会把斜率拉向零，又变回 ReLU。这里每层学一个斜率，不是每个通道一个"
            "。小网络里的收益淹没在种子的噪声中。",
        ),
        regime=Regime(setup=EIGHT_LAYERS),
    )
    slot = Slot.ACTIVATION
    init: float = knob(0.25, low=0.0, high=1.0, symbol="a", help="slope below zero at the start")

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=partial(nn.PReLU, num_parameters=1, init=self.init))

    def report(self) -> dict[str, Any]:
        from torch import nn

        layers = [one for one in self.tools.network.modules() if isinstance(one, nn.PReLU)]
        return {"slopes": [round(one.weight.item(), 4) for one in layers]}

    def response(self, x: float) -> float:
        return x if x > 0 else self.init * x
