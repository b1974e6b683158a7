"""AugMix: several chains of operations, mixed with one another and with the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(kw_only=True)
class Augmix(Trick):
    card = Card(
        title="AugMix",
        title_zh="增强混合",
        claim="Mixing several augmented copies makes a network robust to damaged images.",
        claimed_by="Hendrycks et al. 2019",
        when="Test images that are noisy, blurred or otherwise damaged.",
        watch_out="Without the paper's loss that keeps the answers for three copies alike, which "
        "is half of the method. Operations on colors are left out, as in the paper. It runs on the "
        "processor, one image after the other, and rounds to 256 levels.",
        formula=r"x' = m\,x + (1 - m) \sum_{k=1}^{w} w_k\, \mathrm{chain}_k(x), \quad "
        r"m \sim \mathrm{Beta}(1, 1),\; (w_k) \sim \mathrm{Dirichlet}(1)",
        paper=Paper(
            authors="Hendrycks et al.",
            year=2019,
            title="AugMix: A simple data processing method to improve robustness and uncertainty",
            arxiv="1912.02781",
        ),
        cost="about a millisecond for each image, on the processor",
        zh=Chinese(
            claim="把几份增强副本混合起来,网络对受损图像更稳健。",
            when="测试图像有噪声、模糊或其他损坏。",
            watch_out="没有论文里让三份副本答案一致的损失,而那是方法的一半。和论文一样不含颜色操作。"
            "它在处理器上逐张运行,并取整到 256 级。",
        ),
        regime=Regime(
            setup={"train_size": 200, "input_noise": 0.5, "epochs": 30},
            beside=("gaussian_noise",),
        ),
    )
    order = -10
    stacks = False
    severity: int = knob(
        3, low=1, high=10, symbol="s", integer=True, help="strength of the operations, of 10"
    )
    mixture_width: int = knob(
        3, low=1, high=6, symbol="w", integer=True, help="chains that are mixed"
    )
    p: float = knob(
        1.0, low=0.0, high=1.0, neutral=0.0, symbol="p", help="the share of images it is done to"
    )

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        from torchvision.transforms import v2

        from tricks.layers.images import by_library, pixels_of

        if self.p == 0:
            return x, y
        policy = v2.AugMix(
            severity=int(self.severity), mixture_width=int(self.mixture_width), all_ops=False
        )
        return by_library(x, pixels_of(self), policy, rng, self.p), y
