"""Elastic distortion: every pixel moves a little, neighbors nearly alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def elastic(x: Tensor, displacement: Tensor, fill: Tensor | float) -> Tensor:
    """Read each pixel beside its place by ``displacement`` (N, H, W, 2) pixels, as (x, y)."""
    import torch
    from torch.nn.functional import affine_grid

    from tricks.layers.images import read

    count, channels, height, width = x.shape[-4:]
    still = torch.eye(2, 3, device=x.device).expand(count, 2, 3)
    places = affine_grid(still, [count, channels, height, width], align_corners=False)
    return read(x, places + displacement * x.new_tensor([2 / width, 2 / height]), fill)


@dataclass(kw_only=True)
class Elastic(Trick):
    card = Card(
        title="Elastic distortion",
        title_zh="弹性形变",
        claim="Wobbly copies imitate the unsteady hand that wrote the digits.",
        claimed_by="Simard et al. 2003",
        when="Few images of handwriting.",
        watch_out="Too strong, and strokes tear or one digit becomes another. In 8 x 8 pixels "
        "a stroke is one pixel wide: it blurs more than it bends.",
        formula=r"x'(u) = x(u + \alpha\, G_\sigma * n), \quad n \sim \mathcal{U}(-1, 1)^2",
        paper=Paper(
            authors="Simard et al.",
            year=2003,
            title="Best practices for convolutional neural networks applied to visual document "
            "analysis",
            where="ICDAR 2003",
        ),
        cost="little: a field of noise, its blur and one resampling for each image",
        zh=Chinese(
            claim="轻微扭曲的副本模仿写数字时不稳的手。",
            when="手写图像很少。",
            watch_out="太强时笔画会断,或变成另一个数字。8 x 8 像素里笔画只有一个像素宽:更多是变模"
            "糊而不是变弯。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}),
    )
    order = -10
    alpha: float | None = knob(
        None, low=0.0, high=200.0, neutral=0.0, symbol="α",
        help="strength, in pixels before the blur; empty: as strong as 34 in MNIST's 28 pixels",
    )  # fmt: skip
    sigma: float | None = knob(
        None, low=0.5, high=10.0, symbol="σ",
        help="pixels over which neighbors move alike; empty: a seventh of the side",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import black, blurred, pixels_of, taps

        count, _, height, width = x.shape[-4:]
        side = min(height, width)
        alpha = 34 * (side / 28) ** 2 if self.alpha is None else self.alpha
        if alpha == 0:
            return x, y
        sigma = side / 7 if self.sigma is None else self.sigma
        noise = (2 * torch.rand(count, 2, height, width, generator=rng) - 1).to(x)
        smooth = blurred(noise, x.new_tensor(sigma).expand(count, 1, 1, 1), taps(sigma, side))
        return elastic(x, alpha * smooth.movedim(1, -1), black(pixels_of(self))), y
