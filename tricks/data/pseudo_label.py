"""Pseudo-labels: what the network is sure of becomes its training set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Trick, knob
from tricks.rules import pool_is_empty

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Split

PAUSE = 0.05  # of the run, at least, between two looks at the pool


def pseudo_labels(logits: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """Of (N, C) logits: who is surer than ``tau`` (N,) and the likeliest class (N,)."""
    sure, label = logits.softmax(-1).max(-1)
    return sure > tau, label


@dataclass(kw_only=True)
class PseudoLabel(Trick):
    card = Card(
        title="Pseudo-labels",
        title_zh="伪标签",
        claim="Images without labels help too: take the network's own sure answers as labels.",
        claimed_by="Lee 2013",
        when="Few labels and many images without one: 100 labeled digits and the rest of the set.",
        watch_out="The network confirms itself: sure mistakes are trained in. It needs to be right "
        "most of the time before it starts.",
        formula=r"\tilde y = \arg\max_k p_k(x) \quad \text{if } \max_k p_k(x) > \tau",
        paper=Paper(
            authors="Lee",
            year=2013,
            title="Pseudo-label: The simple and efficient semi-supervised learning method for deep "
            "neural networks",
            where="ICML workshop on challenges in representation learning",
        ),
        cost="a look at the unlabeled images up to 20 times; the steps stay the same",
        zh=Chinese(
            claim="没有标签的图也有用：把网络自己有把握的答案当作标签。",
            when="标签很少、未标注图像很多时：100 张有标签的数字，加上其余所有图。",
            watch_out="网络会自我印证：有把握的错误也被训练进去。开始之前它必须大多数时候是对的。",
        ),
        regime=Regime(setup={"train_size": 100, "epochs": 100}, knobs={"ratio": 10, "tau": 0.8}),
        rules=(pool_is_empty("Pseudo-labels find no unlabeled images", lambda own: own.ratio),),
    )
    stacks = False
    ratio: float = knob(
        5.0, low=0.0, high=20.0, neutral=0.0, symbol="ratio",
        help="unlabeled images, as a multiple of the training set, if there are as many",
    )  # fmt: skip
    tau: float = knob(
        0.95, low=0.0, high=1.0, symbol="τ", help="how sure the network must be of an answer"
    )
    start: float = knob(
        0.3, low=0.0, high=0.95, symbol="start", help="share of the run before the first ones"
    )
    labeled: Split | None = field(init=False, default=None, repr=False, compare=False)
    images: Tensor | None = field(init=False, default=None, repr=False, compare=False)
    next: float = field(init=False, default=0.0, repr=False, compare=False)
    taken: int = field(init=False, default=0, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        import torch

        pool, self.labeled = self.tools.pool, self.tools.split
        count = min(pool.size, round(self.ratio * len(self.labeled.y)))
        if count:
            self.images = pool.images(torch.randperm(pool.size, generator=rng)[:count])
        self.next = self.start

    def after_epoch(self, network: Module, epoch: int) -> None:
        from tricks.layers.answers import logits_of
        from tricks.layers.examples import grown

        now = self.tools.progress()
        if self.images is None or self.labeled is None or not self.next <= now < 1:
            return
        self.next = now + PAUSE
        sure, label = pseudo_labels(logits_of(network, self.images), self.tau)
        self.taken = int(sure.sum())
        self.tools.split = grown(self.labeled, self.images[sure], label[sure])

    def acted(self) -> Acted:
        count = 0 if self.images is None else len(self.images)
        return Acted(self.taken, count, f"unlabeled images surer than {self.tau:g} in the end")
