"""Affine: turn, shift, scale and shear each image, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob
from tricks.rules import turned_digits

if TYPE_CHECKING:
    from torch import Generator, Tensor


def affine(
    x: Tensor,
    degrees: Tensor,
    shift: tuple[Tensor, Tensor],
    scale: Tensor,
    shear: Tensor,
    fill: Tensor | float,
) -> Tensor:
    """Images sheared, enlarged, turned clockwise and shifted by pixels; each number is (N,)."""
    from tricks.layers.images import inverse_affine, warp

    return warp(x, inverse_affine(degrees, scale=scale, shear=shear, shift=shift), fill)


@dataclass(kw_only=True)
class Affine(Trick):
    card = Card(
        title="Random affine",
        title_zh="随机仿射变换",
        claim="Turned, shifted, scaled and sheared copies stand in for missing data.",
        claimed_by="Simard et al. 2003; Wei Xiu-Shen's notes",
        when="Few images of handwriting or of things seen from changing angles.",
        watch_out="The four changes add up: on images of 8 x 8 pixels little is left of a thin "
        "stroke. Turn the knobs down one by one to see which of them helps.",
        formula=r"x'(u) = x\big((R_\theta S_f H_\phi)^{-1}(u - t)\big)",
        paper=Paper(
            authors="Simard et al.",
            year=2003,
            title="Best practices for convolutional neural networks applied to visual document "
            "analysis",
            where="ICDAR 2003",
        ),
        cost="little: one resampling for each image",
        zh=Chinese(
            claim="旋转、平移、缩放、剪切后的副本可以代替缺少的数据。",
            when="手写图像很少,或者物体从不同角度拍摄。",
            watch_out="四种变化会叠加:8 x 8 像素的图像上,细笔画所剩无几。把旋钮逐个调小,才知道哪一"
            "种有用。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}),
        rules=(turned_digits("Turning"),),
    )
    order = -10
    degrees: float = knob(
        15.0, low=0.0, high=180.0, neutral=0.0, symbol="d", help="the largest angle, either way"
    )
    translate: float = knob(
        0.1, low=0.0, high=0.5, neutral=0.0, symbol="t",
        help="the largest shift, as a part of the side",
    )  # fmt: skip
    scale: float = knob(
        0.1, low=0.0, high=0.8, neutral=0.0, symbol="s",
        help="how far the factor of size may be from 1",
    )  # fmt: skip
    shear: float = knob(
        10.0, low=0.0, high=60.0, neutral=0.0, symbol="φ", help="the largest slant, in degrees"
    )

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import black, pixels_of

        if not any((self.degrees, self.translate, self.scale, self.shear)):
            return x, y
        turn, across, down, size, slant = 2 * torch.rand(5, x.shape[-4], generator=rng) - 1
        height, width = x.shape[-2:]
        shift = self.translate * width * across, self.translate * height * down
        fill = black(pixels_of(self))
        return affine(
            x, self.degrees * turn, shift, 1 + self.scale * size, self.shear * slant, fill
        ), y
