"""RAdam: Adam that trusts its estimate of the gradient's size only once it has seen enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.rules import own_rate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Parameter
    from torch.optim import Optimizer


def rectification(step: int, beta: float = 0.999) -> float:
    """The factor on Adam's step at ``step`` (from 1); 0 where there is no estimate yet.

    Liu et al. 2019, algorithm 2.
    """
    longest = 2 / (1 - beta) - 1
    length = longest - 2 * step * beta**step / (1 - beta**step)
    if length <= 5:  # torch's threshold; the paper has 4
        return 0.0
    share = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return float(share**0.5)


@dataclass(kw_only=True)
class RAdam(Trick):
    card = Card(
        title="RAdam",
        title_zh="修正 Adam",
        claim="Adam's first steps are a gamble; rectified, it needs no warm-up.",
        claimed_by="Liu et al. 2019",
        when="Long runs where Adam needs a warm-up to get off the ground.",
        watch_out="It is a warm-up: after 100 steps its own are a fifth of Adam's, after 1,000 "
        "two thirds. In a short run it has hardly started, which says nothing against it.",
        formula=r"\theta \leftarrow \theta - \eta\,r_t\,\frac{\hat m}{\sqrt{\hat v} + \epsilon}, "
        r"\qquad r_t = \sqrt{\frac{(\rho_t-4)(\rho_t-2)\rho_\infty}"
        r"{(\rho_\infty-4)(\rho_\infty-2)\rho_t}}",
        paper=Paper(
            authors="Liu et al.",
            year=2019,
            title="On the variance of the adaptive learning rate and beyond",
            arxiv="1908.03265",
        ),
        cost="two more copies of the weights",
        zh=Chinese(
            claim="Adam 最初几步像在赌；修正后就不需要预热了。",
            when="Adam 需要预热才能起步的长训练。",
            watch_out="它本身就是一种预热：100 步后步长只有 Adam 的五分之一，1000 步后三分之二。"
            "短训练里它几乎还没开始，这并不说明它不好。",
        ),
        regime=Regime(setup={"epochs": 6}, beside=("adam",)),
        rules=(
            own_rate("RAdam"),
            Rule(
                kind="warning",
                title="RAdam hardly starts in {steps} steps",
                reason="At the last of them its step is {share:.0%} of Adam's. Give the run a few "
                "hundred steps, or take Adam.",
                when=lambda own, other, facts: (
                    {"steps": facts.steps, "share": rectification(facts.steps)}
                    if facts.steps is not None and rectification(facts.steps) < 0.3
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="RAdam has a warm-up of its own",
                reason="Its first steps are small by themselves, so Warm-up makes the start "
                "slower twice.",
                other="warmup",
                when=lambda own, other, facts: {} if other.fraction > 0 else None,
            ),
        ),
    )
    slot = Slot.OPTIMIZER
    learns = False  # its own warm-up lasts longer than 60 steps
    lr: float = knob(0.001, low=1e-6, high=1.0, log=True, symbol="η", help="its learning rate")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import RAdam

        return RAdam(list(params), lr=lr, foreach=True)
