"""Maxout: of several linear answers, a unit passes on the largest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class Maxout(Trick):
    card = Card(
        title="Maxout",
        title_zh="最大输出（Maxout）",
        claim="Each unit learns the shape of its own activation, as the largest of several lines.",
        claimed_by="Goodfellow et al. 2013",
        when="Together with dropout, as in its paper; to compare at an equal number of weights.",
        watch_out="With k pieces a network has k times the weights and the work, so a gain may "
        "be the size's, not the maximum's: compare with a wider plain net too.",
        formula=r"f(x) = \max_{j \le k}\left(w_j^\top x + b_j\right)",
        paper=Paper(
            authors="Goodfellow et al.",
            year=2013,
            title="Maxout networks",
            arxiv="1302.4389",
        ),
        cost="k times the weights and the time of every hidden layer",
        zh=Chinese(
            claim="每个单元取若干条直线中的最大值，自己学出激活的形状。",
            when="和论文一样与随机失活一起用；比较时要让参数量相等。",
            watch_out="k 段就有 k 倍的权重和计算量，所以收益可能来自规模而不是取最大值：应同时与"
            "更宽的普通网络比较。",
        ),
        regime=Regime(setup={"train_size": 400, "epochs": 20}),
    )
    slot = Slot.ACTIVATION
    pieces: int = knob(2, low=2, high=5, integer=True, symbol="k", help="lines of each unit")

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.Identity, pieces=self.pieces)
