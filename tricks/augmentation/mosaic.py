"""Mosaic: four images meet in one, and the labels are mixed by their areas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def mosaic(x: Tensor, y: Tensor, row: int, column: int) -> tuple[Tensor, Tensor]:
    """An image and its three neighbors around the point ``row``, ``column``, labels by area.

    The four images touch there with their inner corners; what lies outside is cut off.
    """
    from torch import cat

    height, width = x.shape[-2:]
    one, two, three, four = (x.roll(k, -4) for k in range(4))
    upper = cat([one[..., width - column :], two[..., : width - column]], -1)
    lower = cat([three[..., width - column :], four[..., : width - column]], -1)
    new = cat([upper[..., height - row :, :], lower[..., : height - row, :]], -2)
    down, across = row / height, column / width
    areas = (
        down * across, down * (1 - across), (1 - down) * across, (1 - down) * (1 - across)
    )  # fmt: skip
    mixed = y * areas[0]
    for k in (1, 2, 3):
        mixed = mixed + y.roll(k, -2) * areas[k]
    return new, mixed


@dataclass(kw_only=True)
class Mosaic(Trick):
    card = Card(
        title="Mosaic",
        title_zh="马赛克增强",
        claim="Four images in one show a network objects outside their usual context.",
        claimed_by="Bochkovskiy et al. 2020",
        when="Object detection, where each box keeps its own label.",
        watch_out="In classification the label says what share of the picture each class has; a "
        "quarter of a digit is hard to tell: with 200 of them it cost 1 point (10 seeds). The gain "
        "that counts was measured in detection.",
        formula=r"x' = \begin{bmatrix} x_1 & x_2 \\ x_3 & x_4 \end{bmatrix}_{\text{window}}, "
        r"\quad t' = \sum_k \text{area}_k\, t_k",
        paper=Paper(
            authors="Bochkovskiy et al.",
            year=2020,
            title="YOLOv4: Optimal speed and accuracy of object detection",
            arxiv="2004.10934",
        ),
        cost="nothing measurable",
        published="YOLOv4: +0.2 points ImageNet top-1 (table 2), +1.1 AP in detection (table 4).",
        zh=Chinese(
            claim="四幅图拼成一幅,让网络看到脱离惯常背景的物体。",
            when="目标检测:每个框保留自己的标签。",
            watch_out="在分类中,标签只说明每个类别占多大面积;四分之一个数字很难认:200 张时准确率下"
            "降 1 个百分点(10 个种子)。真正的收益是在检测中测得的。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 100}, beside=("cutmix",)),
        rules=(
            Rule(
                kind="hint",
                title="Mosaic and Mixup take turns",
                reason="Both mix the images of a batch, so each batch gets one of them, drawn at "
                "random.",
                other="mixup",
                when=lambda own, other, facts: {} if own.p and other.alpha else None,
            ),
        ),
    )
    alternates = True
    p: float = knob(
        0.5, low=0.0, high=1.0, neutral=0.0, symbol="p", help="the share of batches it is done to"
    )

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        hit, down, across = torch.rand(3, generator=rng).tolist()
        if hit >= self.p:
            return x, y
        # The images meet in the middle half, so that every one of them is seen.
        height, width = x.shape[-2:]
        row, column = round((0.25 + down / 2) * height), round((0.25 + across / 2) * width)
        return mosaic(x, y, row, column)
