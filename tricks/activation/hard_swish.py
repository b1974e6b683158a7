"""Hard swish: Swish with its sigmoid made of three straight pieces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class HardSwish(Trick):
    card = Card(
        title="Hard swish",
        title_zh="硬 Swish",
        claim="What Swish does, without its exponential: made for phones.",
        claimed_by="Howard et al. 2019",
        when="Devices on which an exponential is expensive.",
        watch_out="On a desktop processor it is no faster than Swish, and below -3 it passes no "
        "gradient.",
        formula=r"f(x) = x \cdot \frac{\operatorname{ReLU6}(x + 3)}{6}",
        paper=Paper(
            authors="Howard et al.",
            year=2019,
            title="Searching for MobileNetV3",
            arxiv="1905.02244",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="做 Swish 的事，但不用指数函数：为手机而设计。",
            when="指数运算昂贵的设备。",
            watch_out="在台式机的处理器上并不比 Swish 快；小于 -3 的地方没有梯度。",
        ),
        regime=Regime(setup=EIGHT_LAYERS, beside=("silu",)),
    )
    slot = Slot.ACTIVATION

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.Hardswish)

    def response(self, x: float) -> float:
        return x * min(max(x + 3, 0), 6) / 6
