"""RHO-LOSS: learn from what is not learned yet and can be learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Split


def most_reducible(loss: Tensor, irreducible: Tensor, count: int) -> Tensor:
    """The ``count`` positions of the largest ``loss - irreducible`` (N,), in the batch's order.

    Mindermann et al. 2022, equation 3.
    """
    return (loss - irreducible).topk(count).indices.sort().values


@dataclass(kw_only=True)
class RhoLoss(Trick):
    card = Card(
        title="RHO-LOSS",
        title_zh="可约留出损失选择",
        claim="Train on points that are learnable, worth learning and not yet learned.",
        claimed_by="Mindermann et al. 2022",
        when="Many redundant examples and some wrong labels: a helper that never saw an example "
        "says how much of its loss can go away.",
        watch_out="The helper's part of the training set is lost to the network, and a helper of "
        "few examples judges badly: small data sets lose more than they gain.",
        formula=r"\arg\max_{(x, y) \in B} L(y \mid x; \theta) - L(y \mid x; \theta_{\text{held "
        r"out}})",
        paper=Paper(
            authors="Mindermann et al.",
            year=2022,
            title="Prioritized training on points that are learnable, worth learning, and not yet "
            "learnt",
            arxiv="2206.07137",
        ),
        cost="a helper network before training, two more forward passes a step",
        zh=Chinese(
            claim="只训练那些学得会、值得学、还没学会的样本。",
            when="样本很多是重复的，还有一些标签是错的：由没见过该样本的辅助网络判断损失能不能降下"
            "来。",
            watch_out="辅助网络占用的那部分训练集，主网络就用不上了；样本太少时它也判断不准，"
            "小数据集得不偿失。",
        ),
        regime=Regime(setup={"label_noise": 0.2, "epochs": 30}),
        rules=(
            Rule(
                kind="warning",
                title="The helper of RHO-LOSS has few examples to learn from",
                reason="It is trained on {count} of them, fewer than 10 of each class.",
                when=lambda own, other, facts: (
                    {"count": round(own.holdout * facts.train_size)}
                    if own.keep < 1 and own.holdout * facts.train_size < 10 * facts.classes
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="RHO-LOSS and Selective backprop choose one after the other",
                reason="Each leaves out a part of the batch, and little of it remains. To compare "
                "them, give each an arm of its own.",
                other="selective_backprop",
                when=lambda own, other, facts: {} if own.keep < 1 and other.beta else None,
            ),
        ),
    )
    order = 29
    stacks = False
    keep: float = knob(
        0.5, low=0.05, high=1.0, neutral=1.0, symbol="keep", help="share of each batch that is used"
    )
    holdout: float = knob(
        0.2, low=0.05, high=0.8, symbol="holdout",
        help="share of the training set that only the helper sees",
    )  # fmt: skip
    epochs: int = knob(
        20, low=1, high=200, integer=True, log=True, symbol="epochs", help="passes of the helper"
    )
    helper: Module | None = field(init=False, default=None, repr=False, compare=False)

    def dataset(self, split: Split, rng: Generator) -> Split:
        import torch

        from tricks.layers.answers import steps_of

        if self.keep == 1:
            return split
        order = torch.randperm(len(split.y), generator=rng).to(split.x.device)
        count = max(1, round(self.holdout * len(order)))
        held, rest = split.subset(order[:count]), split.subset(order[count:].sort().values)
        steps = steps_of(self.epochs, count, self.tools.batch_size)
        self.helper = self.tools.fit(held.x, held.y, rng, steps=steps)
        return rest

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        from tricks.layers.answers import losses_of

        if self.helper is None:
            return x, y
        loss, irreducible = losses_of(self.tools.network, x, y), losses_of(self.helper, x, y)
        best = most_reducible(loss, irreducible, max(1, round(self.keep * len(loss))))
        return x[best], y[best]
