"""Fancy PCA: shift an image's color the way the colors of the training set vary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Split, Trick, knob
from tricks.places import COLORED_SHAPES
from tricks.rules import no_colors

if TYPE_CHECKING:
    from torch import Generator, Tensor


def color_axes(x: Tensor) -> Tensor:
    """Eigenvectors of the pixels' covariance, each times its eigenvalue, as columns (C, C).

    ``x`` is (N, C, H, W), brightness 0 to 1; of many images the first 5,000 are enough.
    """
    import torch

    colors = x[:5000].movedim(1, 0).flatten(1).cpu().double()
    values, vectors = torch.linalg.eigh(colors.cov())
    # A sign is arbitrary in an eigenvector; the same on every machine makes the same run.
    vectors = vectors * vectors.sum(0).sign().where(vectors.sum(0) != 0, 1)
    axes: Tensor = vectors * values
    return axes.to(x)


def fancy_pca(x: Tensor, axes: Tensor, alpha: Tensor) -> Tensor:
    """Every pixel of an example plus ``[p1, p2, p3] [a1 l1, a2 l2, a3 l3]``, ``alpha`` (N, C)."""
    return x + (alpha @ axes.mT)[:, :, None, None]


@dataclass(kw_only=True)
class FancyPca(Trick):
    card = Card(
        title="Fancy PCA",
        title_zh="PCA 颜色扰动",
        claim="Shifting colors as the data vary imitates a change of light.",
        claimed_by="Krizhevsky et al. 2012; Wei Xiu-Shen's notes",
        when="Color photographs; the class does not depend on the light.",
        watch_out="At the published σ it moves brightness by about a hundredth: expect nothing to "
        "see. The eigenvalues belong to brightness from 0 to 1; on another scale they would be "
        "others. Gray images have no colors to change.",
        formula=r"x' = x + [p_1, p_2, p_3]\,[\alpha_1 \lambda_1, \alpha_2 \lambda_2, "
        r"\alpha_3 \lambda_3]^\top, \quad \alpha_i \sim \mathcal{N}(0, \sigma^2)",
        paper=Paper(
            authors="Krizhevsky et al.",
            year=2012,
            title="ImageNet classification with deep convolutional neural networks",
            where="NeurIPS 2012",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="沿数据本身的颜色变化方向移动颜色,模拟光线变化。",
            when="彩色照片,类别与光线无关。",
            watch_out="按论文的 σ,亮度大约只变百分之一:看不出变化很正常。特征值对应 0 到 1 的亮度,"
            "换一种尺度就不同。灰度图像没有颜色可改。",
        ),
        regime=Regime(
            setup=COLORED_SHAPES,
            knobs={"sigma": 1.0},
        ),
        rules=(no_colors("Fancy PCA"),),
    )
    order = -8
    learns = False  # 60 steps of images in color are too few, with and without it
    sigma: float = knob(
        0.1, low=0.0, high=3.0, neutral=0.0, symbol="σ",
        help="how many eigenvalues a color is moved by, its deviation",
    )  # fmt: skip
    axes: Tensor | None = field(init=False, repr=False, compare=False, default=None)

    def dataset(self, split: Split, rng: Generator) -> Split:
        from tricks.layers.images import pixels_of

        self.axes = color_axes(pixels_of(self).to_unit(split.x))
        return split

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import pixels_of

        if self.sigma == 0 or self.axes is None:
            return x, y
        alpha = self.sigma * torch.randn(x.shape[-4], len(self.axes), generator=rng)
        # The shift is the same for every pixel, so it needs only the spread of the inputs.
        return fancy_pca(x, self.axes / pixels_of(self).spread.reshape(-1, 1), alpha.to(x)), y
