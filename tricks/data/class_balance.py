"""Class balance: every class is read equally often, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from tricks.base import Split


def balance_weights(y: Tensor) -> Tensor:
    """The chance of each example, ``1 / n`` of its class, for (N,) class indices."""
    return 1 / y.bincount().double()[y]


@dataclass(kw_only=True)
class ClassBalance(Trick):
    card = Card(
        title="Class balance",
        title_zh="类别均衡采样",
        claim="Drawing rare classes as often as common ones teaches the network to see them.",
        claimed_by="the thread; Buda et al. 2017",
        when="Unbalanced classes (turn up the imbalance of the setup).",
        watch_out="Rare examples come again and again and may be learned by heart; an epoch does "
        "not show every image. Wrong labels in a rare class weigh as much.",
        formula=r"P(i) \propto \frac{1}{n_{y_i}}",
        paper=Paper(
            authors="Buda, Maki and Mazurowski",
            year=2017,
            title="A systematic study of the class imbalance problem in convolutional neural "
            "networks",
            arxiv="1710.05381",
        ),
        cost="nothing measurable",
        thread="distribution",
        zh=Chinese(
            claim="让稀有类与常见类被抽到的次数一样多，网络才学得会稀有类。",
            when="类别不均衡时（把实验设置里的不均衡度调高）。",
            watch_out="稀有样本会反复出现，可能被背下来；一轮里也不是每张图都会出现。稀有类里的错"
            "误标签同样被放大。",
        ),
        regime=Regime(
            setup={
                "train_size": 700,
                "imbalance": 50,
                "network": {"kind": "mlp", "depth": 3, "width": 64},
                "epochs": 6,
            }
        ),
        rules=(
            Rule(
                kind="hint",
                title="Class balance has nothing to balance",
                reason="All classes are about equally large here. Turn up the imbalance to see "
                "what it does.",
                when=lambda own, other, facts: {} if facts.imbalance == 1 else None,
            ),
        ),
    )
    slot = Slot.SAMPLER

    def sampler(self, split: Split, rng: Generator) -> Tensor:
        y = split.labels
        weights = balance_weights(y.cpu())
        return weights.multinomial(len(weights), replacement=True, generator=rng)
