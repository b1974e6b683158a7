"""Random resized crop: a part of the image, brought to the size of the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def resized_crop(x: Tensor, center: Tensor, size: Tensor) -> Tensor:
    """The part around ``center`` of extent ``size``, both (N, 2) as (x, y), over the whole image.

    Both are parts of the image, the center from its middle: (0, 0) and (1, 1) is the image itself.
    """
    from torch import diag_embed, tensor

    from tricks.layers.images import warp

    height, width = x.shape[-2:]
    shift = center * tensor([width, height])
    matrices = diag_embed(size).float()
    return warp(x, matrices_with(matrices, shift), 0.0, edge="border")


def matrices_with(linear: Tensor, shift: Tensor) -> Tensor:
    """(N, 2, 3) from (N, 2, 2) and (N, 2)."""
    from torch import cat

    return cat([linear, shift[:, :, None].to(linear)], -1)


@dataclass(kw_only=True)
class RandomResizedCrop(Trick):
    card = Card(
        title="Random resized crop",
        title_zh="随机缩放裁剪",
        claim="Seeing parts at many sizes makes a network independent of size and place.",
        claimed_by="Szegedy et al. 2014; Wei Xiu-Shen's notes",
        when="Photographs, where an object fills more or less of the picture.",
        watch_out="A part of a digit can be another digit (the upper half of a 9 is a 0), and test "
        "images are shown whole. ImageNet's least area of 0.08 leaves 2 pixels of a small image.",
        formula=r"x' = \mathrm{resize}(x[\text{box}]), \quad "
        r"\text{area} \sim \mathcal{U}(s, 1), \quad \ln \text{ratio} \sim "
        r"\mathcal{U}(-\ln r, \ln r)",
        paper=Paper(
            authors="Szegedy et al.",
            year=2014,
            title="Going deeper with convolutions",
            arxiv="1409.4842",
        ),
        cost="little: one resampling for each image",
        zh=Chinese(
            claim="看到各种大小的局部,网络就不再依赖物体的大小和位置。",
            when="照片:物体在画面中所占的比例不固定。",
            watch_out="数字的一部分可能像另一个数字(9 的上半部像 0),而测试图像是完整的。"
            "ImageNet 的最小面积 0.08 对小图像只剩 2 个像素。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}, knobs={"scale": 0.6}),
    )
    order = -10
    scale: float = knob(
        0.4, low=0.08, high=1.0, neutral=1.0, symbol="s",
        help="the least area of the part; 1 with ratio 1 is the whole image",
    )  # fmt: skip
    ratio: float = knob(
        4 / 3, low=1.0, high=3.0, neutral=1.0, symbol="r",
        help="how much wider than high, or higher than wide, the part may be",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        if self.scale == 1 and self.ratio == 1:
            return x, y
        count = x.shape[-4]
        area = self.scale + (1 - self.scale) * torch.rand(count, generator=rng)
        stretch = (math.log(self.ratio) * (2 * torch.rand(count, generator=rng) - 1)).exp()
        size = torch.stack([(area * stretch).sqrt(), (area / stretch).sqrt()], -1).clamp_max(1)
        center = (torch.rand(count, 2, generator=rng) - 0.5) * (1 - size)
        return resized_crop(x, center, size), y
