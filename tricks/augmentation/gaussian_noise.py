"""Gaussian noise: every pixel gets a random number added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(kw_only=True)
class GaussianNoise(Trick):
    card = Card(
        title="Gaussian noise",
        title_zh="高斯噪声",
        claim="Noise on the inputs smooths what the network learns.",
        claimed_by="Bishop 1995",
        when="Few images, or noisy ones at test time (turn up the input noise of the setup).",
        watch_out="A small amount acts like weight decay on the slope of the network; a large one "
        "hides the image. It is not clipped to black and white.",
        formula=r"x' = x + \sigma\,\varepsilon, \quad \varepsilon \sim \mathcal{N}(0, 1)",
        paper=Paper(
            authors="Bishop",
            year=1995,
            title="Training with noise is equivalent to Tikhonov regularization",
            where="Neural Computation 7(1)",
        ),
        cost="little: a random number for each pixel",
        zh=Chinese(
            claim="给输入加噪声,网络学到的函数会更平滑。",
            when="图像很少,或测试图像带噪声(把设置里的输入噪声调大)。",
            watch_out="少量噪声相当于对网络斜率的权重衰减,太多则盖住图像。结果不截断到黑白之间。",
        ),
        regime=Regime(
            setup={"train_size": 200, "input_noise": 0.5, "epochs": 30}, knobs={"sigma": 0.3}
        ),
    )
    order = -5
    sigma: float = knob(
        0.1, low=0.0, high=1.0, neutral=0.0, symbol="σ",
        help="its deviation, where black is 0 and white is 1",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import pixels_of

        if self.sigma == 0:
            return x, y
        noise = torch.randn(x.shape[-4:], generator=rng).to(x)
        return x + self.sigma / pixels_of(self).spread * noise, y
