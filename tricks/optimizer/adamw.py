"""AdamW: a rate of its own for every weight, and weight decay that stays out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Paper, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Parameter
    from torch.optim import Optimizer


@dataclass(kw_only=True)
class AdamW(Trick):
    card = Card(
        title="AdamW",
        title_zh="解耦权重衰减 Adam",
        claim="Adam with decoupled weight decay generalizes better than Adam with L2.",
        claimed_by="Loshchilov and Hutter 2017",
        when="A first try on a new problem: it needs little tuning of the rate.",
        watch_out="The rate of plain SGD is far too high for it, so it has its own. In short runs "
        "the decay shows in the size of the weights, not in accuracy. Biases decay too.",
        formula=r"\theta \leftarrow \theta - \eta\left(\frac{\hat m}{\sqrt{\hat v} + \epsilon}"
        r" + \lambda\theta\right)",
        paper=Paper(
            authors="Loshchilov and Hutter",
            year=2017,
            title="Decoupled weight decay regularization",
            arxiv="1711.05101",
        ),
        cost="two more copies of the weights",
        rules=(
            Rule(
                kind="hint",
                title="AdamW trains at its own rate, {own:g}",
                reason="The other arms take {lr:g}, which is a rate for plain SGD; the knob lr "
                "sets another one.",
                when=lambda own, other, facts: (
                    {"own": own.lr, "lr": facts.lr} if own.lr != facts.lr else None
                ),
            ),
        ),
    )
    slot = Slot.OPTIMIZER
    weight_decay: float = knob(
        0.01, low=0.0, high=1.0, symbol="λ", help="how fast weights shrink, as a share of the rate"
    )
    lr: float = knob(0.001, low=1e-6, high=1.0, log=True, symbol="η", help="its learning rate")

    def rate(self, lr: float) -> float:
        return self.lr

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        import torch

        params = list(params)
        fused = all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in params)
        return torch.optim.AdamW(params, lr=lr, weight_decay=self.weight_decay, fused=fused)
