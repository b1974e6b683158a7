"""Mixed precision: matrix products in 16 bits, weights in 32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.base import Split

CURVED = ("lbfgs", "newton_cg")


@dataclass(kw_only=True)
class AMP(Trick):
    card = Card(
        title="Mixed precision",
        title_zh="混合精度",
        claim="Half the digits train as well and much faster on a GPU.",
        claimed_by="Micikevicius et al. 2017",
        when="GPUs with units for 16 bits, and networks large enough to keep them busy.",
        watch_out="A gain on GPUs only: on a CPU it was several times slower here, and small "
        "networks wait for other things than products. It is bfloat16, which needs no scaling of "
        "the loss; the paper's float16 does. Accuracy should be equal: look at the seconds.",
        formula=r"y = \mathrm{bf16}(W)\,\mathrm{bf16}(x), \qquad W \in \mathrm{fp32}",
        paper=Paper(
            authors="Micikevicius et al.",
            year=2017,
            title="Mixed precision training",
            arxiv="1710.03740",
        ),
        cost="less time on a GPU, more on a CPU",
        zh=Chinese(
            claim="只用一半的位数，在 GPU 上训练得一样好，而且快得多。",
            when="带 16 位计算单元的 GPU，并且网络大到能让它忙起来。",
            watch_out="只在 GPU 上有收益：CPU 上更慢，小网络的时间也不花在乘法上。这里用 "
            "bfloat16，不需要缩放损失；论文的 float16 需要。准确率应当相同，要看的是秒数。",
        ),
        regime=Regime(setup={"network": {"kind": "mlp", "depth": 3, "width": 256}, "epochs": 3}),
        rules=(
            Rule(
                kind="hint",
                title="Mixed precision gains nothing on a CPU",
                reason="Converting the numbers costs more than the shorter products save.",
                when=lambda own, other, facts: {} if facts.device == "cpu" else None,
            ),
            Rule(
                kind="warning",
                title="SAM's small move may be lost in Mixed precision",
                reason="A ρ of {rho:g} over all weights changes each of them by less than bfloat16 "
                "can tell apart, so the second gradient is hardly another one.",
                other="sam",
                when=lambda own, other, facts: {"rho": other.rho} if other.rho else None,
            ),
            *(
                Rule(
                    kind="error",
                    title="{other} needs more digits than Mixed precision has",
                    reason="It compares losses or gradients at points close together, and "
                    "bfloat16 rounds the difference away.",
                    other=one,
                )
                for one in CURVED
            ),
            Rule(
                kind="hint",
                title="Gradient clipping in Mixed precision sees the true gradient",
                reason="bfloat16 needs no scaling of the loss. With float16 and a scaler, unscale "
                "before the clip.",
                other="grad_clip",
            ),
        ),
    )
    order = 50  # the outermost: what other tricks put into the network is inside

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        from tricks.layers.autocast import Autocast

        return Autocast(network)
