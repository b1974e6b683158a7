"""Nesterov momentum: a running sum of gradients, looked ahead by one step."""

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
class Nesterov(Trick):
    card = Card(
        title="Nesterov",
        title_zh="Nesterov 动量",
        claim="A compromise between the gradient and the momentum gets there in fewer steps.",
        claimed_by="the thread; Nesterov 1983",
        when="Long narrow valleys of the loss; most networks without an adaptive optimizer.",
        watch_out="Against plain momentum it shows on quadratics and hardly on networks. Momentum "
        "μ makes steps 1 / (1 - μ) times longer, so the rate has to come down with it.",
        formula=r"v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \eta\,(g + \mu v)",
        paper=Paper(
            authors="Nesterov",
            year=1983,
            title="A method for solving the convex programming problem with convergence rate "
            "O(1/k²)",
            where="Doklady AN SSSR 269:543-547",
        ),
        cost="one more copy of the weights",
        thread="梯度方向和一阶动量的折中方向",
        zh=Chinese(
            claim="梯度与动量的折中方向，用更少的步数到达。",
            when="损失面是狭长山谷时；大多数不用自适应优化器的网络。",
            watch_out="相对普通动量的好处在二次函数上明显，在网络上几乎看不出。动量 μ "
            "会把步长放大 1 / (1 - μ) 倍，学习率要相应调低。",
        ),
        regime=Regime(setup={"epochs": 2}, beside=("momentum",)),
        rules=(own_rate("Nesterov"),),
    )
    slot = Slot.OPTIMIZER
    momentum: float = knob(
        0.9, low=0.0, high=0.999, neutral=0.0, symbol="μ", help="0 is plain gradient descent"
    )
    lr: float | None = knob(
        None, low=1e-6, high=10.0, log=True, symbol="η",
        help="its learning rate; left alone, the setup's times (1 - momentum)",
    )  # fmt: skip

    def rate(self, lr: float) -> float:
        return lr * (1 - self.momentum) if self.lr is None else self.lr

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import SGD

        from tricks.layers.optimizers import fusable

        params = list(params)
        nesterov = self.momentum > 0  # torch refuses it without momentum
        return SGD(params, lr=lr, momentum=self.momentum, nesterov=nesterov, fused=fusable(params))
