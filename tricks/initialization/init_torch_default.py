"""PyTorch's own initialization: uniform, with a sixth of the variance that ReLUs need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick
from tricks.places import TEN_LAYERS

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module


@dataclass(kw_only=True)
class InitTorchDefault(Trick):
    card = Card(
        title="PyTorch default",
        title_zh="PyTorch 默认初始化",
        claim="What layers get if nobody chooses: good enough for most networks.",
        claimed_by="PyTorch",
        when="To see what a tutorial's network starts from.",
        watch_out="A plain ReLU network of 8 to 10 layers does not train from it: signals shrink "
        "layer by layer. Comparisons against such a baseline flatter every trick.",
        formula=r"W, b \sim U\left(-\tfrac{1}{\sqrt{n_\text{in}}},\ "
        r"\tfrac{1}{\sqrt{n_\text{in}}}\right)",
        paper=Paper(
            authors="Paszke et al.",
            year=2019,
            title="PyTorch: An imperative style, high-performance deep learning library",
            arxiv="1912.01703",
        ),
        cost="nothing",
        thread="参数初始化非常坑，自己以前在上面栽过",
        zh=Chinese(
            claim="没人选择时各层得到的初始化：对多数网络够用。",
            when="想看教程里的网络从什么状态起步。",
            watch_out="8 到 10 层的普通 ReLU 网络从它出发训练不动：信号逐层缩小。拿它当基线，任何"
            "技巧都显得更好。",
        ),
        regime=Regime(setup=TEN_LAYERS),
        rules=(
            Rule(
                kind="hint",
                title="Normalization hides the initialization",
                reason="It brings every layer back to the same size, so PyTorch's default and "
                "Kaiming start nearly alike. To see an initialization, leave the normalization "
                "out.",
                other="slot:normalization",
            ),
        ),
    )
    slot = Slot.INITIALIZATION

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                # As in the layers' own reset_parameters(), which take no generator.
                nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=rng)
                if module.bias is not None:
                    bound = 1 / math.sqrt(module.weight[0].numel())
                    nn.init.uniform_(module.bias, -bound, bound, generator=rng)
