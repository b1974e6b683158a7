"""Sigmoid: every value squeezed into 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class Sigmoid(Trick):
    card = Card(
        title="Sigmoid",
        title_zh="S 型激活（Sigmoid）",
        claim="The classic smooth switch between 0 and 1.",
        claimed_by="Rumelhart et al. 1986",
        when="To see vanishing gradients: 8 layers of it learn nothing where ReLU learns all.",
        watch_out="Its slope is 1/4 at most, so every layer divides the gradient by 4 or more, "
        "and its outputs are not centered on zero. A plain network of 8 layers stays at chance "
        "(3 seeds on digits: .097, ReLU .941).",
        formula=r"f(x) = \sigma(x) = \frac{1}{1 + e^{-x}}",
        paper=Paper(
            authors="Rumelhart, Hinton and Williams",
            year=1986,
            title="Learning representations by back-propagating errors",
            where="Nature 323:533-536",
        ),
        cost="nothing",
        zh=Chinese(
            claim="经典的平滑开关，把任何输入压到 0 与 1 之间。",
            when="想亲眼看到梯度消失：8 层 Sigmoid 什么也学不到，而 ReLU 可以。",
            watch_out="斜率最大只有 1/4，每一层都让梯度至少缩小到四分之一，而且输出不以零为中心"
            "。8 层的普通网络停留在随机水平（digits 上 3 个种子：.097，ReLU 为 .941）。",
        ),
        regime=Regime(setup=EIGHT_LAYERS, beside=("tanh",)),
    )
    slot = Slot.ACTIVATION
    learns = False  # in 60 steps even two layers hardly get going, which is the point

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.Sigmoid)

    def response(self, x: float) -> float:
        return 1 / (1 + math.exp(-x))
