"""Fixup: residual networks without normalization, by how they start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.base import Split


def branch_factor(blocks: int, layers: int) -> float:
    """``L ** (-1 / (2m - 2))`` for L residual blocks with m layers each, of which the last is zero.

    Zhang et al. 2019, section 3.
    """
    return float(blocks ** (-1 / (2 * layers - 2)))


@dataclass(kw_only=True)
class Fixup(Trick):
    card = Card(
        title="Fixup",
        title_zh="Fixup 初始化",
        claim="Residual networks train at high rates without any normalization.",
        claimed_by="Zhang et al. 2019",
        when="Deep residual networks in which batches are too small for batch norm.",
        watch_out="Not shown here: with 12 blocks at a rate of 0.4 it is behind skips that are "
        "merely scaled by 1/√depth (.910 and .965 after 4 epochs, 3 seeds on digits), since all "
        "starts at zero and takes its time. Left out are the paper's scalar biases, for the "
        "convolutions have their own, and its extra regularization.",
        formula=r"W_\text{first} \leftarrow L^{-\frac{1}{2m - 2}}\,W_\text{first}, \quad "
        r"W_\text{last} = 0, \quad y = x + a\,F(x)",
        paper=Paper(
            authors="Zhang, Dauphin and Ma",
            year=2019,
            title="Fixup initialization: Residual learning without normalization",
            arxiv="1901.09321",
        ),
        cost="one weight for each block",
        zh=Chinese(
            claim="残差网络不用任何归一化也能以高学习率训练。",
            when="批次太小、用不了批归一化的深层残差网络。",
            watch_out="这里没有得到证实：12 个块、学习率 0.4 时，它不如只把跳连分支乘以 1/√深度（"
            "4 个 epoch 后 .910 对 .965，digits 上 3 个种子），因为一切从零开始，需要时间。省略了"
            "论文的标量偏置（卷积自带偏置）和额外的正则化。",
        ),
        regime=Regime(
            setup={"network": {"kind": "resnet", "depth": 12, "width": 8}, "epochs": 4, "lr": 0.4},
            baseline=("skip_connection",),
            beside=("batch_norm",),
        ),
        rules=(
            Rule(
                kind="error",
                title="Fixup needs Skip connection",
                reason="It sets the branches beside a skip to zero; without skips nothing would "
                "pass. Add Skip connection to the arm.",
                unless="skip_connection",
            ),
            Rule(
                kind="hint",
                title="Fixup is there to replace a normalization",
                reason="With one in the network the branches have the right size anyway, and zero "
                "weights in front of it stay hidden. Leave the normalization out.",
                other="slot:normalization",
            ),
            Rule(
                kind="hint",
                title="Fixup has its own scale for a branch",
                reason="The branch starts with a factor of 1 that is learned, so the {scale:g} of "
                "Skip connection is not used.",
                other="skip_connection",
                when=lambda own, other, facts: (
                    {"scale": other.scale} if other.scale not in (None, 1.0) else None
                ),
            ),
        ),
    )
    slot = Slot.INITIALIZATION
    kinds = ("resnet",)  # elsewhere a ReLU ends the branch, and has no slope at its zero
    learns = False  # the blocks start silent, and 60 steps do not wake them up

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        from tricks.layers.gate import residuals

        layers = [one for one in network.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
        for one in layers:
            nn.init.kaiming_normal_(one.weight, nonlinearity="relu", generator=rng)
            if one.bias is not None:
                nn.init.zeros_(one.bias)
        branches = [block.branch for block in residuals(network)]
        for branch in branches:
            inside = [one for one in branch.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
            for one in inside[:-1]:
                one.weight.data *= branch_factor(len(branches), len(inside))
            for one in inside[-1:]:
                nn.init.zeros_(one.weight)
        nn.init.zeros_(layers[-1].weight)

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        from torch import nn

        from tricks.layers.gate import Gate, residuals

        for block in list(residuals(network)):
            block.branch, block.scale = nn.Sequential(block.branch, Gate(1.0)), 1.0
        return network
