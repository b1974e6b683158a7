"""Swish, also called SiLU: the input times its own sigmoid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class SiLU(Trick):
    card = Card(
        title="Swish (SiLU)",
        title_zh="Swish 激活",
        claim="Smooth and not monotonic, it trains deep networks better than ReLU.",
        claimed_by="Ramachandran et al. 2017",
        when="Deep networks, where a smooth activation is worth a slower step.",
        watch_out="The gain over ReLU is small and often within the noise of seeds. The "
        "initialization is still the one made for ReLU.",
        formula=r"f(x) = x \, \sigma(x) = \frac{x}{1 + e^{-x}}",
        paper=Paper(
            authors="Ramachandran, Zoph and Le",
            year=2017,
            title="Searching for activation functions",
            arxiv="1710.05941",
        ),
        cost="1.2 times ReLU",
        published="YOLOv4, table 2, ImageNet top-1: CSPResNeXt-50 77.9 % falls to 64.5 % with "
        "Swish, an outlier; PeleeNet has 71.5 % with Swish and 71.4 % with Mish.",
        thread="mish 比 swish 好",
        zh=Chinese(
            claim="平滑、非单调，训练深层网络比 ReLU 更好。",
            when="深层网络，愿意用稍慢的一步换平滑的激活。",
            watch_out="相对 ReLU 的收益很小，常常淹没在种子的噪声里。初始化仍是为 ReLU 设计的。",
        ),
        regime=Regime(setup=EIGHT_LAYERS, beside=("mish",)),
    )
    slot = Slot.ACTIVATION

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.SiLU)

    def response(self, x: float) -> float:
        return x / (1 + math.exp(-x))
