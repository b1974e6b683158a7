"""Path aggregation: a feature pyramid, and a way back up from the fine maps to the coarse ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import SHAPES
from tricks.rules import one_map_size

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class Pan(Trick):
    card = Card(
        title="Path aggregation (PAN)",
        title_zh="路径聚合",
        claim="A second, short way from fine to coarse maps carries exact places to every level.",
        claimed_by="Liu et al. 2018; the YOLOv4 paper",
        when="On top of a feature pyramid, in detection.",
        watch_out="Classes need no exact places, and here a linear layer reads the pooled levels: "
        "expect no more than from the feature pyramid, for more work. YOLOv4 has it in its base "
        "model and does not measure it alone.",
        formula=r"N_{l+1} = \mathrm{conv}\left(P_{l+1} + \mathrm{down}(N_l)\right)",
        paper=Paper(
            authors="Liu et al.",
            year=2018,
            title="Path aggregation network for instance segmentation",
            arxiv="1803.01534",
        ),
        cost="1.4 times the time of a step",
        zh=Chinese(
            claim="从细图到粗图再加一条短路径，把准确的位置带到每一层。",
            when="在特征金字塔之上，用于检测。",
            watch_out="分类不需要准确的位置，而且这里由一个线性层读取池化后的各层：不要指望它比特"
            "征金"
            "字塔更好，计算量却更大。YOLOv4 把它放在基础模型里，没有单独测量。",
        ),
        regime=Regime(
            setup=SHAPES,
            baseline=("skip_connection", "batch_norm"),
            beside=("fpn",),
        ),
        rules=(one_map_size("Path aggregation"),),
    )
    slot = Slot.FUSION
    kinds = ("resnet",)
    channels: int = knob(
        32, low=4, high=256, integer=True, log=True, symbol="d", help="channels of each level"
    )

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from tricks.layers.fusions import PathAggregation

        return replace(spec, fusion=partial(PathAggregation, level=self.channels))
