"""Orthogonal initialization: weights that turn signals without stretching them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import TEN_LAYERS

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module


@dataclass(kw_only=True)
class InitOrthogonal(Trick):
    card = Card(
        title="Orthogonal",
        title_zh="正交初始化",
        claim="Signals keep their length exactly, in every direction, through linear layers.",
        claimed_by="Saxe et al. 2013",
        when="Very deep or recurrent networks without normalization.",
        watch_out="Exact for linear networks only: ReLUs cut half of the signal, which the gain "
        "√2 makes up for on average, as Kaiming does. In 20 plain layers it was no better (3 "
        "seeds on digits: .28, Kaiming .30).",
        formula=r"W = \sqrt{2}\,Q, \quad Q^\top Q = I",
        paper=Paper(
            authors="Saxe, McClelland and Ganguli",
            year=2013,
            title="Exact solutions to the nonlinear dynamics of learning in deep linear neural "
            "networks",
            arxiv="1312.6120",
        ),
        cost="nothing",
        thread="参数初始化非常坑，自己以前在上面栽过",
        zh=Chinese(
            claim="信号通过线性层时，无论什么方向，长度都严格不变。",
            when="很深的网络或循环网络，没有归一化。",
            watch_out="只对线性网络严格成立：ReLU 去掉一半信号，系数 √2 只能像何恺明初始化那样在"
            "平均意义上补偿。20 层普通网络上并不更好（digits 上 3 个种子：.28，何恺明初始化 "
            ".30）。",
        ),
        regime=Regime(setup=TEN_LAYERS),
        rules=(
            Rule(
                kind="hint",
                title="Normalization hides the initialization",
                reason="It brings every layer back to the same size, so orthogonal weights and "
                "Kaiming start nearly alike. To see an initialization, leave the normalization "
                "out.",
                other="slot:normalization",
            ),
        ),
    )
    slot = Slot.INITIALIZATION
    gain: float = knob(
        math.sqrt(2), low=0.5, high=3.0, symbol="g", help="length after a layer; √2 is for ReLU"
    )

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        from tricks.layers.first_weights import fill

        fill(network, lambda weight: nn.init.orthogonal_(weight, gain=self.gain, generator=rng))
