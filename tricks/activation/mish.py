"""Mish: the input times the tanh of its softplus."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class Mish(Trick):
    card = Card(
        title="Mish",
        title_zh="Mish 激活",
        claim="A smooth activation that is better than Swish.",
        claimed_by="the thread; Misra 2019",
        when="Where Swish is considered: compare the two, with many seeds.",
        watch_out="Its author's own 23 runs do not tell it from Swish (P = .197). It lowers the "
        "training loss more than it raises test accuracy, and it costs time.",
        formula=r"f(x) = x \tanh\left(\ln(1 + e^x)\right)",
        paper=Paper(
            authors="Misra",
            year=2019,
            title="Mish: A self regularized non-monotonic activation function",
            arxiv="1908.08681",
        ),
        cost="1.4 to 1.6 times ReLU",
        published="SqueezeNet on CIFAR-10, 23 runs: Mish 87.48 ± 0.40 %, Swish 87.32 ± 0.41 % "
        "(P = .197), ReLU 86.66 % (P < .0001). YOLOv4, table 2: CSPResNeXt-50 77.9 % to 78.9 %; "
        "table 3: CSPDarknet-53 77.8 % to 78.7 %.",
        thread="mish 比 swish 好",
        zh=Chinese(
            claim="平滑的激活，比 Swish 更好。",
            when="考虑用 Swish 的地方：用很多种子把两者比一比。",
            watch_out="作者自己的 23 次运行也分不清它和 Swish（P = .197）。它降低训练损失多于提高"
            "测试准确率，而且更费时间。",
        ),
        regime=Regime(setup=EIGHT_LAYERS, beside=("silu",)),
    )
    slot = Slot.ACTIVATION

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.Mish)

    def response(self, x: float) -> float:
        return x * math.tanh(math.log1p(math.exp(x)))
