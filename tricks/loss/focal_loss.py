"""Focal loss: let the examples the network already gets right count for less."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Facts, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import RARE_CLASSES

if TYPE_CHECKING:
    from torch import Tensor


def focal_loss(logits: Tensor, y: Tensor, gamma: float) -> Tensor:
    """``-sum(y * (1 - p)**gamma * log p)`` of each example, shape (..., N).

    ``logits`` and ``y`` are (..., N, C); rows of ``y`` are probabilities and sum to 1. With
    ``gamma=0`` it is cross-entropy. Lin et al. 2017, equation 4, softmax form.
    """
    log_p = logits.log_softmax(dim=-1)
    # 1 - p without cancellation; the floor keeps the slope of the power finite below gamma 1.
    rest = (-log_p.expm1()).clamp_min(1e-12)
    return -(y * rest.pow(gamma) * log_p).sum(dim=-1)


def smoothed(own: FocalLoss, other: Trick, facts: Facts) -> dict[str, object] | None:
    """The share of a right answer's loss that the smoothed-in wrong classes have."""
    epsilon, gamma = other.values()["epsilon"], own.gamma
    if not epsilon or not gamma:
        return None
    low = epsilon / facts.classes
    high = 1 - epsilon + low
    right = -high * (1 - high) ** gamma * math.log(high)
    wrong = -(facts.classes - 1) * low * (1 - low) ** gamma * math.log(low)
    return {"share": 100 * wrong / (right + wrong), "epsilon": epsilon, "gamma": gamma}


def mixed(own: FocalLoss, other: Trick, facts: Facts) -> dict[str, object] | None:
    """The answer with the lowest loss for an image that is 0.7 of one class, 0.3 of another."""
    if not other.values()["alpha"] or not own.gamma:
        return None

    def part(share: float, p: float) -> float:
        return -share * math.pow(1 - p, own.gamma) * math.log(p)

    answers = (i / 1000 for i in range(1, 1000))
    best = min(answers, key=lambda p: part(0.7, p) + part(0.3, 1 - p))
    return {"best": best, "gamma": own.gamma}


@dataclass(kw_only=True)
class FocalLoss(Trick):
    card = Card(
        title="Focal loss",
        title_zh="焦点损失",
        claim="Looks more at hard examples, which helps when classes are unbalanced.",
        claimed_by="the thread; Lin et al. 2017",
        when="Rare classes, many easy examples (turn up the imbalance of the setup).",
        watch_out="Class weights and oversampling can help rare classes more. With wrong labels "
        "the hard examples are the wrong ones. The thread's snippet lacks α and the mean over the "
        "batch; p is the probability of the true class.",
        formula=r"L = -(1 - p_y)^\gamma \log p_y",
        paper=Paper(
            authors="Lin et al.",
            year=2017,
            title="Focal loss for dense object detection",
            arxiv="1708.02002",
        ),
        cost="nothing measurable",
        published="RetinaNet, table 1b, AP by γ: 0: 31.1, 0.5: 32.9, 1: 33.7, 2: 34.0, 5: 32.2.",
        thread="针对类别不平衡问题…更加关注困难样本",
        zh=Chinese(
            claim="更关注困难样本，在类别不平衡时有用。",
            when="有稀有类别、简单样本很多的时候（调高设置里的不平衡度）。",
            watch_out="对稀有类别，类别加权和过采样可能更有用。标签有错时，困难样本正是标错的样本。"
            "帖子里的代码没有 α，也没有对一批取平均；p 是真实类别的概率。",
        ),
        regime=Regime(setup=RARE_CLASSES, beside=("class_balance", "class_weighted_ce")),
        rules=(
            Rule(
                kind="warning",
                title="Focal loss and Label smoothing work against each other",
                reason="Smoothing with ε {epsilon:g} leaves probability on the wrong classes, and "
                "γ {gamma:g} hardly weakens them: they are {share:.1f} % of the loss of a right "
                "answer, so easy examples stay hard. Use one of the two.",
                other="label_smoothing",
                when=smoothed,
            ),
            Rule(
                kind="warning",
                title="Focal loss does not ask for Mixup's labels",
                reason="For an image that is 0.70 of one class and 0.30 of another, focal loss "
                "with γ {gamma:g} is lowest at {best:.2f} instead of 0.70. Use one of the two.",
                other="mixup",
                when=mixed,
            ),
            Rule(
                kind="hint",
                title="Focal loss and Class balance correct the same thing twice",
                reason="Both give rare classes more weight. Give each an arm of its own.",
                other="class_balance",
                when=lambda own, other, facts: {} if own.gamma else None,
            ),
        ),
    )
    slot = Slot.LOSS
    gamma: float = knob(
        2.0, low=0.0, high=5.0, neutral=0.0, symbol="γ",
        help="0 is cross-entropy; higher ignores easy examples more",
    )  # fmt: skip

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        return focal_loss(logits, y, self.gamma)

    def loss_at(self, p: float) -> float:
        return -math.pow(1 - p, self.gamma) * math.log(p)
