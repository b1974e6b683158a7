"""ReLU: zero for negative inputs, the input itself for positive ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class ReLU(Trick):
    card = Card(
        title="ReLU",
        title_zh="线性整流",
        claim="The simplest nonlinearity, and gradients do not vanish through it.",
        claimed_by="the thread; Nair and Hinton 2010",
        when="Always a fair first choice; it is what the plain network uses.",
        watch_out="Units can die: once the input is negative for every image, no gradient brings "
        "them back. In a plain net of 8 layers tanh with its own initialization did not lose "
        "to it.",
        formula=r"f(x) = \max(0, x)",
        paper=Paper(
            authors="Nair and Hinton",
            year=2010,
            title="Rectified linear units improve restricted Boltzmann machines",
            where="ICML 2010",
        ),
        cost="nothing",
        thread="用极简的方式实现非线性激活，缓解梯度消失",
        zh=Chinese(
            claim="最简单的非线性，梯度不会在其中消失。",
            when="总是稳妥的首选；普通网络用的就是它。",
            watch_out="单元会“死掉”：如果对每张图输入都是负的，就再也没有梯度能救回来。8 层普通网"
            "络上，配合自己的初始化，Tanh 并不输给它。",
        ),
        regime=Regime(setup=EIGHT_LAYERS, beside=("sigmoid", "tanh", "mish")),
    )
    slot = Slot.ACTIVATION
    is_default = True

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.ReLU)

    def response(self, x: float) -> float:
        return max(0.0, x)
