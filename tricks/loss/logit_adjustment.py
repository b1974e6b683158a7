"""Logit adjustment: in training, frequent classes get a head start that testing takes away."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import RARE_CLASSES

if TYPE_CHECKING:
    from torch import Generator, Tensor


def log_priors(counts: Tensor) -> Tensor:
    """Logarithms of the classes' shares, (C,), from how many examples each has, (C,).

    A class without examples counts as one example.
    """
    return (counts.clamp_min(1).double() / counts.sum()).log().float()


def adjusted_cross_entropy(logits: Tensor, y: Tensor, shift: Tensor) -> Tensor:
    """The cross-entropy of ``logits + shift`` for each example, (..., N).

    ``logits`` and ``y`` are (..., N, C), ``shift`` is (C,): tau times the logarithm of the
    classes' shares. Menon et al. 2020, equation 10.
    """
    return -(y * (logits + shift).log_softmax(dim=-1)).sum(dim=-1)


@dataclass(kw_only=True)
class LogitAdjustment(Trick):
    card = Card(
        title="Logit adjustment",
        title_zh="对数几率校正",
        claim="Shifting logits by the classes' frequencies is optimal for balanced error.",
        claimed_by="Menon et al. 2020",
        when="Rare classes (turn up the imbalance of the setup), tests where all count alike.",
        watch_out="It is right only where the test set is balanced. The shares are counted from "
        "the labels of the training set, wrong ones included. The answers are no longer "
        "probabilities for the training set, but for a balanced one.",
        formula=r"L = -\log \mathrm{softmax}(z + \tau \log \pi)_y",
        paper=Paper(
            authors="Menon et al.",
            year=2020,
            title="Long-tail learning via logit adjustment",
            arxiv="2007.07314",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="按类别频率平移 logits，对均衡误差是最优的。",
            when="有稀有类别（调高设置里的不平衡度），而测试时各类同等重要。",
            watch_out="只有测试集均衡时才对。频率由训练标签数出，错标签也算在内。输出不再是训练集"
            "上的概率，而是均衡数据上的概率。",
        ),
        regime=Regime(setup=RARE_CLASSES, beside=("class_weighted_ce", "class_balance")),
        rules=(
            Rule(
                kind="warning",
                title="Logit adjustment and Class balance correct the same thing twice",
                reason="Once rare classes are read as often as common ones there is no prior left "
                "to correct, so the adjustment favors the rare ones. Use one of the two.",
                other="class_balance",
                when=lambda own, other, facts: (
                    {}
                    if own.tau and facts.imbalance > 1 and other.values().get("power", 1)
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="Logit adjustment has nothing to correct here",
                reason="With an imbalance of 1 the classes are about equally frequent, and all "
                "logits are shifted alike.",
                when=lambda own, other, facts: {} if own.tau and facts.imbalance == 1 else None,
            ),
        ),
    )
    slot = Slot.LOSS
    tau: float = knob(
        1.0, low=0.0, high=3.0, neutral=0.0, symbol="τ",
        help="how much of the classes' frequencies is taken out; 1 is all of it",
    )  # fmt: skip
    shift: Tensor | None = field(init=False, default=None, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        # The split as it is after all tricks that clean or relabel it.
        self.shift = self.tau * log_priors(self.tools.split.counts)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        import torch

        shift = torch.zeros_like(y[..., :1, :]) if self.shift is None else self.shift
        return adjusted_cross_entropy(logits, y, shift)

    def loss_at(self, p: float) -> float:
        """Without the shift, which depends on the class."""
        return -math.log(p)
