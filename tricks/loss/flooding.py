"""Flooding: below a level the loss is climbed instead of descended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Facts, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Tensor


def flooding(loss: Tensor, level: float) -> Tensor:
    """``|J - b| + b`` of the mean loss of a batch. Ishida et al. 2020, equation 3."""
    return (loss - level).abs() + level


def smoothed_floor(epsilon: float, classes: int) -> float:
    """The least cross-entropy that smoothed labels allow: their entropy, in nats."""
    low = epsilon / classes
    high = 1 - epsilon + low
    return -high * math.log(high) - (classes - 1) * low * math.log(low)


def mixed_floor(alpha: float) -> float:
    """The mean entropy of a mix of two classes: ``digamma(2a + 1) - digamma(a + 1)``."""

    def digamma(x: float, h: float = 1e-4) -> float:
        return (math.lgamma(x + h) - math.lgamma(x - h)) / (2 * h)

    return digamma(2 * alpha + 1) - digamma(alpha + 1)


def below(own: Flooding, other: Trick, facts: Facts) -> dict[str, object] | None:
    """The floor that the softened labels of ``other`` give the loss, if the level is under it."""
    (knob,) = other.values().values()
    if not knob or not own.level:
        return None
    softens = other.id() == "label_smoothing"
    floor = smoothed_floor(knob, facts.classes) if softens else mixed_floor(knob)
    return {"knob": knob, "floor": floor, "level": own.level} if own.level < floor else None


@dataclass(kw_only=True)
class Flooding(Trick):
    card = Card(
        title="Flooding",
        title_zh="泛洪",
        claim="Climbing when the training loss is too low gives test loss a second descent.",
        claimed_by="the thread; Ishida et al. 2020",
        when="Wrong labels and so many epochs that the training loss goes to zero.",
        watch_out="It shows in the test loss, not reliably in accuracy: compare test loss. On "
        "clean data it hurts. Short runs never come down to the level.",
        formula=r"\tilde J = |J - b| + b",
        paper=Paper(
            authors="Ishida et al.",
            year=2020,
            title="Do we need zero training loss after achieving zero training error?",
            arxiv="2002.08709",
        ),
        cost="nothing",
        published="Figure 1 (c, d): the test loss descends a second time. No table was verified.",
        thread="当 training loss 低于阈值时，会反过来进行梯度上升",
        zh=Chinese(
            claim="训练损失太低时反过来上升，测试损失会第二次下降。",
            when="标签有错，而且轮数多到训练损失降到零的时候。",
            watch_out="效果在测试损失上，准确率上不可靠：请比较测试损失。数据干净时有害。训练短的"
            "话，损失根本降不到阈值。",
        ),
        regime=Regime(
            setup={"train_size": 300, "label_noise": 0.3, "epochs": 150},
            knobs={"level": 0.3},
            metric="test_loss",
        ),
        rules=(
            Rule(
                kind="warning",
                title="Flooding does nothing here",
                reason="Smoothing with ε {knob:g} keeps the loss above {floor:.2f}, so a flood "
                "level of {level:g} never acts. Raise b above {floor:.2f}.",
                other="label_smoothing",
                when=below,
            ),
            Rule(
                kind="warning",
                title="Flooding hardly acts here",
                reason="Mixing different classes with α {knob:g} keeps their mean loss above "
                "{floor:.2f}, so a flood level of {level:g} is hardly ever reached. Raise b "
                "above {floor:.2f}.",
                other="mixup",
                when=below,
            ),
            Rule(
                kind="hint",
                title="Flooding's level means something else under Focal loss",
                reason="At p = 0.5 focal loss is {focal:.2f} where cross-entropy is 0.69, so a "
                "flood level of {level:g} acts earlier.",
                other="focal_loss",
                when=lambda own, other, facts: (
                    {"focal": math.log(2) * 0.5**other.gamma, "level": own.level}
                    if own.level and other.gamma
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="Reduce on plateau lowers the rate before Flooding's second descent",
                reason="The held-out loss rises for many epochs before it falls again, which "
                "looks like a plateau, and at a low rate there is little of a second descent. "
                "Raise the patience, or use another schedule.",
                other="reduce_on_plateau",
                when=lambda own, other, facts: {} if own.level else None,
            ),
        ),
    )
    level: float = knob(
        0.1, low=0.0, high=2.0, neutral=0.0, symbol="b", help="the mean loss it is held at, in nats"
    )

    steps: int = field(init=False, default=0, repr=False, compare=False)
    turned: Tensor | None = field(init=False, default=None, repr=False, compare=False)

    def batch_loss(self, loss: Tensor) -> Tensor:
        below = (loss.detach() < self.level).sum()
        self.turned = below if self.turned is None else self.turned + below
        self.steps += loss.numel()
        return flooding(loss, self.level)

    def acted(self) -> Acted:
        times = 0 if self.turned is None else int(self.turned)
        return Acted(times, self.steps, f"steps with a loss below {self.level:g}")

    def loss_at(self, p: float) -> float:
        return abs(-math.log(p) - self.level) + self.level
