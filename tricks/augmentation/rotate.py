"""Rotation: each image is turned by a few degrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob
from tricks.rules import turned_digits

if TYPE_CHECKING:
    from torch import Generator, Tensor


def rotate(x: Tensor, degrees: Tensor, fill: Tensor | float) -> Tensor:
    """Images turned counterclockwise around their middle by (N,) degrees; corners are ``fill``."""
    from tricks.layers.images import inverse_affine, warp

    return warp(x, inverse_affine(-degrees), fill)


@dataclass(kw_only=True)
class Rotate(Trick):
    card = Card(
        title="Rotation",
        title_zh="随机旋转",
        claim="Turned images teach a network that a little rotation does not matter.",
        claimed_by="Simard et al. 2003; Wei Xiu-Shen's notes",
        when="Few images of things that are photographed or written askew.",
        watch_out="A large angle changes labels: a 6 becomes a 9, a 1 a dash. On upright test "
        "images there is little to win. Corners that turn in are black.",
        formula=r"x'(u) = x(R_{\theta}^{-1} u), \quad \theta \sim \mathcal{U}(-d, d)",
        paper=Paper(
            authors="Simard et al.",
            year=2003,
            title="Best practices for convolutional neural networks applied to visual document "
            "analysis",
            where="ICDAR 2003",
        ),
        cost="little: one resampling for each image",
        zh=Chinese(
            claim="旋转后的图像让网络学会:稍微转一点并不重要。",
            when="图像很少,而且拍摄或书写时会歪斜。",
            watch_out="角度太大会改变类别:6 变成 9,1 变成横线。测试图像端正时收益很小。转进来的角"
            "落是黑色。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}),
        rules=(turned_digits("Rotation"),),
    )
    order = -10
    degrees: float = knob(
        15.0, low=0.0, high=180.0, neutral=0.0, symbol="d", help="the largest angle, either way"
    )

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import black, pixels_of

        if self.degrees == 0:
            return x, y
        degrees = self.degrees * (2 * torch.rand(x.shape[-4], generator=rng) - 1)
        return rotate(x, degrees, black(pixels_of(self))), y
