"""AdamW: a rate of its own for every weight, and weight decay that stays out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.rules import own_rate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Parameter
    from torch.optim import Optimizer


@dataclass(kw_only=True)
class AdamW(Trick):
    card = Card(
        title="AdamW",
        title_zh="解耦权重衰减 Adam",
        claim="Adam with decoupled weight decay generalizes better than Adam with L2.",
        claimed_by="Loshchilov and Hutter 2017",
        when="A first try on a new problem: it needs little tuning of the rate.",
        watch_out="The rate of plain SGD is far too high for it, so it has its own. In short runs "
        "the decay shows in the size of the weights, not in accuracy. Biases decay too.",
        formula=r"\theta \leftarrow \theta - \eta\left(\frac{\hat m}{\sqrt{\hat v} + \epsilon}"
        r" + \lambda\theta\right)",
        paper=Paper(
            authors="Loshchilov and Hutter",
            year=2017,
            title="Decoupled weight decay regularization",
            arxiv="1711.05101",
        ),
        cost="two more copies of the weights",
        zh=Chinese(
            claim="权重衰减与梯度分开的 Adam，泛化比 Adam 加 L2 更好。",
            when="新问题上的第一次尝试：学习率几乎不用调。",
            watch_out="普通 SGD 的学习率对它太高，所以它有自己的学习率。短训练里衰减体现在权重大小"
            "上，而不是准确率上。偏置也一起衰减。",
        ),
        regime=Regime(setup={"epochs": 2}, beside=("adam",)),
        rules=(own_rate("AdamW"),),
    )
    slot = Slot.OPTIMIZER
    weight_decay: float = knob(
        0.01, low=0.0, high=1.0, symbol="λ", help="how fast weights shrink, as a share of the rate"
    )
    lr: float = knob(0.001, low=1e-6, high=1.0, log=True, symbol="η", help="its learning rate")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        import torch

        from tricks.layers.optimizers import fusable

        params = list(params)
        return torch.optim.AdamW(
            params, lr=lr, weight_decay=self.weight_decay, fused=fusable(params)
        )
