"""Factorize: every layer becomes a product of two thin ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.base import Split


@dataclass(kw_only=True)
class Factorize(Trick):
    card = Card(
        title="Factorize",
        title_zh="低秩分解",
        claim="Weights are nearly of low rank, so two thin layers do the work of a full one.",
        claimed_by="Denton et al. 2014; Composer",
        when="Wide layers, where the rank can be a small part of the width.",
        watch_out="The paper takes trained weights apart. Here the first weights are, as random as "
        "they are, so the network is a narrower one from the start, its signals weaker by what is "
        "cut off. Below half the rank it saves work; it rarely saves time on small layers.",
        formula=r"W \approx U V,\quad U \in \mathbb{R}^{m \times r},\ V \in \mathbb{R}^{r \times "
        r"n}",
        paper=Paper(
            authors="Denton et al.",
            year=2014,
            title="Exploiting linear structure within convolutional networks for efficient "
            "evaluation",
            arxiv="1404.0736",
        ),
        cost="r(m + n) instead of mn multiplications: at a quarter of the rank half of them",
        zh=Chinese(
            claim="权重近似低秩，所以两个薄层就能完成一个完整层的工作。",
            when="很宽的层，秩可以只是宽度的一小部分。",
            watch_out="论文分解的是训练好的权重。这里分解的是随机的初始权重，所以网络从一开始就更"
            "窄，信号也因为截断而变弱。秩低于一半时省计算量；小的层很少省时间。",
        ),
        regime=Regime(
            setup={"network": {"kind": "mlp", "depth": 3, "width": 256}, "epochs": 5},
        ),
        rules=(
            Rule(
                kind="hint",
                title="Factorize saves nothing at this rank",
                reason="Two layers at {share:.0%} of the rank of {width}x{width} weights take as "
                "much work as the full layer, or more. Take less than half.",
                when=lambda own, other, facts: (
                    {"share": own.rank, "width": facts.width}
                    if facts.network == "mlp" and 0.5 <= own.rank < 1
                    else None
                ),
            ),
            Rule(
                kind="error",
                title="Factorize leaves Pretrain and fine-tune no layer to fill",
                reason="The weights that were trained before belong to full layers, and this "
                "network has thin ones in their place. Use one of the two.",
                other="pretrained_finetune",
                when=lambda own, other, facts: {} if own.rank < 1 else None,
            ),
        ),
    )
    order = -10  # what reparametrizes weights finds the thin layers
    rank: float = knob(
        0.25, low=0.05, high=1.0, neutral=1.0, symbol="r",
        help="share of the full rank that is kept; 1 leaves the layers alone",
    )  # fmt: skip

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        from tricks.layers.low_rank import factorize

        return factorize(network, self.rank)
