"""Hard sigmoid: a sigmoid made of three straight pieces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class HardSigmoid(Trick):
    card = Card(
        title="Hard sigmoid",
        title_zh="硬 Sigmoid",
        claim="A sigmoid without its exponential, for gates on small devices.",
        claimed_by="Howard et al. 2019",
        when="Inside gates such as squeeze and excite. As the activation of every layer it only "
        "teaches.",
        watch_out="Its slope is 1/6 where it is not 0: gradients vanish even faster than "
        "through a sigmoid, and beyond ±3 there are none. A deep plain network learns nothing.",
        formula=r"f(x) = \frac{\operatorname{ReLU6}(x + 3)}{6}",
        paper=Paper(
            authors="Howard et al.",
            year=2019,
            title="Searching for MobileNetV3",
            arxiv="1905.02244",
        ),
        cost="nothing",
        zh=Chinese(
            claim="不用指数函数的 Sigmoid，用在小设备的门控里。",
            when="放在 squeeze-and-excite 之类的门控里。当作每一层的激活只有教学意义。",
            watch_out="斜率不是 0 就是 1/6，梯度比 Sigmoid 消失得还快；超过 ±3 就没有梯度。深的"
            "普通网络学不到东西。",
        ),
        regime=Regime(setup=EIGHT_LAYERS, beside=("sigmoid",)),
    )
    slot = Slot.ACTIVATION
    learns = False  # in 60 steps even two layers hardly get going, which is the point

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.Hardsigmoid)

    def response(self, x: float) -> float:
        return min(max(x + 3, 0), 6) / 6
