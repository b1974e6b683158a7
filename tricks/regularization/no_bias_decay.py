"""No bias decay: weight decay for the weights only, not for biases and norm layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob
from tricks.rules import decays_twice

if TYPE_CHECKING:
    from torch.nn import Module


def doubled(title: str, trick: str) -> Rule:
    return decays_twice(
        f"No bias decay and {title}",
        trick,
        f"Each shrinks them at every step, and {title} shrinks the biases that this one leaves "
        "out. Use one of the two.",
    )


@dataclass(kw_only=True)
class NoBiasDecay(Trick):
    card = Card(
        title="No bias decay",
        title_zh="偏置不衰减",
        claim="Weight decay should leave biases and the scales of norm layers alone.",
        claimed_by="He et al. 2018, bag of tricks",
        when="Weight decay together with norm layers, large batches.",
        watch_out="Compare it with decoupled weight decay at the same λ: the decay itself does "
        "more than leaving the biases out of it. On networks this small the difference between "
        "the two is hard to see.",
        formula=r"W \leftarrow (1 - \eta\lambda)\,W, \quad b, \gamma, \beta \text{ unchanged}",
        paper=Paper(
            authors="He et al.",
            year=2018,
            title="Bag of tricks for image classification with convolutional neural networks",
            arxiv="1812.01187",
        ),
        cost="1.02 times the time of a step",
        zh=Chinese(
            claim="权重衰减不应该动偏置和归一化层的缩放。",
            when="权重衰减与归一化层同用、批量较大的时候。",
            watch_out="请和同样 λ 的解耦权重衰减比：衰减本身的作用，大于放过偏置的作用。在这样小的"
            "网络上，两者的差别很难看出来。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.2, "epochs": 60, "lr": 0.1},
            knobs={"weight_decay": 0.01},
            beside=("decoupled_weight_decay",),
            baseline=("batch_norm",),
            metric="test_loss",
        ),
        rules=(
            doubled("L2 regularization", "weight_decay_l2"),
            doubled("AdamW", "adamw"),
        ),
    )
    weight_decay: float = knob(
        1e-4, low=0.0, high=0.1, neutral=0.0, symbol="λ",
        help="how fast weights of two and more dimensions shrink, as a share of the rate",
    )  # fmt: skip

    def after_step(self, network: Module, step: int) -> None:
        import torch

        weights = [one.data for one in network.parameters() if one.requires_grad and one.dim() > 1]
        if not weights:  # everything is frozen
            return
        rate = self.tools.optimizer.param_groups[0]["lr"]
        with torch.no_grad():
            torch._foreach_mul_(weights, 1 - rate * self.weight_decay)
