"""Weight norm: the length and the direction of each unit's weights are learned apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.base import Split


@dataclass(kw_only=True)
class WeightNorm(Trick):
    card = Card(
        title="Weight norm",
        title_zh="权重归一化",
        claim="Learning length and direction of the weights apart speeds up training.",
        claimed_by="Salimans and Kingma 2016",
        when="Where batch norm cannot be used: recurrent networks, tiny batches.",
        watch_out="It changes how weights move, not what the network can say: the first weights "
        "are those of the plain net. Weights that are long already turn slowly, so the best rate "
        "may be another one.",
        formula=r"w = g\,\frac{v}{\lVert v \rVert}",
        paper=Paper(
            authors="Salimans and Kingma",
            year=2016,
            title="Weight normalization: A simple reparameterization to accelerate training of "
            "deep neural networks",
            arxiv="1602.07868",
        ),
        cost="1.05 to 1.2 times the time of a step",
        zh=Chinese(
            claim="把权重的长度和方向分开学，训练更快。",
            when="不能用批归一化的地方：循环网络、极小的批量。",
            watch_out="它改变的是权重怎么走，不是网络能表达什么：初始权重与基线相同。已经很长的权"
            "重转得慢，所以合适的学习率可能不同。",
        ),
        regime=Regime(
            setup={"network": {"kind": "mlp", "depth": 8, "width": 128}, "epochs": 4, "lr": 0.05},
            beside=("batch_norm",),
        ),
        rules=(
            Rule(
                kind="error",
                title="Weight norm and Weight standardization exclude each other",
                reason="Both decide how large the weights of a layer are, so one arm can have "
                "only one of them.",
                other="weight_standardization",
            ),
            Rule(
                kind="hint",
                title="Batch norm hides the length that Weight norm learns",
                reason="Batch norm divides it out again, so of g only the sign is left. Give each "
                "of the two an arm of its own.",
                other="batch_norm",
            ),
        ),
    )

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        from torch import nn
        from torch.nn.utils.parametrizations import weight_norm

        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                weight_norm(module)
        return network
