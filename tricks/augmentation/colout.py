"""ColOut: some rows and columns of every image are left out, so the images get smaller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def colout(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The images with these rows and columns only, in their order."""
    return x.index_select(-2, rows).index_select(-1, columns)


@dataclass(kw_only=True)
class Colout(Trick):
    card = Card(
        title="ColOut",
        title_zh="随机丢弃行列",
        claim="Leaving out rows and columns saves work and regularizes a little.",
        claimed_by="MosaicML Composer",
        when="Large photographs and networks with global pooling, to train faster.",
        watch_out="Images of 8 x 8 pixels have no row to spare, and training sees smaller images "
        "than the test does: with 400 digits accuracy fell from 94 to 26 % (3 seeds). The same "
        "lines are left out in the whole batch.",
        formula=r"x' = x[r, c], \quad |r| = \lfloor (1 - p) H \rfloor,\; "
        r"|c| = \lfloor (1 - p) W \rfloor",
        paper=Paper(
            authors="MosaicML",
            year=2021,
            title="ColOut",
            where="Composer documentation",
        ),
        cost="less than nothing: at p 0.15 a network sees 28 % fewer pixels",
        zh=Chinese(
            claim="去掉若干行和列,既省计算又略有正则化作用。",
            when="大照片和带全局池化的网络,想训练得更快。",
            watch_out="8 x 8 的图像没有多余的行,训练时的图像又比测试时小:400 张数字时准确率从 94% "
            "降到 26%(3 个种子)。整批去掉的是同样的行列。",
        ),
        regime=Regime(
            setup={
                "train_size": 400,
                "network": {"kind": "resnet", "depth": 3, "width": 8},
                "epochs": 10,
            },
            baseline=("batch_norm",),
        ),
    )
    kinds = ("resnet",)
    order = 5
    learns = False  # 8 x 8 images without two lines, judged whole: that takes longer
    p: float = knob(
        0.15, low=0.0, high=0.5, neutral=0.0, symbol="p",
        help="the share of rows, and of columns, that is left out",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        if self.p == 0:
            return x, y

        def kept(side: int) -> Tensor:
            order = torch.randperm(side, generator=rng)
            return order[: int((1 - self.p) * side)].sort().values.to(x.device)

        return colout(x, kept(x.shape[-2]), kept(x.shape[-1])), y
