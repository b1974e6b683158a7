"""ReLU6: a ReLU that stops at 6."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class ReLU6(Trick):
    card = Card(
        title="ReLU6",
        title_zh="ReLU6 截断线性",
        claim="Outputs stay within 0 to 6, so they survive arithmetic with few bits.",
        claimed_by="Krizhevsky 2010",
        when="Networks that are to run in 8 bits.",
        watch_out="Nothing is gained in full precision; values above 6 pass no gradient, which "
        "large first weights or deep stacks run into.",
        formula=r"f(x) = \min(\max(0, x),\ 6)",
        paper=Paper(
            authors="Krizhevsky",
            year=2010,
            title="Convolutional deep belief networks on CIFAR-10",
            where="unpublished manuscript, University of Toronto",
        ),
        cost="nothing",
        zh=Chinese(
            claim="输出限制在 0 到 6，用很少的比特计算也不会出错。",
            when="将来要用 8 位运行的网络。",
            watch_out="全精度下没有好处；大于 6 的值没有梯度，初始权重大或层数多时会碰到。",
        ),
        regime=Regime(setup=EIGHT_LAYERS),
    )
    slot = Slot.ACTIVATION

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.ReLU6)

    def response(self, x: float) -> float:
        return min(max(0.0, x), 6.0)
