"""Warm-up: the rate rises from almost nothing over the first steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob


def warmup(step: int, steps: int, fraction: float) -> float:
    """``(step + 1) / W`` until it is 1, with ``W = ceil(fraction * steps)``; steps from 0."""
    length = math.ceil(fraction * steps)
    return min(1.0, (step + 1) / length) if length else 1.0


@dataclass(kw_only=True)
class Warmup(Trick):
    card = Card(
        title="Warm-up",
        title_zh="学习率预热",
        claim="Starting slowly makes high learning rates and large batches safe.",
        claimed_by="Goyal et al. 2017",
        when="Large batches, high rates, adaptive optimizers. It multiplies any schedule.",
        watch_out="It does not rescue a network whose rate is too high for its depth: there it "
        "only puts the failure off. In short runs it mostly costs steps.",
        formula=r"\eta_t = \eta \cdot \min\left(1, \frac{t}{W}\right)",
        paper=Paper(
            authors="Goyal et al.",
            year=2017,
            title="Accurate, large minibatch SGD: Training ImageNet in 1 hour",
            arxiv="1706.02677",
        ),
        cost="nothing",
        zh=Chinese(
            claim="慢慢起步，让高学习率和大批次变得安全。",
            when="大批次、高学习率、自适应优化器。它可以与任何调度相乘。",
            watch_out="学习率对网络深度来说太高时，它救不了，只是推迟失败。训练很短时，它主要是浪"
            "费步数。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "mlp", "depth": 8, "width": 128},
                "epochs": 4,
                "lr": 0.2,
            }
        ),
        rules=(
            Rule(
                kind="warning",
                title="Warm-up dominates a run of {steps} steps",
                reason="{length} of them go to the warm-up, and the others hardly make up for it. "
                "Give the run more than 100 steps.",
                when=lambda own, other, facts: (
                    {"steps": facts.steps, "length": math.ceil(own.fraction * facts.steps)}
                    if facts.steps is not None and facts.steps <= 100 and own.fraction > 0
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="One cycle has a warm-up of its own",
                reason="It starts at 1/25 of its peak, so Warm-up makes the start slower twice.",
                other="one_cycle",
                when=lambda own, other, facts: {} if own.fraction > 0 else None,
            ),
        ),
    )
    fraction: float = knob(
        0.1, low=0.0, high=0.5, neutral=0.0, symbol="W", help="share of the steps that it takes"
    )

    def factor(self, step: int, steps: int) -> float:
        return warmup(step, steps, self.fraction)
