"""Muon: momentum steps of weight matrices, made equally long in every direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.rules import own_rate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Parameter
    from torch.optim import Optimizer

ADAMW_SHARE = 0.05  # of Muon's rate, for all that is no matrix: 0.001 at Muon's usual 0.02


@dataclass(kw_only=True)
class Muon(Trick):
    card = Card(
        title="Muon",
        title_zh="正交化动量 Muon",
        claim="Orthogonalized steps also learn what the few largest directions would drown.",
        claimed_by="Jordan et al. 2024",
        when="Networks whose weights are mostly matrices: MLPs here, transformers elsewhere.",
        watch_out="It takes matrices only; convolutions and biases are trained by AdamW at 1/20 of "
        "its rate. Its products are in bfloat16, which CPUs are slow at.",
        formula=r"v \leftarrow \mu v + g, \qquad "
        r"\theta \leftarrow \theta - \eta\,U V^\top \ \text{where}\ g + \mu v = U \Sigma V^\top",
        paper=Paper(
            authors="Jordan et al.",
            year=2024,
            title="Muon: An optimizer for hidden layers in neural networks",
            where="kellerjordan.github.io/posts/muon",
        ),
        cost="15 multiplications of matrices for every weight matrix and step",
        zh=Chinese(
            claim="正交化的步子也能学到会被少数最大方向淹没的东西。",
            when="权重以矩阵为主的网络：这里是 MLP，别处是 Transformer。",
            watch_out="它只接受矩阵；卷积和偏置由 AdamW 以其二十分之一的学习率训练。"
            "它的乘法用 bfloat16，CPU 上很慢。",
        ),
        regime=Regime(setup={"epochs": 2}, beside=("momentum", "adamw")),
        rules=(
            own_rate("Muon"),
            Rule(
                kind="hint",
                title="Most of this network is trained by AdamW, not Muon",
                reason="It takes matrices only. Convolutions are none, so only the last layer is "
                "Muon's.",
                when=lambda own, other, facts: {} if facts.network != "mlp" else None,
            ),
        ),
    )
    slot = Slot.OPTIMIZER
    momentum: float = knob(
        0.95, low=0.0, high=0.999, symbol="μ", help="how much of the sum is kept at a step"
    )
    weight_decay: float = knob(
        0.0, low=0.0, high=1.0, symbol="λ", help="how fast matrices shrink, as a share of the rate"
    )
    lr: float = knob(0.02, low=1e-6, high=1.0, log=True, symbol="η", help="rate of the matrices")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from tricks.layers.optimizers import MuonAndAdamW

        return MuonAndAdamW(
            list(params),
            lr=lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            share=ADAMW_SHARE,
        )
