"""Random scale: each image is enlarged or reduced a little around its middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def random_scale(x: Tensor, factors: Tensor, fill: Tensor | float) -> Tensor:
    """Images enlarged by (N,) factors around their middle; what comes in is ``fill``."""
    from tricks.layers.images import inverse_affine, warp

    return warp(x, inverse_affine(scale=factors), fill)


@dataclass(kw_only=True)
class RandomScale(Trick):
    card = Card(
        title="Random scale",
        title_zh="随机缩放",
        claim="Larger and smaller copies teach a network that size does not matter.",
        claimed_by="Wei Xiu-Shen's notes",
        when="Few images, and objects whose size in the picture varies.",
        watch_out="The digits were cut out at one size, so here it prepares for what never comes. "
        "The margin of a reduced image is black.",
        formula=r"x'(u) = x(u / f), \quad f \sim \mathcal{U}(1 - s, 1 + s)",
        paper=Paper(
            authors="Wei",
            year=2015,
            title="Must know tips/tricks in deep neural networks",
            where="author's page",
        ),
        cost="little: one resampling for each image",
        zh=Chinese(
            claim="放大和缩小的副本让网络学会:大小并不重要。",
            when="图像很少,物体在画面中的大小不一。",
            watch_out="这些数字都按同一大小裁出,所以在这里它防备的是不会出现的变化。缩小后露出的边"
            "缘是黑色。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}),
    )
    order = -10
    scale: float = knob(
        0.2, low=0.0, high=0.8, neutral=0.0, symbol="s",
        help="how far the factor may be from 1, either way",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import black, pixels_of

        if self.scale == 0:
            return x, y
        factors = 1 + self.scale * (2 * torch.rand(x.shape[-4], generator=rng) - 1)
        return random_scale(x, factors, black(pixels_of(self))), y
