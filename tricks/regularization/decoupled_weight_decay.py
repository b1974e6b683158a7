"""Decoupled weight decay: after every step all weights shrink by the same share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob
from tricks.rules import decay_under_batch_norm, decays_twice

if TYPE_CHECKING:
    from torch.nn import Module


def doubled(title: str, trick: str) -> Rule:
    return decays_twice(
        f"Decoupled weight decay and {title}",
        trick,
        "Each shrinks them at every step, so together they act like one with the sum of both λ. "
        "Use one of the two.",
    )


@dataclass(kw_only=True)
class DecoupledWeightDecay(Trick):
    card = Card(
        title="Decoupled weight decay",
        title_zh="解耦权重衰减",
        claim="Weights decay beside the gradient, so any optimizer decays them evenly.",
        claimed_by="Loshchilov and Hutter 2017",
        when="Optimizers with a rate for every weight, which would divide L2 away.",
        watch_out="With plain SGD it is L2. Biases decay too. The weights shrink after the step, "
        "not before it as in AdamW: a difference of λη of the step. It shows in the size of the "
        "weights before it shows in accuracy.",
        formula=r"\theta \leftarrow (1 - \eta\lambda)\,\theta",
        paper=Paper(
            authors="Loshchilov and Hutter",
            year=2017,
            title="Decoupled weight decay regularization",
            arxiv="1711.05101",
        ),
        cost="1.02 times the time of a step",
        zh=Chinese(
            claim="权重衰减不经过梯度，用哪种优化器都均匀衰减。",
            when="每个权重各有学习率的优化器：L2 在那里会被除掉。",
            watch_out="用普通 SGD 时它就等于 L2。偏置也一起衰减。这里在一步之后收缩，AdamW "
            "在一步之前，相差这一步的 λη 倍。先在权重大小上看到，后在准确率上看到。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.3, "epochs": 120},
            knobs={"weight_decay": 0.03},
        ),
        rules=(
            doubled("L2 regularization", "weight_decay_l2"),
            doubled("No bias decay", "no_bias_decay"),
            doubled("AdamW", "adamw"),
            Rule(
                kind="hint",
                title="Decoupled weight decay shrinks at every batch of Gradient accumulation",
                reason="The weights take a step after {k} batches and shrink after each one, so "
                "they decay {k} times as fast against the gradient. L2 regularization keeps step.",
                other="grad_accum",
                when=lambda own, other, facts: (
                    {"k": other.k} if own.weight_decay and other.k > 1 else None
                ),
            ),
            decay_under_batch_norm("Decoupled weight decay"),
        ),
    )
    weight_decay: float = knob(
        1e-4, low=0.0, high=0.1, neutral=0.0, symbol="λ",
        help="how fast weights shrink, as a share of the rate",
    )  # fmt: skip

    def after_step(self, network: Module, step: int) -> None:
        import torch

        weights = [one.data for one in network.parameters() if one.requires_grad]
        if not weights:  # everything is frozen
            return
        rate = self.tools.optimizer.param_groups[0]["lr"]
        with torch.no_grad():
            torch._foreach_mul_(weights, 1 - rate * self.weight_decay)
