"""Mixup: train on mixtures of two images and of their labels."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Paper, Rule, Trick, knob

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
