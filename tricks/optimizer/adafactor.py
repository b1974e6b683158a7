"""Adafactor: the sizes of a matrix's gradients, kept as one row and one column."""

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
class Adafactor(Trick):
    card = Card(
        title="Adafactor",
        title_zh="低内存自适应 Adafactor",
        claim="A row and a column of sums replace Adam's second copy of the weights.",
        claimed_by="Shazeer and Stern 2018",
        when="Models so large that the optimizer's memory counts; not on these small ones.",
        watch_out="It has no momentum, and the rate is a share of each weight matrix's own size. "
        "Its gain is memory, which no curve shows.",
        formula=r"\hat V = \frac{R\,C}{\mathbf 1^\top R}, \qquad "
        r"\theta \leftarrow \theta - \eta_t\,\mathrm{RMS}(\theta)\,\frac{g}{\sqrt{\hat V}}",
        paper=Paper(
            authors="Shazeer and Stern",
            year=2018,
            title="Adafactor: Adaptive learning rates with sublinear memory cost",
            arxiv="1804.04235",
        ),
        cost="a row and a column for every matrix",
        zh=Chinese(
            claim="用一行和一列的和代替 Adam 的第二份权重副本。",
            when="模型大到优化器的内存成为问题时；这里的小模型用不上。",
            watch_out="没有动量；学习率是相对每个权重矩阵自身大小的比例。它省的是内存，曲线上看不"
            "出来。",
        ),
        regime=Regime(setup={"epochs": 3}, beside=("adam",)),
        rules=(own_rate("Adafactor"),),
    )
    slot = Slot.OPTIMIZER
    lr: float = knob(
        0.01, low=1e-6, high=1.0, log=True, symbol="η",
        help="its largest learning rate, a share of each matrix's size",
    )  # fmt: skip

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import Adafactor

        return Adafactor(list(params), lr=lr, foreach=True)
