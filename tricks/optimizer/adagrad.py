"""AdaGrad: weights that were moved much are moved less."""

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
class Adagrad(Trick):
    card = Card(
        title="AdaGrad",
        title_zh="自适应梯度 AdaGrad",
        claim="Every weight gets a rate of its own, from the gradients it has seen so far.",
        claimed_by="the thread; Duchi et al. 2011",
        when="Rare features: a weight that is seldom asked keeps a high rate.",
        watch_out="The sum only grows, so the rates only fall; in long runs learning dies out.",
        formula=r"G \leftarrow G + g^2, \qquad "
        r"\theta \leftarrow \theta - \eta\,\frac{g}{\sqrt{G} + \epsilon}",
        paper=Paper(
            authors="Duchi, Hazan and Singer",
            year=2011,
            title="Adaptive subgradient methods for online learning and stochastic optimization",
            where="Journal of Machine Learning Research 12:2121-2159",
        ),
        cost="one more copy of the weights",
        thread="adaGrad",
        zh=Chinese(
            claim="根据至今见过的梯度，给每个权重一个自己的学习率。",
            when="稀有特征：很少被更新的权重保持较高的学习率。",
            watch_out="分母只增不减，学习率只会下降；训练一长就学不动了。",
        ),
        regime=Regime(setup={"epochs": 2}, beside=("rmsprop",)),
        rules=(own_rate("AdaGrad"),),
    )
    slot = Slot.OPTIMIZER
    lr: float = knob(0.01, low=1e-6, high=1.0, log=True, symbol="η", help="its learning rate")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import Adagrad

        return Adagrad(list(params), lr=lr, foreach=True)
