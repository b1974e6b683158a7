"""Self-distillation: a network is born again and learns from its former self."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module


def between(y: Tensor, teacher: Tensor, alpha: float) -> Tensor:
    """``(1 - a) y + a softmax(teacher)``: labels (..., N, C) and the teacher's logits.

    Its cross-entropy is that of the labels and of the teacher, weighed the same way.
    """
    return y.lerp(teacher.softmax(-1), alpha)


@dataclass(kw_only=True)
class SelfDistillation(Trick):
    card = Card(
        title="Self-distillation",
        title_zh="自蒸馏",
        claim="A network that learns from an equal trained before it becomes better than it.",
        claimed_by="Furlanello et al. 2018",
        when="Wrong labels: a teacher that stopped early has not learned them by heart.",
        watch_out="The teacher's training is extra work that the other arms do not get, and a "
        "longer training or a vote of both networks may gain as much.",
        formula=r"\tilde t = (1 - a)\, t + a\, p^{\text{teacher}}(x)",
        paper=Paper(
            authors="Furlanello et al.",
            year=2018,
            title="Born-again neural networks",
            arxiv="1805.04770",
        ),
        cost="training each teacher first, and one forward pass in every step",
        zh=Chinese(
            claim="向先训练好的同款网络学习，会比它更好。",
            when="标签有错时：早早停下的教师还没有把错误背下来。",
            watch_out="训练教师是别的组没有的额外计算；多训练一会儿，或让两个网络投票，也许收益相"
            "同。",
        ),
        regime=Regime(setup={"train_size": 600, "label_noise": 0.3, "epochs": 60}),
        rules=(
            Rule(
                kind="hint",
                title="Self-distillation and Label smoothing both soften the labels",
                reason="The teacher's answer replaces {share:.0%} of the smoothed label. To see "
                "what one of them does, give each an arm of its own.",
                other="label_smoothing",
                when=lambda own, other, facts: (
                    {"share": own.alpha} if own.alpha and other.epsilon else None
                ),
            ),
        ),
    )
    order = 25  # behind all that changes the images: the teacher sees what the student sees
    stacks = False
    alpha: float = knob(
        0.5, low=0.0, high=1.0, neutral=0.0, symbol="a",
        help="weight of the teacher's answer; 0 learns from the labels alone",
    )  # fmt: skip
    epochs: int = knob(
        10, low=1, high=1000, integer=True, log=True, symbol="epochs", help="passes of each teacher"
    )
    generations: int = knob(
        1, low=1, high=5, integer=True, symbol="generations",
        help="teachers in a row, each of which learns from the one before",
    )  # fmt: skip
    teacher: Module | None = field(init=False, default=None, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        import torch

        from tricks.layers.answers import logits_of

        if self.alpha == 0:
            return
        split, steps = self.tools.split, self.epochs * self.tools.epoch_steps
        hard = split.y
        if not hard.is_floating_point():
            hard = torch.nn.functional.one_hot(hard, split.classes).float()
        y = hard
        for _ in range(self.generations):
            self.teacher = self.tools.fit(split.x, y, rng, steps=steps)
            y = between(hard, logits_of(self.teacher, split.x), self.alpha)

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        from tricks.layers.answers import logits_of

        if self.teacher is None:
            return x, y
        return x, between(y, logits_of(self.teacher, x), self.alpha)
