"""Label smoothing: the target keeps a little probability for every class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Paper, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def label_smoothing(y: Tensor, epsilon: float) -> Tensor:
    """``(1 - epsilon) * y + epsilon / K`` of (..., K) probabilities. Szegedy et al., section 7."""
    return (1 - epsilon) * y + epsilon / y.shape[-1]


@dataclass(kw_only=True)
class LabelSmoothing(Trick):
    card = Card(
        title="Label smoothing",
        title_zh="标签平滑",
        claim="Targets a little short of certainty generalize better.",
        claimed_by="the thread; Szegedy et al. 2015",
        when="Wrong labels, or a network that is too sure of itself.",
        watch_out="It can hurt: YOLOv4's detector lost 5 points. It calibrates a network that is "
        "too sure and spoils one that is not. The optimized loss never falls to zero.",
        formula=r"t' = (1 - \epsilon)\,t + \frac{\epsilon}{K}",
        paper=Paper(
            authors="Szegedy et al.",
            year=2015,
            title="Rethinking the Inception architecture for computer vision",
            arxiv="1512.00567",
        ),
        cost="nothing",
        published="YOLOv4: +0.2 points ImageNet top-1 (table 2), but detector AP 38.0 to 33.0 "
        "(table 4). Müller et al. 2019: calibration error of ResNet-56 on CIFAR-100 .150 to .024 "
        "at ε 0.05.",
        thread="在均匀分布和 hard 标签之间应用加权平均值",
    )
    order = 10  # smooths what mixup mixed
    epsilon: float = knob(
        0.1, low=0.0, high=0.5, neutral=0.0, symbol="ε",
        help="probability that is spread over all classes",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        return x, label_smoothing(y, self.epsilon)
