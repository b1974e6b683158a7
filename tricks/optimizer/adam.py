"""Adam: momentum, divided by the recent size of the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.rules import own_rate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Parameter
    from torch.optim import Optimizer


@dataclass(kw_only=True)
class Adam(Trick):
    card = Card(
        title="Adam",
        title_zh="自适应矩估计 Adam",
        claim="Momentum and a rate of its own for every weight: good steps with little tuning.",
        claimed_by="the thread; Kingma and Ba 2014",
        when="A first try on a new problem; gradients of very different sizes.",
        watch_out="L2 inside Adam is divided like any gradient, so weights with large gradients "
        "hardly decay; AdamW is the cure. On these small networks a tuned SGD is as good.",
        formula=r"\theta \leftarrow \theta - \eta\,\frac{\hat m}{\sqrt{\hat v} + \epsilon}",
        paper=Paper(
            authors="Kingma and Ba",
            year=2014,
            title="Adam: A method for stochastic optimization",
            arxiv="1412.6980",
        ),
        cost="two more copies of the weights",
        thread="Adam",
        zh=Chinese(
            claim="动量加上每个权重自己的学习率：几乎不用调参就能走得不错。",
            when="新问题上的第一次尝试；各梯度大小相差悬殊时。",
            watch_out="放进 Adam 里的 L2 会像梯度一样被除掉，梯度大的权重几乎不衰减；应改用 "
            "AdamW。在这些小网络上，调好的 SGD 同样好。",
        ),
        regime=Regime(setup={"epochs": 2}, beside=("adamw", "rmsprop")),
        rules=(
            own_rate("Adam"),
            Rule(
                kind="hint",
                title="This is L2 in Adam, not weight decay",
                reason="A λ of {decay:g} joins the gradient and is divided by its size, so the "
                "weights with the largest gradients decay least. AdamW decays all alike.",
                when=lambda own, other, facts: (
                    {"decay": own.weight_decay} if own.weight_decay else None
                ),
            ),
            Rule(
                kind="warning",
                title="Adam divides {other} away",
                reason="The penalty's gradient is divided by the gradient's size like the rest, "
                "so the weights with the largest gradients decay least. Take AdamW for decay.",
                other="weight_decay_l2",
            ),
            Rule(
                kind="hint",
                title="Adam with {other} is AdamW",
                reason="Both together are what AdamW does in one step.",
                other="decoupled_weight_decay",
            ),
        ),
    )
    slot = Slot.OPTIMIZER
    weight_decay: float = knob(
        0.0, low=0.0, high=1.0, symbol="λ", help="L2 in Adam: weights added to the gradient"
    )
    lr: float = knob(0.001, low=1e-6, high=1.0, log=True, symbol="η", help="its learning rate")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import Adam

        from tricks.layers.optimizers import fusable

        params = list(params)
        return Adam(params, lr=lr, weight_decay=self.weight_decay, fused=fusable(params))
