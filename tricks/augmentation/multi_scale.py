"""Multi-scale training: every few batches all images change their size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(kw_only=True)
class MultiScale(Trick):
    card = Card(
        title="Multi-scale training",
        title_zh="多尺度训练",
        claim="Training at random sizes makes one network serve images of many sizes.",
        claimed_by="Redmon and Farhadi 2016",
        when="Detection, or test images of several sizes.",
        watch_out="Test images here have one size, so it is a negative control: with 400 digits "
        "accuracy fell from 94 to 76 % (3 seeds, with batch norm, whose statistics change with the "
        "size). It needs global pooling.",
        formula=r"x' = \mathrm{resize}(x, \lfloor f H \rceil), \quad f \sim \mathcal{U}(1 - s, "
        r"1 + s) \text{ every } k \text{ batches}",
        paper=Paper(
            authors="Redmon and Farhadi",
            year=2016,
            title="YOLO9000: Better, faster, stronger",
            arxiv="1612.08242",
        ),
        cost="like the mean number of pixels: 4 % more at s 0.33",
        published="YOLOv4, table 4: detector AP 38.0 to 35.3 with dynamic mini-batches.",
        zh=Chinese(
            claim="用随机尺寸训练,一个网络就能处理多种尺寸的图像。",
            when="目标检测,或测试图像大小不一。",
            watch_out="这里的测试图像只有一种尺寸,所以它是反面对照:400 张数字时准确率从 94% 降到 7"
            "6%(3 个种子,带批归一化,批统计量会随尺寸变化)。需要全局池化。",
        ),
        regime=Regime(
            setup={
                "train_size": 400,
                "network": {"kind": "resnet", "depth": 3, "width": 8},
                "epochs": 10,
            },
            baseline=("batch_norm",),
        ),
    )
    kinds = ("resnet",)
    stacks = False  # each run has images of its own size
    order = 5
    scale: float = knob(
        0.33, low=0.0, high=0.6, neutral=0.0, symbol="s",
        help="how far the factor of the side may be from 1",
    )  # fmt: skip
    every: int = knob(
        10, low=1, high=100, symbol="k", integer=True, help="batches that have the same size"
    )
    seen: int = field(init=False, repr=False, compare=False, default=0)
    factor_now: float = field(init=False, repr=False, compare=False, default=1.0)

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch
        from torch.nn.functional import interpolate

        if self.scale == 0:
            return x, y
        if self.seen % self.every == 0:
            draw = 2 * float(torch.rand((), generator=rng)) - 1
            self.factor_now = 1 + self.scale * draw
        self.seen += 1
        sides = [max(1, round(self.factor_now * side)) for side in x.shape[-2:]]
        flat = x.reshape(-1, *x.shape[-3:])
        sized = interpolate(flat, size=sides, mode="bilinear", antialias=True)
        return sized.reshape(*x.shape[:-2], *sides), y
