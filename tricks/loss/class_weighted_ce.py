"""Class weights: an example counts for more the rarer its class is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import RARE_CLASSES

if TYPE_CHECKING:
    from torch import Generator, Tensor


def class_weights(counts: Tensor, beta: float) -> Tensor:
    """One weight for each class, (C,), from how many examples each one has, (C,).

    Proportional to ``(1 - beta) / (1 - beta**n)``, the inverse of the effective number of examples
    (Cui et al. 2019, equation 2), and such that the mean over all examples is 1. ``beta=1`` is the
    limit ``N / (K n)``, ``beta=0`` weighs all alike.
    """
    n = counts.clamp_min(1).double()
    weights = 1 / n if beta == 1 else (1 - beta) / (1 - beta**n)
    weights = weights * counts.sum() / (weights * counts).sum()
    return weights.float()


def weighted_cross_entropy(logits: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """``-sum(weights * y * log p)`` of each example, (..., N), from (..., N, C) and (C,).

    That is ``torch.nn.CrossEntropyLoss(weight=weights, reduction="none")``.
    """
    return -(y * weights * logits.log_softmax(dim=-1)).sum(dim=-1)


@dataclass(kw_only=True)
class ClassWeightedCE(Trick):
    card = Card(
        title="Class weights",
        title_zh="类别加权交叉熵",
        claim="Weighing rare classes more makes up for how seldom they are seen.",
        claimed_by="Cui et al. 2019",
        when="Rare classes (turn up the imbalance of the setup).",
        watch_out="A rare example with a wrong label weighs as much as a right one. The step of a "
        "batch with a rare example is a large one. The mean is taken over examples, where "
        "PyTorch's layer divides by the sum of the batch's weights.",
        formula=r"L = -w_y \log p_y, \quad w_c \propto \frac{1 - \beta}{1 - \beta^{n_c}}",
        paper=Paper(
            authors="Cui et al.",
            year=2019,
            title="Class-balanced loss based on effective number of samples",
            arxiv="1901.05555",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="稀有类别权重更大，弥补出现次数少的不足。",
            when="有稀有类别的时候（调高设置里的不平衡度）。",
            watch_out="标签错了的稀有样本权重同样大。含有稀有样本的那一步会走得很大。"
            "这里按样本数取平均，PyTorch 的损失层则除以这一批的权重之和。",
        ),
        regime=Regime(setup=RARE_CLASSES, beside=("class_balance", "focal_loss")),
        rules=(
            Rule(
                kind="warning",
                title="Class weights and Class balance correct the same thing twice",
                reason="Rare classes are read more often and then weigh more as well, so they "
                "count for more than the common ones. Use one of the two.",
                other="class_balance",
                when=lambda own, other, facts: (
                    {}
                    if own.beta and facts.imbalance > 1 and other.values().get("power", 1)
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="Class weights have nothing to correct here",
                reason="With an imbalance of 1 the classes are about equally frequent, and all "
                "weights are close to 1.",
                when=lambda own, other, facts: {} if own.beta and facts.imbalance == 1 else None,
            ),
        ),
    )
    slot = Slot.LOSS
    beta: float = knob(
        0.999, low=0.0, high=1.0, neutral=0.0, symbol="β",
        help="0 weighs all classes alike, 1 by the inverse of how many examples they have",
    )  # fmt: skip
    weights: Tensor | None = field(init=False, default=None, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        # The split as it is after all tricks that clean or relabel it.
        self.weights = class_weights(self.tools.split.counts, self.beta)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        import torch

        weights = torch.ones_like(y[..., :1, :]) if self.weights is None else self.weights
        return weighted_cross_entropy(logits, y, weights)

    def loss_at(self, p: float) -> float:
        """Of a class whose weight is 1."""
        return -math.log(p)
