"""LeCun initialization: the variance that keeps a linear signal's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick
from tricks.places import TEN_LAYERS

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module


@dataclass(kw_only=True)
class InitLeCun(Trick):
    card = Card(
        title="LeCun",
        title_zh="LeCun 初始化",
        claim="A unit's sum of n inputs gets variance 1 again.",
        claimed_by="LeCun et al. 1998",
        when="SELU, which is made for it, and tanh in networks that are not deep.",
        watch_out="Each ReLU halves the variance, which this does not make up for: deep ReLU "
        "networks start with small signals. Kaiming has the missing factor 2.",
        formula=r"\operatorname{Var}(W) = \frac{1}{n_\text{in}}",
        paper=Paper(
            authors="LeCun et al.",
            year=1998,
            title="Efficient BackProp",
            where="Neural Networks: Tricks of the Trade, Springer",
        ),
        cost="nothing",
        thread="参数初始化非常坑，自己以前在上面栽过",
        zh=Chinese(
            claim="n 个输入之和的方差重新变回 1。",
            when="专为它设计的 SELU，以及不太深的 Tanh 网络。",
            watch_out="每个 ReLU 使方差减半，而它不作补偿：深的 ReLU 网络一开始信号就很小。缺的"
            "系数 2 在何恺明初始化里。",
        ),
        regime=Regime(setup=TEN_LAYERS),
        rules=(
            Rule(
                kind="hint",
                title="Normalization hides the initialization",
                reason="It brings every layer back to the same size, so LeCun and Kaiming start "
                "nearly alike. To see an initialization, leave the normalization out.",
                other="slot:normalization",
            ),
        ),
    )
    slot = Slot.INITIALIZATION

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        from tricks.layers.first_weights import fill

        fill(
            network,
            lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="linear", generator=rng),
        )
