"""Tanh: every value squeezed into -1 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class Tanh(Trick):
    card = Card(
        title="Tanh",
        title_zh="双曲正切（Tanh）",
        claim="A smooth switch centered on zero; signals pass it almost unchanged near 0.",
        claimed_by="LeCun et al. 1998",
        when="Networks without normalization that are not too deep, with Xavier initialization.",
        watch_out="Large inputs saturate and pass no gradient. With Xavier initialization a "
        "plain network of 8 layers beat the one with ReLU (3 seeds on digits: .975 and .941), "
        "so ReLU is not best everywhere.",
        formula=r"f(x) = \tanh x = \frac{e^x - e^{-x}}{e^x + e^{-x}}",
        paper=Paper(
            authors="LeCun et al.",
            year=1998,
            title="Efficient BackProp",
            where="Neural Networks: Tricks of the Trade, Springer",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="以零为中心的平滑开关，零附近的信号几乎原样通过。",
            when="没有归一化、又不太深的网络，配合 Xavier 初始化。",
            watch_out="输入大了就饱和，梯度过不去。配合 Xavier 初始化，8 层普通网络胜过 ReLU（"
            "digits 上 3 个种子：.975 对 .941），所以并非处处都是 ReLU 最好。",
        ),
        regime=Regime(
            setup=EIGHT_LAYERS,
            baseline=("init_xavier",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Tanh wants Xavier",
                reason="Without an initialization of its own this arm starts from Kaiming, whose "
                "factor 2 makes up for the half that ReLU cuts off. Tanh cuts nothing off and "
                "saturates a little. Add Xavier.",
                unless="slot:initialization",
            ),
        ),
    )
    slot = Slot.ACTIVATION

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.Tanh)

    def response(self, x: float) -> float:
        return math.tanh(x)
