"""Spatial pyramid pooling: the last map is read through windows of several sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick
from tricks.places import SHAPES

if TYPE_CHECKING:
    from tricks.base import Facts, NetworkSpec

WINDOWS = (5, 9, 13)


def last_side(facts: Facts) -> dict[str, object] | None:
    """The side of the last map, where even the smallest window sees all of it."""
    side = facts.image[1]
    for _ in range(min(3, facts.depth) - 1):
        side = -(-side // 2) if side >= 4 else side
    return {"side": side, "least": WINDOWS[0]} if 2 * side - 1 <= WINDOWS[0] else None


@dataclass(kw_only=True)
class Spp(Trick):
    card = Card(
        title="Spatial pyramid pooling (SPP)",
        title_zh="空间金字塔池化",
        claim="Maxima over windows of 5, 9 and 13 pixels let the last layer see at several scales.",
        claimed_by="He et al. 2014; the YOLOv4 paper",
        when="Large maps: images of 64 pixels and more, and few halvings.",
        watch_out="This is YOLO's form, not the fixed grids of the first paper. On a map of 3x3 or "
        "less every window sees everything and what is left is a global maximum beside the mean. "
        "The last layer gets four times the weights.",
        formula=r"[x;\ \mathrm{maxpool}_5 x;\ \mathrm{maxpool}_9 x;\ \mathrm{maxpool}_{13} x]",
        paper=Paper(
            authors="He et al.",
            year=2014,
            title="Spatial pyramid pooling in deep convolutional networks for visual recognition",
            arxiv="1406.4729",
        ),
        cost="1.1 times the time of a step",
        zh=Chinese(
            claim="在 5、9、13 像素的窗口上取最大值，让最后一层看到多个尺度。",
            when="特征图较大：64 像素以上的图像，而且下采样次数少。",
            watch_out="这是 YOLO 的形式，不是原论文的固定网格。特征图只有 3x3 或更小时，每个窗口都"
            "看到全部，只剩下均值旁边的一个全局最大值。最后一层的权重变成四倍。",
        ),
        regime=Regime(
            setup=SHAPES,
            baseline=("skip_connection", "batch_norm"),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Spatial pyramid pooling has no scales to tell apart",
                reason="The last map has a side of {side} here, and even the window of {least} "
                "sees all of it: this is a global maximum beside the mean.",
                when=lambda own, other, facts: last_side(facts),
            ),
        ),
    )
    slot = Slot.FUSION
    kinds = ("resnet",)

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from tricks.layers.fusions import SpatialPyramid

        return replace(spec, fusion=partial(SpatialPyramid, windows=WINDOWS))
