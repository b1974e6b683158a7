"""Cross fusion: a fine and a coarse map stand side by side and tell each other what they see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick
from tricks.places import SHAPES

if TYPE_CHECKING:
    from tricks.base import Facts, NetworkSpec


def single_pixels(facts: Facts) -> dict[str, object] | None:
    """The side of the last map, if its half is a single pixel."""
    side = facts.image[1]
    for _ in range(min(3, facts.depth) - 1):
        side = -(-side // 2) if side >= 4 else side
    return {"side": side} if side <= 2 else None


@dataclass(kw_only=True)
class CrossFusion(Trick):
    card = Card(
        title="Cross fusion",
        title_zh="交叉融合",
        claim="Branches of two resolutions that exchange features see details and context.",
        claimed_by="the thread; Sun et al. 2019",
        when="Where places matter: keypoints, segmentation. On easy drawn shapes 66 % against "
        "28 % (3 seeds).",
        watch_out="The thread does not say which cross fusion it means. This is one exchange unit "
        "of HRNet in each block, half of the channels on a map of half the sides; HRNet keeps its "
        "branches through the whole network, and BiFPN weighs what it adds.",
        formula=r"x_i' = \sum_j f_{ij}(x_j)",
        paper=Paper(
            authors="Sun et al.",
            year=2019,
            title="Deep high-resolution representation learning for human pose estimation",
            arxiv="1902.09212",
        ),
        cost="1.4 times the time of a step: more layers, each with less work",
        thread="cross fusion",
        zh=Chinese(
            claim="两种分辨率的分支互相交换特征，既看到细节也看到上下文。",
            when="位置重要的任务：关键点、分割。在容易的图形数据上 66 % 对 28 %（3 个种子）。",
            watch_out="原帖没有说明是哪一种交叉融合。这里在每个块里放一个 HRNet "
            "的交换单元，一半通道在边长减半的特征图上；HRNet 的分支贯穿整个网络，BiFPN 则给相加的"
            "各项加权。",
        ),
        regime=Regime(
            setup=SHAPES,
            baseline=("skip_connection", "batch_norm"),
        ),
        rules=(
            Rule(
                kind="error",
                title="Cross fusion needs two channels",
                reason="One half of the channels stands on the coarse map, and a network of width "
                "{width} has no half. Take a width of 2 or more.",
                when=lambda own, other, facts: {"width": facts.width} if facts.width < 2 else None,
            ),
            Rule(
                kind="error",
                title="Cross fusion leaves Instance norm single pixels",
                reason="The last map has a side of {side}, its coarse half is one pixel, and one "
                "pixel has no deviation. Take larger images, a depth of 2 or another "
                "normalization.",
                other="instance_norm",
                when=lambda own, other, facts: single_pixels(facts),
            ),
        ),
    )
    slot = Slot.BLOCK
    kinds = ("resnet",)

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from tricks.layers.branches import ExchangeBranch

        return replace(spec, block=ExchangeBranch)
