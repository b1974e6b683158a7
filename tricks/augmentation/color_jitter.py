"""Color jitter: brightness, contrast, saturation and hue change a little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob
from tricks.places import COLORED_SHAPES
from tricks.rules import no_colors

if TYPE_CHECKING:
    from torch import Generator, Tensor


def color_jitter(
    x: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor
) -> Tensor:
    """RGB images of brightness 0 to 1 with factors (N, 1, 1, 1) and a shift of hue, in this order.

    A factor of 1 and a shift of 0 change nothing; a shift of 1 goes once around the color circle.
    """
    from torch import cat

    from tricks.layers.images import hsv_to_rgb, rgb_to_hsv

    def gray(x: Tensor) -> Tensor:
        weights = x.new_tensor([0.2989, 0.587, 0.114])[:, None, None]
        return (weights * x).sum(-3, keepdim=True)

    x = (brightness * x).clamp(0, 1)
    x = gray(x).mean((-2, -1), keepdim=True).lerp(x, contrast).clamp(0, 1)
    x = gray(x).lerp(x, saturation).clamp(0, 1)
    hsv = rgb_to_hsv(x)
    turned = (hsv[..., :1, :, :] + hue) % 1
    return hsv_to_rgb(cat([turned, hsv[..., 1:, :, :]], -3))


@dataclass(kw_only=True)
class ColorJitter(Trick):
    card = Card(
        title="Color jitter",
        title_zh="颜色抖动",
        claim="Changed light and colors teach a network to look at form.",
        claimed_by="Wei Xiu-Shen's notes",
        when="Color photographs taken in different light.",
        watch_out="Where color tells the class it destroys what is to be learned. Hue turns a "
        "ripe tomato into an unripe one. Gray images have no colors to change.",
        formula=r"x' = \mathrm{hue}_h\big(\mathrm{sat}_s(\mathrm{contrast}_c(b\,x))\big), \quad "
        r"b, c, s \sim \mathcal{U}(1 \pm \delta)",
        paper=Paper(
            authors="Howard",
            year=2013,
            title="Some improvements on deep convolutional neural network based image "
            "classification",
            arxiv="1312.5402",
        ),
        cost="little: some arithmetic on every pixel",
        zh=Chinese(
            claim="改变光线和颜色,让网络去看形状。",
            when="在不同光线下拍摄的彩色照片。",
            watch_out="如果类别由颜色决定,它会毁掉要学的信息:色调一变,熟番茄就成了生番茄。灰度图像"
            "没有颜色可改。",
        ),
        regime=Regime(setup=COLORED_SHAPES),
        rules=(no_colors("Color jitter"),),
    )
    order = -8
    learns = False  # 60 steps of images in color are too few, with and without it
    brightness: float = knob(
        0.4, low=0.0, high=1.0, neutral=0.0, symbol="b", help="how far its factor may be from 1"
    )
    contrast: float = knob(
        0.4, low=0.0, high=1.0, neutral=0.0, symbol="c", help="how far its factor may be from 1"
    )
    saturation: float = knob(
        0.4, low=0.0, high=1.0, neutral=0.0, symbol="s", help="how far its factor may be from 1"
    )
    hue: float = knob(
        0.1, low=0.0, high=0.5, neutral=0.0, symbol="h",
        help="the largest turn of the color circle; 0.5 is the opposite color",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        from tricks.layers.images import pixels_of, uniform

        reach = self.brightness, self.contrast, self.saturation
        if not any((*reach, self.hue)):
            return x, y
        pixels = pixels_of(self)
        bright, contrast, color = (uniform(x, 1 - one, 1 + one, rng) for one in reach)
        hue = uniform(x, -self.hue, self.hue, rng)
        return pixels.from_unit(color_jitter(pixels.to_unit(x), bright, contrast, color, hue)), y
