"""Adadelta: the length of a step from the lengths of the steps before."""

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
class Adadelta(Trick):
    card = Card(
        title="Adadelta",
        title_zh="自适应步长 Adadelta",
        claim="Needs no learning rate: the size of past steps sets the size of the next.",
        claimed_by="Zeiler 2012",
        when="A first run where no rate is known yet.",
        watch_out="It starts with tiny steps, since no step was taken before; ε decides how tiny. "
        "The rate is still there as a factor, and schedules act on it.",
        formula=r"\Delta = -\frac{\sqrt{u + \epsilon}}{\sqrt{s + \epsilon}}\,g, \qquad "
        r"u \leftarrow \rho u + (1-\rho)\,\Delta^2",
        paper=Paper(
            authors="Zeiler",
            year=2012,
            title="ADADELTA: An adaptive learning rate method",
            arxiv="1212.5701",
        ),
        cost="two more copies of the weights",
        zh=Chinese(
            claim="不需要学习率：过去步子的大小决定下一步的大小。",
            when="还不知道合适学习率时的第一次训练。",
            watch_out="开始时没有过去的步子，所以步子极小，小到什么程度由 ε 决定。学习率仍作为一个"
            "倍数存在，学习率策略也作用在它上面。",
        ),
        regime=Regime(setup={"epochs": 3}, beside=("adagrad",)),
        rules=(own_rate("Adadelta"),),
    )
    slot = Slot.OPTIMIZER
    rho: float = knob(
        0.9, low=0.0, high=0.9999, symbol="ρ", help="how much of both means is kept at a step"
    )
    lr: float = knob(1.0, low=1e-4, high=100.0, log=True, symbol="η", help="factor on its steps")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import Adadelta

        return Adadelta(list(params), lr=lr, rho=self.rho, foreach=True)
