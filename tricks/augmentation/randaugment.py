"""RandAugment: a few operations drawn from a list, all at one strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(kw_only=True)
class Randaugment(Trick):
    card = Card(
        title="RandAugment",
        title_zh="随机增强",
        claim="Two numbers, how many operations and how strong, replace a search for a policy.",
        claimed_by="Cubuk et al. 2019",
        when="Long training on color photographs.",
        watch_out="The list was made for photographs: half of its operations change colors and do "
        "little to a gray digit, the others move it far. It runs on the processor, one image after "
        "the other, and rounds to 256 levels.",
        formula=r"x' = o_n(\cdots o_1(x)), \quad o_i \sim \text{the list, at strength } m",
        paper=Paper(
            authors="Cubuk et al.",
            year=2019,
            title="RandAugment: Practical automated data augmentation with a reduced search space",
            arxiv="1909.13719",
        ),
        cost="some tenths of a millisecond for each image, on the processor",
        zh=Chinese(
            claim="只用两个数(几种操作、多强)就代替了策略搜索。",
            when="彩色照片的长时间训练。",
            watch_out="操作表是为照片设计的:一半改变颜色,对灰度数字几乎无效,其余移动得太远。"
            "它在处理器上逐张运行,并取整到 256 级。",
        ),
        regime=Regime(
            setup={"train_size": 200, "epochs": 30}, beside=("trivialaugment", "autoaugment")
        ),
    )
    order = -10
    stacks = False
    num_ops: int = knob(
        2, low=0, high=5, neutral=0, symbol="n", integer=True,
        help="operations one after the other for each image",
    )  # fmt: skip
    magnitude: int = knob(9, low=0, high=30, symbol="m", integer=True, help="their strength, of 30")

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        from torchvision.transforms import v2

        from tricks.layers.images import by_library, pixels_of

        if self.num_ops == 0:
            return x, y
        policy = v2.RandAugment(num_ops=int(self.num_ops), magnitude=int(self.magnitude))
        return by_library(x, pixels_of(self), policy, rng), y
