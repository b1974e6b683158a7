"""AutoAugment: pairs of operations that a search found to help on another data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(kw_only=True)
class Autoaugment(Trick):
    card = Card(
        title="AutoAugment",
        title_zh="自动增强",
        claim="A searched policy of augmentations beats one made by hand.",
        claimed_by="Cubuk et al. 2018",
        when="Long training on data like those the policy was searched on.",
        watch_out="The search is not part of it: color images get the policy found for CIFAR-10, "
        "gray ones that for street numbers, which inverts colors often. It runs on the processor, "
        "one image after the other, and rounds to 256 levels.",
        formula=r"x' = o_2(o_1(x)), \quad (o_1, o_2) \sim \text{25 pairs with their own } p, m",
        paper=Paper(
            authors="Cubuk et al.",
            year=2018,
            title="AutoAugment: Learning augmentation policies from data",
            arxiv="1805.09501",
        ),
        cost="some tenths of a millisecond for each image, on the processor",
        zh=Chinese(
            claim="搜索得到的增强策略胜过手工设计。",
            when="数据与搜索策略时所用的数据相近,训练时间长。",
            watch_out="这里不做搜索:彩色图像用 CIFAR-10 的策略,灰度图像用门牌号的策略,"
            "后者经常反色。它在处理器上逐张运行,并取整到 256 级。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}, beside=("randaugment",)),
    )
    order = -10
    stacks = False
    p: float = knob(
        1.0, low=0.0, high=1.0, neutral=0.0, symbol="p", help="the share of images it is done to"
    )

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        from torchvision.transforms import v2

        from tricks.layers.images import by_library, pixels_of

        if self.p == 0:
            return x, y
        kinds = v2.AutoAugmentPolicy
        policy = v2.AutoAugment(kinds.SVHN if x.shape[-3] == 1 else kinds.CIFAR10)
        return by_library(x, pixels_of(self), policy, rng, self.p), y
