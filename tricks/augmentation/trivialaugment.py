"""TrivialAugment: one operation, one strength, both drawn at random, for each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(kw_only=True)
class Trivialaugment(Trick):
    card = Card(
        title="TrivialAugment",
        title_zh="平凡增强",
        claim="One random operation of random strength is as good as a tuned policy.",
        claimed_by="Müller and Hutter 2021",
        when="Long training on color photographs, with no time to tune.",
        watch_out="Its widest shift is 32 pixels whatever the size: a digit of 8 x 8 is then gone, "
        "and its label stays. It runs on the processor, one image after the other, and rounds to "
        "256 levels.",
        formula=r"x' = o(x, m), \quad o \sim \text{the list},\; "
        r"m \sim \mathcal{U}\{0, \ldots, 30\}",
        paper=Paper(
            authors="Müller and Hutter",
            year=2021,
            title="TrivialAugment: Tuning-free yet state-of-the-art data augmentation",
            arxiv="2103.10158",
        ),
        cost="some tenths of a millisecond for each image, on the processor",
        zh=Chinese(
            claim="一种随机操作加随机强度,就和精心调好的策略一样好。",
            when="彩色照片的长时间训练,没有时间调参。",
            watch_out="不论图像多大,最大平移都是 32 像素:8 x 8 的数字会被移没,标签却还在。"
            "它在处理器上逐张运行,并取整到 256 级。",
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
        return by_library(x, pixels_of(self), v2.TrivialAugmentWide(), rng, self.p), y
