"""Confidence penalty: answers that are very sure cost something."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from torch import Tensor


def confidence_penalty(logits: Tensor, y: Tensor, beta: float) -> Tensor:
    """``CE - beta * H(p)`` of each example, shape (..., N).

    ``logits`` and ``y`` are (..., N, C); rows of ``y`` are probabilities and sum to 1; ``H`` is
    the entropy of the answer in nats. ``beta=0`` is cross-entropy. Pereyra et al. 2017, section 3.
    """
    log_p = logits.log_softmax(dim=-1)
    return -((y - beta * log_p.exp()) * log_p).sum(dim=-1)


@dataclass(kw_only=True)
class ConfidencePenalty(Trick):
    card = Card(
        title="Confidence penalty",
        title_zh="置信度惩罚",
        claim="Rewarding unsure answers keeps a network from being sure and wrong.",
        claimed_by="Pereyra et al. 2017",
        when="Wrong labels, or a network that is too sure of itself.",
        watch_out="A network that is not too sure gets worse calibrated. With 300 digits, 20 % of "
        "the labels wrong, no β from 0.1 to 0.5 gained accuracy (3 seeds). The loss can be below "
        "zero.",
        formula=r"L = -\log p_y - \beta H(p), \quad H(p) = -\sum_k p_k \log p_k",
        paper=Paper(
            authors="Pereyra et al.",
            year=2017,
            title="Regularizing neural networks by penalizing confident output distributions",
            arxiv="1701.06548",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="奖励不那么肯定的答案，网络就不会又肯定又错。",
            when="标签有错，或网络过于自信的时候。",
            watch_out="本来就不太自信的网络，校准会变差。300 张数字、20% 标签有错、3 个种子时，β "
            "从 0.1 到 0.5 都没有提高准确率。损失可以小于零。",
        ),
        regime=Regime(
            setup={"train_size": 300, "label_noise": 0.2, "epochs": 60, "lr": 0.1},
            beside=("label_smoothing",),
            metric="test_loss",
        ),
        rules=(
            Rule(
                kind="hint",
                title="Confidence penalty and Label smoothing ask for the same doubt",
                reason="Both keep the answers short of certainty, and together they ask for it "
                "twice. Give each an arm of its own.",
                other="label_smoothing",
                when=lambda own, other, facts: {} if own.beta and other.epsilon else None,
            ),
            Rule(
                kind="hint",
                title="Flooding's level means something else under Confidence penalty",
                reason="The entropy of the answers is taken off the loss, up to {most:.2f}, so a "
                "flood level of {level:g} acts earlier.",
                other="flooding",
                when=lambda own, other, facts: (
                    {"most": own.beta * math.log(facts.classes), "level": other.level}
                    if own.beta and other.level
                    else None
                ),
            ),
        ),
    )
    slot = Slot.LOSS
    beta: float = knob(
        0.1, low=0.0, high=2.0, neutral=0.0, symbol="β", help="what a nat of doubt is worth"
    )

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        return confidence_penalty(logits, y, self.beta)

    def loss_at(self, p: float) -> float:
        classes = 10  # as many as most of the data sets have
        rest = (1 - p) / (classes - 1)
        doubt = -p * math.log(p) - (classes - 1) * (rest * math.log(rest) if rest else 0.0)
        return -math.log(p) - self.beta * doubt
