"""Lion: only the sign of the momentum counts."""

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
class Lion(Trick):
    card = Card(
        title="Lion",
        title_zh="符号动量 Lion",
        claim="The sign of the momentum is enough, and needs half the memory of Adam.",
        claimed_by="Chen et al. 2023",
        when="Large models and large batches; wherever AdamW is used.",
        watch_out="Every weight moves by the whole rate at every step, so the rate has to be 3 to "
        "10 times smaller than AdamW's, and it has to fall for the weights to come to rest.",
        formula=r"\theta \leftarrow \theta - \eta\,"
        r"(\mathrm{sign}(\beta_1 m + (1-\beta_1)\,g) + \lambda\theta)",
        paper=Paper(
            authors="Chen et al.",
            year=2023,
            title="Symbolic discovery of optimization algorithms",
            arxiv="2302.06675",
        ),
        cost="one more copy of the weights",
        zh=Chinese(
            claim="只用动量的符号就够了，内存只要 Adam 的一半。",
            when="大模型、大批量；凡是用 AdamW 的地方。",
            watch_out="每一步每个权重都移动整整一个学习率，所以学习率要比 AdamW 小 3 到 10 倍，而"
            "且要逐渐降低，权重才会停下来。",
        ),
        regime=Regime(setup={"epochs": 3}, beside=("adamw",)),
        rules=(own_rate("Lion"),),
    )
    slot = Slot.OPTIMIZER
    learns = False  # 60 steps move no weight by more than 0.018: far too little
    weight_decay: float = knob(
        0.0, low=0.0, high=10.0, symbol="λ", help="how fast weights shrink, as a share of the rate"
    )
    lr: float = knob(0.0003, low=1e-6, high=0.1, log=True, symbol="η", help="its learning rate")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from tricks.layers.optimizers import Lion

        return Lion(list(params), lr=lr, betas=(0.9, 0.99), weight_decay=self.weight_decay)
