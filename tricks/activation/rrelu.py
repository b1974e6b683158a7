"""RReLU: the slope below zero is drawn anew for every value in training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class RReLU(Trick):
    card = Card(
        title="RReLU",
        title_zh="随机 ReLU（RReLU）",
        claim="A slope drawn at random in training regularizes; testing takes its mean.",
        claimed_by="Xu et al. 2015",
        when="Small training sets that a network learns by heart.",
        watch_out="Testing uses one fixed slope that training never saw, and the noise slows "
        "learning: on clean data and in short runs expect nothing, or a loss.",
        formula=r"f(x) = \max(0, x) + a \min(0, x), \quad a \sim U(l, u), \quad \text{in testing "
        r"} a = \tfrac{l + u}{2}",
        paper=Paper(
            authors="Xu et al.",
            year=2015,
            title="Empirical evaluation of rectified activations in convolutional network",
            arxiv="1505.00853",
        ),
        cost="1.05 times ReLU",
        zh=Chinese(
            claim="训练时负半轴的斜率随机抽取，起正则化作用；测试时取平均。",
            when="训练集小、网络会死记硬背的时候。",
            watch_out="测试用的固定斜率在训练中从未出现过，噪声也拖慢学习：数据干净、训练又短时"
            "，别指望收益，甚至会变差。",
        ),
        regime=Regime(setup={"train_size": 400, "label_noise": 0.3, "epochs": 60}),
    )
    slot = Slot.ACTIVATION
    lower: float = knob(1 / 8, low=0.0, high=1 / 3, symbol="l", help="smallest slope below zero")
    upper: float = knob(1 / 3, low=1 / 3, high=1.0, symbol="u", help="largest slope below zero")

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=partial(nn.RReLU, self.lower, self.upper))

    def response(self, x: float) -> float:
        return x if x > 0 else (self.lower + self.upper) / 2 * x
