"""Dropout: in training, hidden units are switched off at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class Dropout(Trick):
    card = Card(
        title="Dropout",
        title_zh="随机失活",
        claim="Dropping units at random stops overfitting and makes a network robust.",
        claimed_by="the thread; Srivastava et al. 2014",
        when="Wide networks, few or wrongly labeled examples, long training.",
        watch_out="It slows learning, so short runs and clean data gain little or lose. With "
        "batch norm behind it, the variances of training and testing differ.",
        formula=r"y = \frac{m \odot x}{1 - p}, \quad m_i \sim \mathrm{Bernoulli}(1 - p)",
        paper=Paper(
            authors="Srivastava et al.",
            year=2014,
            title="Dropout: A simple way to prevent neural networks from overfitting",
            where="JMLR 15:1929-1958",
        ),
        cost="nothing measurable",
        published="CIFAR-10 error in the snapshot ensembles paper (table 1): Wide ResNet-32 "
        "5.43 % to 4.68 %, but DenseNet-40 5.24 % to 6.08 %.",
        thread="随机丢弃，抑制过拟合，提高模型鲁棒性",
        zh=Chinese(
            claim="随机丢掉一部分单元，抑制过拟合，网络更稳健。",
            when="网络宽、样本少或标签有错、训练时间长的时候。",
            watch_out="它让学习变慢，训练短、数据干净时几乎没有好处，甚至变差。后面接批归一化时，"
            "训练和测试的方差不一致。",
        ),
        regime=Regime(setup={"train_size": 400, "label_noise": 0.3, "epochs": 60}),
    )
    p: float = knob(
        0.5, low=0.0, high=0.95, neutral=0.0, symbol="p", help="share of the units that are dropped"
    )

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, dropout=partial(nn.Dropout, self.p))
