"""SGD: step against the gradient of a few examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Parameter
    from torch.optim import Optimizer


@dataclass(kw_only=True)
class SGD(Trick):
    card = Card(
        title="SGD",
        title_zh="随机梯度下降",
        claim="The gradient of a small random batch is good enough to step by.",
        claimed_by="the thread; Robbins and Monro 1951",
        when="The baseline of every comparison here: no memory, one rate for all weights.",
        watch_out="It follows the setup's rate, so a rate that suits another optimizer is wrong "
        "for it. In long narrow valleys it zigzags.",
        formula=r"\theta \leftarrow \theta - \eta\,g",
        paper=Paper(
            authors="Robbins and Monro",
            year=1951,
            title="A stochastic approximation method",
            where="Annals of Mathematical Statistics 22(3):400-407",
        ),
        cost="nothing: the baseline has it",
        thread="把随机考虑进来 sgd",
        zh=Chinese(
            claim="一小批随机样本的梯度就足够用来走一步。",
            when="这里所有比较的基线：没有记忆，所有权重共用一个学习率。",
            watch_out="它用的是设置里的学习率，适合别的优化器的学习率对它往往不合适。在狭长的山谷里会来回震荡。",
        ),
        regime=Regime(setup={"epochs": 3}, beside=("momentum", "adam")),
        rules=(
            Rule(
                kind="hint",
                title="SGD has no momentum for One cycle to cycle",
                reason="The paper lowers the momentum while the rate rises; here only the rate "
                "moves.",
                other="one_cycle",
            ),
        ),
    )
    slot = Slot.OPTIMIZER
    is_default = True

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import SGD

        from tricks.layers.optimizers import fusable

        params = list(params)
        return SGD(params, lr=lr, fused=fusable(params))
