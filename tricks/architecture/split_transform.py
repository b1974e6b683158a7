"""Split and transform: convolutions in groups of channels that do not see each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import Facts, NetworkSpec


def reduced(own: SplitTransform, facts: Facts) -> dict[str, object] | None:
    """How many groups divide the width, if the ones asked for do not."""
    divides = math.gcd(own.groups, facts.width)
    if divides == own.groups:
        return None
    return {"asked": own.groups, "width": facts.width, "groups": divides}


@dataclass(kw_only=True)
class SplitTransform(Trick):
    card = Card(
        title="Split and transform",
        title_zh="分组卷积",
        claim="Many narrow paths instead of one wide: the same channels for a fraction of the "
        "work.",
        claimed_by="the thread (splite); Xie et al. 2016",
        when="Wide convolutional networks; at equal work the network can be wider.",
        watch_out="ResNeXt joins its paths by 1x1 convolutions. The blocks here have none, so the "
        "channels are shuffled between the groups instead, as in ShuffleNet. At the same width it "
        "has fewer weights, and small groups on a CPU can be slower than one large convolution.",
        formula=r"y = \sum_{i=1}^{g} T_i(x_i)",
        paper=Paper(
            authors="Xie et al.",
            year=2016,
            title="Aggregated residual transformations for deep neural networks",
            arxiv="1611.05431",
        ),
        cost="1/g of the multiplications of a convolution; the time rarely falls as much",
        thread="splite",
        zh=Chinese(
            claim="用许多窄路代替一条宽路：通道数不变，计算量只有几分之一。",
            when="较宽的卷积网络；计算量相等时网络可以更宽。",
            watch_out="ResNeXt 用 1x1 卷积合并各路。这里的块没有 1x1 卷积，所以像 ShuffleNet "
            "那样在各组之间打乱通道。宽度相同时参数更少；CPU 上的小组卷积可能比一个大卷积更慢。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "resnet", "depth": 3, "width": 32},
                "train_size": 500,
                "epochs": 10,
            },
            baseline=("skip_connection", "batch_norm"),
            beside=("csp",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Split and transform takes {groups} groups",
                reason="{asked} groups do not divide {width} channels; {groups} do, and where "
                "there are twice as many channels perhaps more.",
                when=lambda own, other, facts: reduced(own, facts),
            ),
        ),
    )
    kinds = ("cnn", "resnet")
    groups: int = knob(
        4, low=1, high=32, integer=True, neutral=1, symbol="g",
        help="paths of a convolution, at most what divides its channels; 1 is the plain one",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        def convolution(
            channels: int, features: int, kernel: int, stride: int, bias: bool
        ) -> Module:
            # A 1x1 convolution is what joins the paths.
            groups = math.gcd(self.groups, channels, features) if kernel > 1 else 1
            one = nn.Conv2d(
                channels, features, kernel, stride, kernel // 2, groups=groups, bias=bias
            )
            return nn.Sequential(one, nn.ChannelShuffle(groups)) if groups > 1 else one

        return replace(spec, convolution=convolution)
