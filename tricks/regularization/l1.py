"""L1: the absolute size of the weights is part of the loss, which drives many of them to zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


def size(network: Module) -> Tensor:
    """``sum |w|`` over the weights of two and more dimensions, a scalar; no biases, no norms."""
    import torch

    weights = [one for one in network.parameters() if one.dim() > 1]
    return torch.stack([one.abs().sum() for one in weights]).sum()


@dataclass(kw_only=True)
class L1(Trick):
    card = Card(
        title="L1 regularization",
        title_zh="L1 正则",
        claim="Penalizing the absolute size of weights leaves only those that are needed.",
        claimed_by="the thread; Tibshirani 1996",
        when="When a sparse network is wanted, or few examples with many useless inputs.",
        watch_out="Gradient descent steps across zero instead of onto it, so weights become tiny, "
        "not exactly 0. Large λ stop learning: with 400 digits, 30 % of the labels wrong, 0.0003 "
        "lowered the test loss from 0.93 to 0.82, and 0.001 cost 10 points (3 seeds).",
        formula=r"J + \lambda \sum_i |w_i|",
        paper=Paper(
            authors="Tibshirani",
            year=1996,
            title="Regression shrinkage and selection via the lasso",
            where="Journal of the Royal Statistical Society B 58(1):267-288",
        ),
        cost="1.02 to 1.1 times the time of a step",
        thread="正则 l1/2",
        zh=Chinese(
            claim="惩罚权重的绝对值，只留下用得着的权重。",
            when="想要稀疏的网络，或样本少而无用输入多的时候。",
            watch_out="梯度下降会跨过零而不是停在零上，所以权重变得极小，但不是真正的 0。λ "
            "太大就学不动：400 张数字、30% 标签有错、3 个种子时，0.0003 使测试损失从 0.93 降到 "
            "0.82，而 0.001 损失了 10 个点的准确率。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.3, "epochs": 120},
            knobs={"l1": 3e-4},
            beside=("weight_decay_l2",),
            metric="test_loss",
        ),
        rules=(
            Rule(
                kind="hint",
                title="Flooding does not see L1 regularization",
                reason="The flood level of {level:g} is on the scale of the cross-entropy, so the "
                "penalty is added behind it, and the weights shrink on while the loss is held.",
                other="flooding",
                when=lambda own, other, facts: (
                    {"level": other.level} if own.l1 and other.level else None
                ),
            ),
        ),
    )
    l1: float = knob(
        1e-4, low=0.0, high=0.01, neutral=0.0, symbol="λ",
        help="the weight of the penalty; above 0.001 it hurts",
    )  # fmt: skip

    def penalty(self, network: Module) -> Tensor:
        return self.l1 * size(network)
