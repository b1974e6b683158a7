"""Distillation: a small network learns from a large one's soft answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import NetworkSpec


def distillation(
    logits: Tensor, y: Tensor, teacher: Tensor, temperature: float, alpha: float
) -> Tensor:
    """``(1 - a) CE(y) + a T^2 KL(teacher || student)``, both softened by T; (..., N).

    ``logits`` and ``teacher`` are (..., N, C) logits, ``y`` (..., N, C) probabilities. Hinton et
    al. 2015, section 2.
    """
    hard = -(y * logits.log_softmax(-1)).sum(-1)
    log_p = (logits / temperature).log_softmax(-1)
    log_t = (teacher / temperature).log_softmax(-1)
    soft = (log_t.exp() * (log_t - log_p)).sum(-1)
    return (1 - alpha) * hard + alpha * temperature**2 * soft


@dataclass(kw_only=True)
class Distillation(Trick):
    card = Card(
        title="Distillation",
        title_zh="知识蒸馏",
        claim="A small network learns more from a large one's answers than from the labels.",
        claimed_by="the thread; Hinton et al. 2015",
        when="A network far too small for the task, little data, wrong labels: 12 units a layer "
        "and 150 images.",
        watch_out="The teacher's training is extra work that the other arms do not get. A student "
        "that is large enough by itself gains little.",
        formula=r"L = (1 - a)\, \mathrm{CE} + a\, T^2\, \mathrm{KL}\bigl(p_T^{\text{teacher}} "
        r"\,\Vert\, p_T^{\text{student}}\bigr)",
        paper=Paper(
            authors="Hinton, Vinyals and Dean",
            year=2015,
            title="Distilling the knowledge in a neural network",
            arxiv="1503.02531",
        ),
        cost="training the teacher first, and its forward pass in every step",
        thread="teaching",
        zh=Chinese(
            claim="小网络从大网络的回答里学到的，比从标签里学到的更多。",
            when="网络对任务来说太小、数据少、标签有错：每层 12 个单元、150 张图。",
            watch_out="训练教师是别的组没有的额外计算。学生本身足够大时，收益很小。",
        ),
        regime=Regime(
            setup={
                "train_size": 150,
                "network": {"kind": "mlp", "depth": 3, "width": 12},
                "epochs": 200,
                "lr": 0.03,
            },
            knobs={"widening": 16, "epochs": 100},
        ),
        rules=(
            Rule(
                kind="hint",
                title="Distillation and Mixup ask both networks the same question",
                reason="The teacher answers for the mixed image that the student sees, so its "
                "answer fits; the teacher itself was trained on images that were not mixed.",
                other="mixup",
                when=lambda own, other, facts: {} if own.alpha and other.alpha else None,
            ),
            Rule(
                kind="hint",
                title="Distillation leaves Label smoothing little to do",
                reason="Only the share 1 − a = {rest:.2g} of the loss still comes from labels. The "
                "teacher here learns from labels that are not smoothed, so that its soft answers "
                "still say which classes are alike.",
                other="label_smoothing",
                when=lambda own, other, facts: (
                    {"rest": 1 - own.alpha} if own.alpha and other.epsilon else None
                ),
            ),
            Rule(
                kind="hint",
                title="The teacher is no larger than the student",
                reason="Both have a width of {width}: Distillation is about a large teacher and a "
                "small student.",
                when=lambda own, other, facts: (
                    {"width": facts.width} if own.alpha and own.widening == 1 else None
                ),
            ),
        ),
    )
    slot = Slot.LOSS
    order = 25  # behind all that changes the images: the teacher sees what the student sees
    stacks = False
    T: float = knob(
        4.0, low=1.0, high=20.0, log=True, symbol="T",
        help="temperature: how much the answers are softened before they are compared",
    )  # fmt: skip
    alpha: float = knob(
        0.9, low=0.0, high=1.0, neutral=0.0, symbol="a",
        help="weight of the teacher; 0 learns from the labels alone",
    )  # fmt: skip
    widening: int = knob(
        4, low=1, high=64, integer=True, log=True, symbol="teacher",
        help="how many times as wide as the student the teacher is",
    )  # fmt: skip
    epochs: int = knob(
        30, low=1, high=1000, integer=True, log=True, symbol="epochs", help="passes of the teacher"
    )
    student: int = field(init=False, default=1, repr=False, compare=False)
    teacher: Module | None = field(init=False, default=None, repr=False, compare=False)
    taught: Tensor | None = field(init=False, default=None, repr=False, compare=False)

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        self.student = spec.width  # it stays as it is; the teacher is measured by it
        return spec

    def begin(self, rng: Generator) -> None:
        if self.alpha:
            split, steps = self.tools.split, self.epochs * self.tools.epoch_steps
            width = self.widening * self.student
            self.teacher = self.tools.fit(split.x, split.y, rng, steps=steps, width=width)

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        from tricks.layers.answers import logits_of

        self.taught = None if self.teacher is None else logits_of(self.teacher, x)
        return x, y

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        if self.taught is None:
            return -(y * logits.log_softmax(-1)).sum(-1)
        return distillation(logits, y, self.taught, self.T, self.alpha)

    def loss_at(self, p: float) -> float:
        """The part of the labels alone, as it is without a teacher."""
        return -math.log(p)
