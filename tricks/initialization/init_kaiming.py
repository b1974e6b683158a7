"""Kaiming initialization: weights whose variance keeps the signal constant through ReLUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import TEN_LAYERS

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module


@dataclass(kw_only=True)
class InitKaiming(Trick):
    card = Card(
        title="Kaiming",
        title_zh="何恺明初始化",
        claim="Signals keep their size through any number of ReLU layers.",
        claimed_by="He et al. 2015",
        when="Networks with ReLU and without normalization; it is what the plain network uses.",
        watch_out="The factor 2 is made for ReLU: tanh wants Xavier. A normalization hides the "
        "initialization almost completely.",
        formula=r"\operatorname{Var}(W) = \frac{2}{n_\text{in}}",
        paper=Paper(
            authors="He et al.",
            year=2015,
            title="Delving deep into rectifiers: Surpassing human-level performance on ImageNet "
            "classification",
            arxiv="1502.01852",
        ),
        cost="nothing",
        thread="参数初始化非常坑，自己以前在上面栽过",
        zh=Chinese(
            claim="无论多少层 ReLU，信号大小都保持不变。",
            when="用 ReLU、没有归一化的网络；普通网络用的就是它。",
            watch_out="系数 2 是为 ReLU 准备的：Tanh 要用 Xavier。有归一化时，初始化的差别几乎看不"
            "出来。",
        ),
        regime=Regime(setup=TEN_LAYERS, beside=("init_torch_default", "init_xavier", "init_small")),
    )
    slot = Slot.INITIALIZATION
    is_default = True

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        from tricks.layers.first_weights import fill

        fill(
            network,
            lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=rng),
        )
