"""NAdam: Adam whose momentum looks ahead."""

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
class NAdam(Trick):
    card = Card(
        title="NAdam",
        title_zh="Nesterov 加速 Adam",
        claim="Nesterov's look ahead inside Adam gets there in fewer steps.",
        claimed_by="Dozat 2016",
        when="Wherever Adam is used; it costs the same.",
        watch_out="Its default rate is twice Adam's, so a gain at the defaults may be the rate's. "
        "At equal rates the two are close.",
        formula=r"\theta \leftarrow \theta - \frac{\eta}{\sqrt{\hat v} + \epsilon}"
        r"\left(\mu_{t+1}\hat m + \frac{(1-\mu_t)\,g}{1 - \prod_i \mu_i}\right)",
        paper=Paper(
            authors="Dozat",
            year=2016,
            title="Incorporating Nesterov momentum into Adam",
            where="ICLR 2016 workshop",
        ),
        cost="two more copies of the weights",
        zh=Chinese(
            claim="把 Nesterov 的前瞻放进 Adam，用更少的步数到达。",
            when="凡是用 Adam 的地方；代价相同。",
            watch_out="它的默认学习率是 Adam 的两倍，默认值下的提升可能只是学习率带来的。学习率相"
            "同时两者很接近。",
        ),
        regime=Regime(setup={"epochs": 2}, knobs={"lr": 0.001}, beside=("adam",)),
        rules=(own_rate("NAdam"),),
    )
    slot = Slot.OPTIMIZER
    lr: float = knob(0.002, low=1e-6, high=1.0, log=True, symbol="η", help="its learning rate")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import NAdam

        return NAdam(list(params), lr=lr, foreach=True)
