"""Zero-mean input: subtract each channel's mean, and divide by its deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Split


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel of (N, channels, height, width), (channels, 1, 1)."""
    mean, spread = x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)
    return mean[:, None, None], spread[:, None, None]


@dataclass(kw_only=True)
class ZeroCenterNorm(Trick):
    card = Card(
        title="Zero-mean input",
        title_zh="零均值归一化",
        claim="Inputs around zero, of about the same size, are what makes training work at all.",
        claimed_by="LeCun et al. 1998; Wei 2015",
        when="Inputs as they come from the file (set the preprocessing to raw).",
        watch_out="Dividing also changes the effective learning rate, so look for the best rate of "
        "each arm before judging. Mean and deviation come from the training set alone.",
        formula=r"\hat x = \frac{x - \mu}{\sigma}",
        paper=Paper(
            authors="LeCun et al.",
            year=1998,
            title="Efficient backprop",
            where="Neural Networks: Tricks of the Trade",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="输入以零为中心、大小相当，训练才真正跑得起来。",
            when="输入是文件里的原始数值时（把预处理设为 raw）。",
            watch_out="除以标准差也改变了有效学习率，比较之前先给每组找到合适的学习率；均值和标准"
            "差只能来自训练集。",
        ),
        regime=Regime(setup={"preprocessing": "raw", "epochs": 10}),
        rules=(
            Rule(
                kind="hint",
                title="The inputs have mean 0 and deviation 1 already",
                reason="The preprocessing of this setup standardizes them in every arm. Set it to "
                "raw to see what the trick does.",
                when=lambda own, other, facts: {} if facts.preprocessing == "standardize" else None,
            ),
        ),
    )
    divide: int = knob(
        1, low=0, high=1, integer=True, symbol="÷σ",
        help="1 divides by the deviation, 0 only subtracts the mean",
    )  # fmt: skip

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        import torch

        from tricks.layers.fixed_input import Standardize

        mean, spread = (one.cpu() for one in channel_statistics(split.x))
        spread = spread.clamp_min(1e-6) if self.divide else torch.ones_like(spread)
        return torch.nn.Sequential(Standardize(mean, spread), network)
