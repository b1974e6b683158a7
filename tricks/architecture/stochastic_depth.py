"""Stochastic depth: at each step some blocks are left out, and their skips stay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class StochasticDepth(Trick):
    card = Card(
        title="Stochastic depth",
        title_zh="随机深度",
        claim="Leaving out random blocks in training makes very deep networks generalize better.",
        claimed_by="Huang et al. 2016; the YOLOv4 paper (DropPath)",
        when="Deep networks with skips that overfit, and long training.",
        watch_out="Short runs end before a regularizer pays. Blocks are dropped for each example "
        "alone, so no time is saved. The shares grow with the depth, as in the paper; in a network "
        "of few blocks half of the last one is most of the network.",
        formula=r"y = x + \frac{b_l}{1 - p_l}\,F(x),\quad b_l \sim B(1 - p_l),\ p_l = "
        r"\frac{l}{L}\,p",
        paper=Paper(
            authors="Huang et al.",
            year=2016,
            title="Deep networks with stochastic depth",
            arxiv="1603.09382",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="训练时随机跳过一些块，很深的网络泛化更好。",
            when="带跳连、会过拟合的深网络，训练时间较长。",
            watch_out="短训练等不到正则化见效。这里对每个样本单独丢弃，所以不省时间。丢弃率像论文"
            "那样随深度增大；块很少的网络里，最后一块丢一半就几乎是丢掉大半个网络。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "mlp", "depth": 12, "width": 64},
                "train_size": 400,
                "label_noise": 0.3,
                "epochs": 60,
                "lr": 0.05,
            },
            baseline=("skip_connection",),
        ),
        rules=(
            Rule(
                kind="error",
                title="Stochastic depth needs skip connections",
                reason="Where a block is left out only its skip is left, and this network has "
                "none. Add skip connections.",
                unless="skip_connection",
            ),
        ),
    )
    p: float = knob(
        0.2, low=0.0, high=0.8, neutral=0.0, symbol="p",
        help="how often the last block is left out; those before it less often",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torchvision import ops

        def drop_path(part: float) -> Module:
            layer: Module = ops.StochasticDepth(part * self.p, mode="row")
            return layer

        return replace(spec, drop_path=drop_path)
