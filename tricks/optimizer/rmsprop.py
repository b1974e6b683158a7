"""RMSProp: divide the gradient by its recent size."""

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
class RMSProp(Trick):
    card = Card(
        title="RMSProp",
        title_zh="均方根传播 RMSProp",
        claim="Divide each gradient by a running mean of its size: steps of about one length.",
        claimed_by="the thread; Tieleman and Hinton 2012",
        when="Gradients whose size differs much from weight to weight, or drifts over the run.",
        watch_out="The mean starts at 0 and is not corrected, so the first steps are up to "
        "1 / √(1 - α) times too long, 10 times at α 0.99.",
        formula=r"s \leftarrow \alpha s + (1-\alpha)\,g^2, \qquad "
        r"\theta \leftarrow \theta - \eta\,\frac{g}{\sqrt{s} + \epsilon}",
        paper=Paper(
            authors="Tieleman and Hinton",
            year=2012,
            title="Lecture 6.5: Divide the gradient by a running average of its recent magnitude",
            where="Coursera, Neural Networks for Machine Learning",
        ),
        cost="one more copy of the weights",
        thread="RMSProp",
        zh=Chinese(
            claim="把每个梯度除以它近期大小的滑动平均，每一步差不多一样长。",
            when="各权重的梯度大小相差很多，或随训练变化时。",
            watch_out="平均从 0 开始且不做修正，最初几步最多会长 1 / √(1 - α) 倍，α 为 0.99 时是 "
            "10 倍。",
        ),
        regime=Regime(setup={"epochs": 2}, beside=("adagrad", "adam")),
        rules=(own_rate("RMSProp"),),
    )
    slot = Slot.OPTIMIZER
    alpha: float = knob(
        0.99, low=0.0, high=0.9999, symbol="α", help="how much of the mean is kept at a step"
    )
    lr: float = knob(0.001, low=1e-6, high=1.0, log=True, symbol="η", help="its learning rate")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import RMSprop

        return RMSprop(list(params), lr=lr, alpha=self.alpha, foreach=True)
