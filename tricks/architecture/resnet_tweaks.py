"""ResNet tweaks C and D: a deep stem, and skips that pool instead of leaving pixels out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick
from tricks.places import SHAPES

if TYPE_CHECKING:
    from tricks.base import NetworkSpec

STEM = 3  # 3x3 convolutions of tweak C


@dataclass(kw_only=True)
class ResnetTweaks(Trick):
    card = Card(
        title="ResNet tweaks",
        title_zh="ResNet 改进（C、D）",
        claim="Small changes of the stem and of the skips make a ResNet better for little work.",
        claimed_by="He T. et al. 2018",
        when="ResNets with skips on larger images; on easy drawn shapes 42 % against 28 % (3 "
        "seeds).",
        watch_out="Of the paper's three tweaks two apply here: C, three 3x3 convolutions as the "
        "stem (here instead of one, since there is no 7x7), and D, skips that take the mean of "
        "2x2 pixels. B moves a stride inside a bottleneck, which these blocks do not have. C adds "
        "weights and work.",
        formula=r"y = F(x) + \mathrm{avgpool}_2(x)",
        paper=Paper(
            authors="He T. et al.",
            year=2018,
            title="Bag of tricks for image classification with convolutional neural networks",
            arxiv="1812.01187",
        ),
        cost="1.05 times the time of a step there; more here, where the stem is a larger part",
        published="ImageNet, ResNet-50: all tricks of the paper together, 75.3 to 79.29 % top-1 "
        "(abstract).",
        zh=Chinese(
            claim="对网络开头和跳连做一些小改动，ResNet 多花一点计算就更好。",
            when="较大图像上带跳连的 ResNet；在容易的图形数据上 42 % 对 28 %（3 个种子）。",
            watch_out="论文的三处改动中有两处适用：C，用三个 3x3 "
            "卷积开头（这里代替一个卷积，因为没有7x7）；D，跳连取 2x2 像素的均值。B "
            "移动瓶颈块里的步长，而这里没有瓶颈块。C 增加参数和计算量。",
        ),
        regime=Regime(
            setup=SHAPES,
            baseline=("skip_connection", "batch_norm"),
        ),
        rules=(
            Rule(
                kind="hint",
                title="ResNet tweaks change only the stem here",
                reason="The pooled skip needs a skip, and the plain ResNet has none. Add skip "
                "connections.",
                unless="skip_connection",
            ),
        ),
    )
    kinds = ("resnet",)

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, stem=STEM, shortcut="pool")
