"""Class balance: every class is read equally often, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Paper, Rule, Slot, Trick

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
        weights = balance_weights(split.y.cpu())
        return weights.multinomial(len(weights), replacement=True, generator=rng)
