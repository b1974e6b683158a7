"""AdaMax: Adam with the largest recent gradient instead of the mean one."""

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
class Adamax(Trick):
    card = Card(
        title="AdaMax",
        title_zh="无穷范数 Adam",
        claim="Dividing by the largest recent gradient bounds every step by the rate.",
        claimed_by="Kingma and Ba 2014",
        when="Gradients that are mostly small and now and then large.",
        watch_out="Its default rate is twice Adam's, and its steps are smaller at equal rates, so "
        "compare the two with the rate tuned for each.",
        formula=r"u \leftarrow \max(\beta_2 u, |g|), \qquad "
        r"\theta \leftarrow \theta - \eta\,\frac{\hat m}{u}",
        paper=Paper(
            authors="Kingma and Ba",
            year=2014,
            title="Adam: A method for stochastic optimization",
            arxiv="1412.6980",
        ),
        cost="two more copies of the weights",
        zh=Chinese(
            claim="除以近期最大的梯度，每一步都不会超过学习率。",
            when="梯度大多很小、偶尔很大时。",
            watch_out="默认学习率是 Adam 的两倍，而学习率相同时它的步子更小；比较时应各自调好学习"
            "率。",
        ),
        regime=Regime(setup={"epochs": 2}, beside=("adam",)),
        rules=(own_rate("AdaMax"),),
    )
    slot = Slot.OPTIMIZER
    lr: float = knob(0.002, low=1e-6, high=1.0, log=True, symbol="η", help="its learning rate")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import Adamax

        return Adamax(list(params), lr=lr, foreach=True)
