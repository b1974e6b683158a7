"""Inverse square root: a warm-up, then the rate falls as one over the root of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


def inv_sqrt(step: int, steps: int, fraction: float) -> float:
    """``min(t / W, sqrt(W / t))`` with ``t = step + 1`` and ``W = ceil(fraction * steps)``.

    Vaswani et al. 2017, equation 3, divided by its peak.
    """
    t, warm = step + 1, math.ceil(fraction * steps)
    return min(t / warm, math.sqrt(warm / t))


@dataclass(kw_only=True)
class InvSqrt(Trick):
    card = Card(
        title="Inverse square root",
        title_zh="平方根倒数衰减",
        claim="A rate that never has to know where training ends.",
        claimed_by="Vaswani et al. 2017",
        when="Training whose length is open, adaptive optimizers, transformers.",
        watch_out="It ends far above zero: at a warm-up of 10 % it is still at a third of the "
        "peak. For a known budget cosine is usually better. The peak is the setup's rate here, "
        "not a function of the width.",
        formula=r"\eta_t = \eta_0 \min\left(\frac{t}{W},\ \sqrt{\frac{W}{t}}\right)",
        paper=Paper(
            authors="Vaswani et al.",
            year=2017,
            title="Attention is all you need",
            arxiv="1706.03762",
        ),
        cost="nothing",
        zh=Chinese(
            claim="不需要知道训练何时结束的学习率。",
            when="长度不定的训练、自适应优化器、Transformer。",
            watch_out="它结束时远高于零：预热占 10 % 时，最后仍有峰值的三分之一。预算已知时余弦"
            "通常更好。这里的峰值就是设置里的学习率，与宽度无关。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN, beside=("cosine",)),
        rules=(
            Rule(
                kind="hint",
                title="Inverse square root has a warm-up of its own",
                reason="It rises over the first {part:.0%} of the steps, so Warm-up makes the "
                "start slower twice.",
                other="warmup",
                when=lambda own, other, facts: (
                    {"part": own.fraction} if other.fraction > 0 else None
                ),
            ),
        ),
    )
    slot = Slot.SCHEDULE
    fraction: float = knob(
        0.1,
        low=0.001,
        high=0.5,
        log=True,
        symbol="W",
        help="share of the steps that the rise takes",
    )

    def factor(self, step: int, steps: int) -> float:
        return inv_sqrt(step, steps, self.fraction)
