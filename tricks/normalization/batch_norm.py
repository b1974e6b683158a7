"""Batch norm: each channel gets mean 0 and deviation 1 over the mini-batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick
from tricks.rules import batches_of_two, behind_dropout

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


def batch_norm(features: int, images: bool) -> Module:
    """The layer for (N, C, H, W) ``images`` or (N, C) features."""
    from torch import nn

    return nn.BatchNorm2d(features) if images else nn.BatchNorm1d(features)


@dataclass(kw_only=True)
class BatchNorm(Trick):
    card = Card(
        title="Batch norm",
        title_zh="批归一化",
        claim="Allows higher learning rates and makes the initialization matter less.",
        claimed_by="Ioffe and Szegedy 2015",
        when="Deep networks, high learning rates, batches of 16 and more.",
        watch_out="It ties the examples of a batch together and computes something else in "
        "testing than in training. Small batches break it. The snippet of the thread leaves out "
        "the channels, γ, β, ε and the running statistics; this is the layer of the paper.",
        formula=r"y = \gamma\,\frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta",
        paper=Paper(
            authors="Ioffe and Szegedy",
            year=2015,
            title="Batch normalization: Accelerating deep network training by reducing internal "
            "covariate shift",
            arxiv="1502.03167",
        ),
        cost="1.1 to 1.3 times the time of a step",
        thread="规范化针对单个神经元进行，利用…一个 mini-batch 的数据",
        zh=Chinese(
            claim="可以用更大的学习率，初始化也不再那么要紧。",
            when="深层网络、大学习率、批量 16 以上。",
            watch_out="它把同一批样本绑在一起，训练和测试算的也不是同一件事；批量太小就失灵。"
            "帖子里的代码没有分通道，也没有 γ、β、ε 和运行统计量；这里是论文里的那种。",
        ),
        regime=Regime(
            setup={"network": {"kind": "mlp", "depth": 20, "width": 64}, "epochs": 4, "lr": 0.05},
        ),
        rules=(
            batches_of_two("Batch norm"),
            Rule(
                kind="warning",
                title="Batch norm is unreliable at batch size {size}",
                reason="The mean and deviation of {size} examples are mostly noise: in the group "
                "norm paper the error rose from 23.6 % at 32 to 27.3 % at 4 and 34.7 % at 2. "
                "Use a larger batch, or group norm.",
                when=lambda own, other, facts: (
                    {"size": facts.batch_size} if 1 < facts.batch_size <= 4 else None
                ),
            ),
            Rule(
                kind="hint",
                title="Batch norm sees mixtures under Mixup",
                reason="The running statistics that it tests with are those of mixed images, whose "
                "spread is smaller than that of the whole ones in testing.",
                other="mixup",
                when=lambda own, other, facts: {} if other.alpha > 0 else None,
            ),
            Rule(
                kind="hint",
                title="Batch norm learns other shares of the classes than testing has",
                reason="Under Class balance rare classes fill the batches, so the running "
                "statistics are not those of the images it is tested with.",
                other="class_balance",
                when=lambda own, other, facts: {} if facts.imbalance > 1 else None,
            ),
            behind_dropout(
                "batch norm",
                "In this network the next layer's batch norm stands behind the dropout and learns "
                "a variance that testing, without dropout, does not have (Li et al. 2018, arXiv "
                "1801.05134). Use one of the two.",
            ),
        ),
    )
    slot = Slot.NORMALIZATION

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, normalization=batch_norm)
