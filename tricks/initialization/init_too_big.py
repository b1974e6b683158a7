"""Weights that are much too large: a pitfall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import TEN_LAYERS

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module


@dataclass(kw_only=True)
class InitTooBig(Trick):
    card = Card(
        title="Too large weights",
        title_zh="过大的初始化",
        claim="Standard normal weights look natural, and blow a deep network up.",
        claimed_by="a common mistake",
        when="To see signals explode; the deeper and wider, the faster.",
        watch_out="Each layer of width n makes the signal √(n/2) times larger. After 10 layers "
        "of 128 it is millions of times too large: the loss is not a number, or stays where it "
        "was (3 seeds on digits: .092).",
        formula=r"W \sim N(0, \sigma^2), \quad \sigma = 1",
        paper=Paper(
            authors="Goodfellow, Bengio and Courville",
            year=2016,
            title="Deep learning, section 8.4: Parameter initialization strategies",
            where="MIT Press",
        ),
        cost="nothing",
        thread="参数初始化非常坑，自己以前在上面栽过",
        zh=Chinese(
            claim="标准正态的权重看起来很自然，却会让深层网络爆炸。",
            when="想看信号如何爆炸；越深越宽就越快。",
            watch_out="宽度为 n 的每一层都把信号放大 √(n/2) 倍。128 宽的 10 层之后大了几百万倍："
            "损失变成非数，或者停在原地（digits 上 3 个种子：.092）。",
        ),
        regime=Regime(setup=TEN_LAYERS),
        rules=(
            Rule(
                kind="hint",
                title="Normalization hides the initialization",
                reason="It brings every layer back to the same size, so large weights and Kaiming "
                "start nearly alike. To see an initialization, leave the normalization out.",
                other="slot:normalization",
            ),
        ),
    )
    slot = Slot.INITIALIZATION
    learns = False  # that it may blow up is the lesson
    std: float = knob(
        1.0, low=0.3, high=3.0, log=True, symbol="σ", help="standard deviation of the weights"
    )

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        from tricks.layers.first_weights import fill

        fill(network, lambda weight: nn.init.normal_(weight, std=self.std, generator=rng))
