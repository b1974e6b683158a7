"""Feature pyramid: the last layer reads maps of every size, each told what the coarser ones saw."""

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
class Fpn(Trick):
    card = Card(
        title="Feature pyramid (FPN)",
        title_zh="特征金字塔",
        claim="Maps of all sizes, the fine ones told what the coarse ones saw, find small things.",
        claimed_by="the thread; Lin et al. 2016",
        when="Objects of very different sizes, first of all in detection.",
        watch_out="Made for detection, where each level answers for objects of its size. Here the "
        "levels are pooled and read side by side by one linear layer, so only a small part of the "
        "claim can show.",
        formula=r"P_l = \mathrm{conv}_{1\times 1}(C_l) + \mathrm{up}(P_{l+1})",
        paper=Paper(
            authors="Lin et al.",
            year=2016,
            title="Feature pyramid networks for object detection",
            arxiv="1612.03144",
        ),
        cost="1.3 times the time of a step",
        thread="结构有尺度 fpn",
        zh=Chinese(
            claim="同时使用各种尺寸的特征图，把粗图看到的告诉细图，能找到小东西。",
            when="物体大小相差很大的时候，首先是检测任务。",
            watch_out="它是为检测设计的，每一层负责一种大小的物体。这里各层池化后并排交给一个线性"
            "层，所以只能看到一小部分效果。",
        ),
        regime=Regime(
            setup=SHAPES,
            baseline=("skip_connection", "batch_norm"),
            beside=("pan", "spp"),
        ),
        rules=(one_map_size("Feature pyramid"),),
    )
    slot = Slot.FUSION
    kinds = ("resnet",)
    channels: int = knob(
        32, low=4, high=256, integer=True, log=True, symbol="d", help="channels of each level"
    )

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from tricks.layers.fusions import Pyramid

        return replace(spec, fusion=partial(Pyramid, level=self.channels))
