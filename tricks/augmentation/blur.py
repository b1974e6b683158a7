"""Blur: each image is blurred, one more, one less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(kw_only=True)
class Blur(Trick):
    card = Card(
        title="Gaussian blur",
        title_zh="高斯模糊",
        claim="Blurred images make a network look at form instead of fine detail.",
        claimed_by="Bochkovskiy et al. 2020 tried it",
        when="Test images that are out of focus. Else it is a negative control.",
        watch_out="It hurt YOLOv4's classifier (theirs was a bilateral blur). In 8 x 8 pixels "
        "there is no fine detail to overlook; with 200 digits it made no difference (10 seeds).",
        formula=r"x' = G_\sigma * x, \quad \sigma \sim \mathcal{U}(0, \sigma_{\max})",
        paper=Paper(
            authors="Bochkovskiy et al.",
            year=2020,
            title="YOLOv4: Optimal speed and accuracy of object detection",
            arxiv="2004.10934",
        ),
        cost="little: two short convolutions for each image",
        published="YOLOv4, table 2: −0.4 points ImageNet top-1 (bilateral blur).",
        zh=Chinese(
            claim="模糊的图像让网络看形状而不是细节。",
            when="测试图像没有对好焦。否则它是反面对照。",
            watch_out="YOLOv4 的分类器因此变差(它用的是双边模糊)。8 x 8 像素里没有可忽略的"
            "细节;200 张数字时没有变化(10 个种子)。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}),
    )
    order = -8
    sigma: float = knob(
        1.0, low=0.0, high=3.0, neutral=0.0, symbol="σ",
        help="the largest deviation of the blur, in pixels",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        from tricks.layers.images import blurred, taps, uniform

        if self.sigma == 0:
            return x, y
        # A deviation of nothing would divide by nothing; this one leaves the image as it is.
        sigma = uniform(x, 0, self.sigma, rng).clamp_min(1e-2)
        return blurred(x, sigma, taps(self.sigma, min(x.shape[-2:]))), y
