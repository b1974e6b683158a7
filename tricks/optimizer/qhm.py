"""QHM: a weighted mean of the gradient and the momentum, quite literally."""

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
class QHM(Trick):
    card = Card(
        title="Quasi-hyperbolic momentum",
        title_zh="拟双曲动量",
        claim="Between the gradient and the momentum, any mixture can be had; 0.7 is a good one.",
        claimed_by="Ma and Yarats 2018; the thread, if its words are read literally",
        when="Where momentum helps: it holds plain descent (ν 0), momentum (ν 1) and Nesterov "
        "(ν = β) as special cases.",
        watch_out="The momentum is a mean here, not a sum, so the rate stays that of plain SGD. "
        "At β 0.999 the mean spans 1,000 steps: in a shorter run the momentum's share is mostly "
        "missing, and the steps are about 1 - ν as long.",
        formula=r"d \leftarrow \beta d + (1-\beta)\,g, \qquad "
        r"\theta \leftarrow \theta - \eta\,[(1-\nu)\,g + \nu d]",
        paper=Paper(
            authors="Ma and Yarats",
            year=2018,
            title="Quasi-hyperbolic momentum and Adam for deep learning",
            arxiv="1810.06801",
        ),
        cost="one more copy of the weights",
        thread="梯度方向和一阶动量的折中方向",
        zh=Chinese(
            claim="在梯度和动量之间可以取任意比例的折中，0.7 是个不错的值。",
            when="动量有用的地方。普通下降（ν 为 0）、动量（ν 为 1）和 Nesterov（ν 等于 β）都是它"
            "的特例。",
            watch_out="这里的动量是平均而不是累加，所以学习率和普通 SGD 一样。β 为 0.999 "
            "时平均跨越约 1000 步；更短的训练里动量部分几乎还没起来，步长只有约 1 - ν 倍。",
        ),
        regime=Regime(setup={"epochs": 2}, knobs={"beta": 0.9}, beside=("nesterov", "momentum")),
        rules=(own_rate("Quasi-hyperbolic momentum"),),
    )
    slot = Slot.OPTIMIZER
    nu: float = knob(
        0.7, low=0.0, high=1.0, neutral=0.0, symbol="ν",
        help="share of the momentum in a step; 0 is plain gradient descent",
    )  # fmt: skip
    beta: float = knob(
        0.999, low=0.0, high=0.9999, symbol="β", help="how much of the mean is kept at a step"
    )
    lr: float | None = knob(
        None, low=1e-6, high=10.0, log=True, symbol="η",
        help="its learning rate; left alone, the setup's",
    )  # fmt: skip

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from tricks.layers.optimizers import QHM

        return QHM(list(params), lr=lr, nu=self.nu, beta=self.beta)
