"""HSV power: saturation and value are raised to a power, scaled and shifted, and hue is turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob
from tricks.places import COLORED_SHAPES
from tricks.rules import no_colors

if TYPE_CHECKING:
    from torch import Generator, Tensor


def hsv_power(x: Tensor, power: Tensor, factor: Tensor, plus: Tensor, hue: Tensor) -> Tensor:
    """RGB images of brightness 0 to 1 with ``factor * v**power + plus`` for saturation and value.

    The numbers are (N, 2, 1, 1), one for saturation and one for value; ``hue`` is (N, 1, 1, 1).
    """
    from torch import cat

    from tricks.layers.images import hsv_to_rgb, rgb_to_hsv

    hsv = rgb_to_hsv(x)
    turned = (hsv[..., :1, :, :] + hue) % 1
    rest = (factor * hsv[..., 1:, :, :].pow(power) + plus).clamp(0, 1)
    return hsv_to_rgb(cat([turned, rest], -3))


@dataclass(kw_only=True)
class HsvPower(Trick):
    card = Card(
        title="HSV power jitter",
        title_zh="HSV 幂次抖动",
        claim="Strong changes of saturation, brightness and hue multiply few color images.",
        claimed_by="Wei Xiu-Shen's notes",
        when="Few color photographs whose class does not depend on color.",
        watch_out="It is strong: a power of 4 makes most of an image black. A gray pixel can get "
        "a tint. Gray data sets have no colors to change.",
        formula=r"S, V \mapsto q\,v^{p} + r, \quad p \in [\tfrac14, 4],\; q \in [0.7, 1.4],\; "
        r"r \in [-0.1, 0.1]; \quad H \mapsto H + [-0.1, 0.1]",
        paper=Paper(
            authors="Wei",
            year=2015,
            title="Must know tips/tricks in deep neural networks",
            where="author's page",
        ),
        cost="little: some arithmetic on every pixel",
        zh=Chinese(
            claim="大幅改变饱和度、明度和色调,让少量彩色图像变多。",
            when="彩色照片很少,而且类别与颜色无关。",
            watch_out="变化很强:4 次幂会让大部分图像变黑;灰色像素可能带上颜色。灰度数据集没有颜色"
            "可改。",
        ),
        regime=Regime(setup=COLORED_SHAPES),
        rules=(no_colors("HSV power jitter"),),
    )
    order = -8
    learns = False  # 60 steps of images in color are too few, with and without it
    strength: float = knob(
        1.0, low=0.0, high=1.0, neutral=0.0, symbol="s",
        help="1 is the published range of all four numbers, 0 none of it",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import pixels_of, uniform

        if self.strength == 0:
            return x, y

        def two(low: float, high: float) -> Tensor:
            return torch.cat([uniform(x, low, high, rng) for _ in range(2)], 1)

        s, pixels = self.strength, pixels_of(self)
        # As many powers below 1 as above: even on a logarithmic scale.
        power, factor = 4 ** two(-s, s), two(0.7**s, 1.4**s)
        plus, hue = two(-0.1 * s, 0.1 * s), uniform(x, -0.1 * s, 0.1 * s, rng)
        return pixels.from_unit(hsv_power(pixels.to_unit(x), power, factor, plus, hue)), y
