"""SELU: an ELU scaled so that signals find mean 0 and variance 1 by themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772  # the paper's, as torch has them


@dataclass(kw_only=True)
class SELU(Trick):
    card = Card(
        title="SELU",
        title_zh="自归一化激活（SELU）",
        claim="Signals settle at mean 0 and variance 1 without any normalization layer.",
        claimed_by="Klambauer et al. 2017",
        when="Deep fully connected networks without normalization, with LeCun initialization.",
        watch_out="The promise holds for standardized inputs, LeCun initialization and "
        "AlphaDropout only. Convolutions with padding and skips break its conditions.",
        formula=r"f(x) = \lambda \begin{cases} x & x > 0 \\ \alpha\,(e^x - 1) & x \le 0 "
        r"\end{cases}, \quad \lambda = 1.0507,\ \alpha = 1.6733",
        paper=Paper(
            authors="Klambauer et al.",
            year=2017,
            title="Self-normalizing neural networks",
            arxiv="1706.02515",
        ),
        cost="1.1 times ReLU",
        zh=Chinese(
            claim="不用归一化层，信号自己就会趋向均值 0、方差 1。",
            when="没有归一化的深层全连接网络，配合 LeCun 初始化。",
            watch_out="只有输入标准化、LeCun 初始化、并使用 AlphaDropout 时才成立。带填充的卷积"
            "和跳连都会破坏条件。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "mlp", "depth": 20, "width": 128},
                "epochs": 10,
                "lr": 0.02,
            },
            baseline=("init_lecun",),
        ),
        rules=(
            Rule(
                kind="warning",
                title="SELU and a normalization do the same work",
                reason="SELU keeps mean and variance by itself. A normalization takes over, and "
                "what is left is a scaled ELU. Leave the normalization out.",
                other="slot:normalization",
            ),
            Rule(
                kind="warning",
                title="Dropout breaks SELU's mean and variance",
                reason="It sets values to 0, while SELU's smallest value is about -1.76. The "
                "paper goes with AlphaDropout, which is not in this catalog. Use one of the two.",
                other="dropout",
                when=lambda own, other, facts: {} if other.p > 0 else None,
            ),
            Rule(
                kind="hint",
                title="LeCun initialization belongs to SELU",
                reason="Its two constants are computed for weights of variance 1/n. Kaiming, which "
                "the plain net has, starts with twice as much. Add LeCun.",
                unless="init_lecun",
            ),
            Rule(
                kind="hint",
                title="SELU wants standardized inputs",
                reason="Signals stay at mean 0 and variance 1 if they begin there. Set the "
                "preprocessing to standardize.",
                when=lambda own, other, facts: {} if facts.preprocessing != "standardize" else None,
            ),
        ),
    )
    slot = Slot.ACTIVATION

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=nn.SELU)

    def response(self, x: float) -> float:
        return SCALE * (x if x > 0 else ALPHA * math.expm1(x))
