"""Kaiming initialization: weights whose variance keeps the signal constant through ReLUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Paper, Slot, Trick

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
    )
    slot = Slot.INITIALIZATION
    is_default = True

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=rng)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
