"""Spatial attention: each place of a map is weighed by what all channels show there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class SpatialAttention(Trick):
    card = Card(
        title="Spatial attention",
        title_zh="空间注意力",
        claim="A weight for every place lets the network look where the object is.",
        claimed_by="Woo et al. 2018; the YOLOv4 paper",
        when="Large images with a background; digits fill theirs, so little is expected.",
        watch_out="This is the spatial half of CBAM, a 7x7 convolution over the mean and the "
        "maximum of the channels. YOLOv4 has another one, a 1x1 convolution that weighs every "
        "value; the published number is of that one.",
        formula=r"y = x\,\sigma\left(f^{7\times 7}([\mathrm{mean}_c\,x;\ \max_c x])\right)",
        paper=Paper(
            authors="Woo et al.",
            year=2018,
            title="CBAM: Convolutional block attention module",
            arxiv="1807.06521",
        ),
        cost="1.05 times the time of a step",
        published="Detection, COCO: 42.4 to 42.7 AP with the 1x1 variant (YOLOv4, table 5).",
        zh=Chinese(
            claim="给每个位置一个权重，让网络看物体所在的地方。",
            when="有背景的大图像；数字占满了整张图，预期收效很小。",
            watch_out="这里是 CBAM 的空间部分：对各通道的均值和最大值做 7x7 卷积。YOLOv4 用的是另一"
            "种，用 1x1 卷积给每个值加权；公布的数字属于那一种。",
        ),
        regime=Regime(
            setup={
                "dataset": "shapes",
                "difficulty": 0.2,
                "network": {"kind": "cnn", "depth": 3, "width": 8},
                "train_size": 500,
                "epochs": 6,
                "lr": 0.05,
            },
            beside=("squeeze_excite",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Spatial attention sees a whole map at once",
                reason="The last maps have a side of about {side} here and the window one of "
                "{kernel}, so there is hardly a place to choose. Larger images have more.",
                when=lambda own, other, facts: tiny(own, facts.image[1]),
            ),
        ),
    )
    slot = Slot.ATTENTION
    kinds = ("cnn", "resnet")
    radius: int = knob(
        3, low=0, high=3, integer=True, symbol="r",
        help="the window reaches so many pixels to each side: 3 is the paper's 7x7",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from tricks.layers.spatial_gate import SpatialGate

        def attention(features: int) -> Module:
            return SpatialGate(2 * self.radius + 1)

        return replace(spec, attention=attention)


def tiny(own: SpatialAttention, side: int) -> dict[str, object] | None:
    last, kernel = max(1, side // 4), 2 * own.radius + 1
    return {"side": last, "kernel": kernel} if last < kernel and side < 16 else None
