"""BlurPool: a map is blurred before every second pixel is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class Blurpool(Trick):
    card = Card(
        title="BlurPool",
        title_zh="抗混叠下采样",
        claim="Blurring before sampling makes the network care less for shifts by one pixel.",
        claimed_by="Zhang 2019",
        when="Images of things that may stand anywhere, tested on shifted images.",
        watch_out="What it promises is the same answer for a shifted image, not more accuracy: on "
        "drawn shapes it had 27 % and the plain CNN 32 % (3 seeds). On maps of 4x4 and 8x8 a blur "
        "takes away much of what there is. In a ResNet the convolution before it runs on the full "
        "map, which is more work.",
        formula=r"y = (x * k)\downarrow_2,\quad k = \tfrac{1}{16}[1,2,1]^\top[1,2,1]",
        paper=Paper(
            authors="Zhang",
            year=2019,
            title="Making convolutional networks shift-invariant again",
            arxiv="1904.11486",
        ),
        cost="1.1 times the time of a step; in a small ResNet more",
        zh=Chinese(
            claim="下采样之前先模糊，网络对一个像素的平移就不那么敏感。",
            when="物体可能出现在任何位置的图像，用平移后的图像测试。",
            watch_out="它承诺的是平移后答案不变，而不是更高的准确率：在图形数据上它有 27 %，普通 "
            "CNN 有 32 %（3 个种子）。在 4x4 和 8x8 的特征图上，模糊会去掉很多信息。在 ResNet 里它"
            "前面的卷积要在整张图上计算，计算量更大。",
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
        ),
        rules=(
            Rule(
                kind="hint",
                title="BlurPool has nothing to make smaller",
                reason="A ResNet of {depth} block keeps the size of its maps. Take a depth of 2 "
                "or more.",
                when=lambda own, other, facts: (
                    {"depth": facts.depth}
                    if facts.network == "resnet" and facts.depth == 1
                    else None
                ),
            ),
        ),
    )
    slot = Slot.DOWNSAMPLING
    kinds = ("cnn", "resnet")

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        from tricks.layers.blur import BlurPool

        def downsample(features: int) -> Module:
            if spec.kind == "cnn":  # its pooling takes maxima: they stay, and are blurred
                return nn.Sequential(nn.MaxPool2d(2, stride=1), BlurPool(features))
            return BlurPool(features)

        return replace(spec, downsample=downsample)
