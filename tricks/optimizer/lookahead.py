"""Lookahead: explore with fast weights, follow slowly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module


@dataclass(kw_only=True)
class Lookahead(Trick):
    card = Card(
        title="Lookahead",
        title_zh="前瞻慢权重",
        claim="Slow weights that follow the fast ones at intervals make any optimizer steadier.",
        claimed_by="Zhang et al. 2019",
        when="High rates and noisy batches. It goes around whatever optimizer the arm has.",
        watch_out="Every k steps a part of the way is taken back, so where plain steps were safe "
        "it is slower. The optimizer's momentum is left as it was.",
        formula=r"\phi \leftarrow \phi + \alpha\,(\theta_k - \phi), \qquad \theta \leftarrow \phi",
        paper=Paper(
            authors="Zhang, Lucas, Hinton and Ba",
            year=2019,
            title="Lookahead optimizer: k steps forward, 1 step back",
            arxiv="1907.08610",
        ),
        cost="one more copy of the weights",
        zh=Chinese(
            claim="慢权重每隔几步跟上快权重，任何优化器都会更稳。",
            when="学习率高、批次噪声大时。它套在所用的任何优化器外面。",
            watch_out="每 k 步就退回一段路，本来就稳的时候反而更慢。优化器的动量保持不变。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.2, "epochs": 40}, metric="test_loss"
        ),
    )
    order = -5  # averages of the weights are of the slow ones
    k: int = knob(5, low=1, high=100, integer=True, symbol="k", help="fast steps for a slow one")
    alpha: float = knob(
        0.5, low=0.0, high=1.0, neutral=1.0, symbol="α",
        help="how far the slow weights follow; 1 is the optimizer alone",
    )  # fmt: skip
    slow: list[Tensor] = field(init=False, default_factory=list, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        self.slow = [p.detach().clone() for p in self.tools.network.parameters()]

    def after_step(self, network: Module, step: int) -> None:
        import torch

        if step % self.k:
            return
        with torch.no_grad():
            fast: list[Tensor] = list(network.parameters())
            torch._foreach_lerp_(self.slow, fast, self.alpha)
            torch._foreach_copy_(fast, self.slow)
