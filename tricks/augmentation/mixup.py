"""Mixup: train on mixtures of two images and of their labels."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def mixup(values: Tensor, share: float, dim: int) -> Tensor:
    """``share`` of each example and the rest of its neighbor's; ``dim`` counts the examples.

    Batches are shuffled, so the neighbor is a random partner. Zhang et al. 2017, section 2.
    """
    return values.lerp(values.roll(1, dim), 1 - share)


@dataclass(kw_only=True)
class Mixup(Trick):
    card = Card(
        title="Mixup",
        title_zh="混合",
        claim="Mixed images with mixed labels make a network generalize better.",
        claimed_by="Zhang et al. 2017",
        when="Wrong labels, long training, networks that learn the training set by heart.",
        watch_out="No gain on small clean data. Accuracy on the mixed batches means nothing: "
        "look at the curves on clean images, as drawn here.",
        formula=r"\begin{aligned}\tilde x &= \lambda x_i + (1 - \lambda) x_j, \\ "
        r"\tilde t &= \lambda t_i + (1 - \lambda) t_j, \quad "
        r"\lambda \sim \mathrm{Beta}(\alpha, \alpha)\end{aligned}",
        paper=Paper(
            authors="Zhang et al.",
            year=2017,
            title="mixup: Beyond empirical risk minimization",
            arxiv="1710.09412",
        ),
        cost="nothing measurable",
        published="YOLOv4, table 2, CSPResNeXt-50 ImageNet top-1: 77.9 % to 77.2 %.",
        zh=Chinese(
            claim="把图像和标签一起混合,网络的泛化更好。",
            when="标签有错、训练很久、网络会把训练集背下来。",
            watch_out="在少而干净的数据上没有收益。混合批次上的准确率没有意义:请看这里画的干净图像上的"
            "曲线。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.3, "epochs": 60}, knobs={"alpha": 1.0}
        ),
        rules=(
            Rule(
                kind="hint",
                title="Mixup and Label smoothing partly do the same",
                reason="Both soften the labels. To see what one of them does, give each an arm "
                "of its own.",
                other="label_smoothing",
                when=lambda own, other, facts: {} if own.alpha and other.epsilon else None,
            ),
        ),
    )
    alternates = True
    alpha: float = knob(
        0.2, low=0.0, high=4.0, neutral=0.0, symbol="α",
        help="0 mixes nothing, 1 takes every share equally often",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        if self.alpha == 0:
            return x, y
        # Python draws Beta numbers from a seed; torch's Beta takes no generator.
        seed = int(torch.randint(2**62, (), generator=rng))
        share = random.Random(seed).betavariate(self.alpha, self.alpha)
        return mixup(x, share, dim=-4), mixup(y, share, dim=-2)
