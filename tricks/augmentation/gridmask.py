"""GridMask: squares of a regular grid are wiped out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def gridmask(
    height: int, width: int, unit: Tensor, across: Tensor, down: Tensor, ratio: float
) -> Tensor:
    """True where a pixel is dropped, (N, 1, height, width).

    In every square of side ``unit`` a smaller one of side ``(1 - ratio) * unit`` is dropped; the
    grid begins at ``across`` and ``down``. All are (N, 1, 1, 1), in pixels.
    """
    from torch import arange

    hole = ((1 - ratio) * unit).round()
    row = arange(height, device=unit.device)[:, None]
    column = arange(width, device=unit.device)
    return ((row + down) % unit < hole) & ((column + across) % unit < hole)


@dataclass(kw_only=True)
class Gridmask(Trick):
    card = Card(
        title="GridMask",
        title_zh="网格遮挡",
        claim="Dropping a grid of small squares hides much, but never a whole object.",
        claimed_by="Chen et al. 2020",
        when="Long training on photographs of 32 pixels and more.",
        watch_out="On 8 x 8 images the grid is as coarse as the strokes. The paper also turns the "
        "grid and raises its probability during training; here it is upright and always as likely.",
        formula=r"x' = x \odot (1 - m), \quad "
        r"m_{ij} = [\,(i + a) \bmod d < l\,][\,(j + b) \bmod d < l\,],\; l = (1 - r)\,d",
        paper=Paper(
            authors="Chen et al.",
            year=2020,
            title="GridMask data augmentation",
            arxiv="2001.04086",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="按网格丢掉小方块:遮得多,但不会遮住整个物体。",
            when="32 像素以上照片的长时间训练。",
            watch_out="8 x 8 图像上网格和笔画一样粗。论文还会旋转网格,并在训练中提高概率;这里网格"
            "不旋转,概率不变。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}),
    )
    order = -5
    ratio: float = knob(
        0.6, low=0.1, high=1.0, neutral=1.0, symbol="r",
        help="the side of what is kept in each unit of the grid; 1 drops nothing",
    )  # fmt: skip
    p: float = knob(
        0.7, low=0.0, high=1.0, neutral=0.0, symbol="p", help="the share of images it is done to"
    )

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import erased, uniform

        if self.p == 0 or self.ratio == 1:
            return x, y
        height, width = x.shape[-2:]
        side = min(height, width)
        # The paper's units, 96 to 224 pixels of 224, as parts of the side.
        unit = uniform(x, 96 / 224 * side, side, rng).round()
        across, down = ((uniform(x, 0, 1, rng) * unit).floor() for _ in range(2))
        chosen = (torch.rand(x.shape[-4], 1, 1, 1, generator=rng) < self.p).to(x.device)
        return erased(x, chosen & gridmask(height, width, unit, across, down, self.ratio)), y
