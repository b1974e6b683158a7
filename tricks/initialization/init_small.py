"""Small random weights: a pitfall in deep networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import TEN_LAYERS

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module


@dataclass(kw_only=True)
class InitSmall(Trick):
    card = Card(
        title="Small random weights",
        title_zh="小随机数初始化",
        claim="Small weights cannot blow up; in deep networks they cannot learn either.",
        claimed_by="a common mistake",
        when="To see signals vanish; networks of one or two layers bear it.",
        watch_out="Each layer makes the signal smaller by the same factor, and the gradient on "
        "its way back too. In a plain network of 10 layers nothing arrives (3 seeds on digits: "
        ".088, Kaiming .953).",
        formula=r"W \sim N(0, \sigma^2), \quad \sigma = 0.01",
        paper=Paper(
            authors="Goodfellow, Bengio and Courville",
            year=2016,
            title="Deep learning, section 8.4: Parameter initialization strategies",
            where="MIT Press",
        ),
        cost="nothing",
        thread="参数初始化非常坑，自己以前在上面栽过",
        zh=Chinese(
            claim="权重小就不会爆炸；但深层网络也学不到东西。",
            when="想看信号如何消失；一两层的网络还受得了。",
            watch_out="每一层都把信号按同样的倍数缩小，反向的梯度也一样。10 层普通网络里什么都传"
            "不到（digits 上 3 个种子：.088，何恺明初始化为 .953）。",
        ),
        regime=Regime(setup=TEN_LAYERS),
        rules=(
            Rule(
                kind="hint",
                title="Normalization hides the initialization",
                reason="It brings every layer back to the same size, so small weights and Kaiming "
                "start nearly alike. To see an initialization, leave the normalization out.",
                other="slot:normalization",
            ),
        ),
    )
    slot = Slot.INITIALIZATION
    learns = False  # in 60 steps even two layers hardly get going, which is the point
    std: float = knob(
        0.01, low=1e-4, high=0.1, log=True, symbol="σ", help="standard deviation of the weights"
    )

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        from tricks.layers.first_weights import fill

        fill(network, lambda weight: nn.init.normal_(weight, std=self.std, generator=rng))
