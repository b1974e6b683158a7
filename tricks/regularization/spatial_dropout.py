"""Spatial dropout: in training, whole channels of a map are switched off at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class SpatialDropout(Trick):
    card = Card(
        title="Spatial dropout",
        title_zh="空间随机失活",
        claim="Dropping whole channels regularizes where neighboring pixels agree anyway.",
        claimed_by="Tompson et al. 2014",
        when="Convolutional networks that learn a small training set by heart.",
        watch_out="It acts behind every convolution, so a small p goes a long way: p 0.5, usual "
        "for linear layers, stops learning here. Short runs and clean data gain little or lose.",
        formula=r"y_{nchw} = \frac{m_{nc}\, x_{nchw}}{1 - p}, \quad"
        r" m_{nc} \sim \mathrm{Bernoulli}(1 - p)",
        paper=Paper(
            authors="Tompson et al.",
            year=2014,
            title="Efficient object localization using convolutional networks",
            arxiv="1411.4280",
        ),
        cost="1.05 times the time of a step",
        zh=Chinese(
            claim="相邻像素本来就相似，整个通道一起丢掉才有正则作用。",
            when="卷积网络把小训练集背下来的时候。",
            watch_out="每个卷积后面都丢，所以 p 要小：全连接层常用的 0.5 在这里会让网络学不动。"
            "训练短、数据干净时几乎没有好处，甚至变差。",
        ),
        regime=Regime(
            setup={
                "train_size": 400,
                "label_noise": 0.3,
                "network": {"kind": "cnn", "depth": 3, "width": 32},
                "epochs": 40,
                "lr": 0.05,
            },
            beside=("dropout",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Spatial dropout comes before Batch norm here",
                reason="The next layer's batch norm stands behind the dropped channels and learns "
                "a variance that testing does not have (Li et al. 2018, arXiv 1801.05134). A "
                "small p does little harm.",
                other="batch_norm",
                when=lambda own, other, facts: {} if facts.depth > 1 and own.p > 0 else None,
            ),
        ),
    )
    kinds = ("cnn", "resnet")
    p: float = knob(
        0.1, low=0.0, high=0.9, neutral=0.0, symbol="p", help="share of the channels to drop"
    )

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, map_dropout=partial(nn.Dropout2d, self.p))
