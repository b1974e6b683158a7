"""Instance norm: each channel of each image alone gets mean 0 and deviation 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import Facts, NetworkSpec


def instance_norm(features: int, images: bool) -> Module:
    """The layer for (N, C, H, W) images, with a learned scale and shift.

    Raises:
        ValueError: features have no pixels to take a mean over.
    """
    from torch import nn

    if not images:
        raise ValueError("instance norm needs maps of pixels")
    return nn.InstanceNorm2d(features, affine=True)


def tiny_maps(own: InstanceNorm, other: None, facts: Facts) -> dict[str, object] | None:
    """The side of the smallest maps that are normalized, if a mean over them is mostly noise."""
    side = min(facts.image[1:])
    for _ in range(min(2, facts.depth - 1)):
        side = side // 2 if side >= 4 else side
    return {"side": side} if side <= 2 else None


@dataclass(kw_only=True)
class InstanceNorm(Trick):
    card = Card(
        title="Instance norm",
        title_zh="实例归一化",
        claim="Takes the contrast and brightness out of every image by itself.",
        claimed_by="the thread; Ulyanov et al. 2016",
        when="Style transfer, images whose contrast says nothing about their class.",
        watch_out="For classification the strength of a channel is information, and it is lost: "
        "the largest error of the four norms in the group norm paper. It needs maps of more than "
        "one pixel. PyTorch's layer has no γ and β unless asked to; here it has.",
        formula=r"y = \gamma\,\frac{x - \mu_{nc}}{\sqrt{\sigma_{nc}^2 + \epsilon}} + \beta, \quad"
        r" \mu_{nc}, \sigma_{nc} \text{ over } H, W",
        paper=Paper(
            authors="Ulyanov, Vedaldi and Lempitsky",
            year=2016,
            title="Instance normalization: The missing ingredient for fast stylization",
            arxiv="1607.08022",
        ),
        cost="1.1 times the time of a step",
        published="Group norm paper, table 1, ResNet-50 on ImageNet, error: batch norm 23.6 %, "
        "instance norm 28.4 %.",
        thread="instance normal",
        zh=Chinese(
            claim="逐张图像去掉对比度和亮度的差别。",
            when="风格迁移，以及对比度与类别无关的图像。",
            watch_out="做分类时通道的强弱本身就是信息，会被丢掉：在组归一化论文的四种归一化里"
            "误差最大。特征图必须大于一个像素。PyTorch 默认没有 γ 和 β，这里有。",
        ),
        regime=Regime(
            setup={"network": {"kind": "cnn", "depth": 3, "width": 16}, "epochs": 4, "lr": 0.02},
            beside=("batch_norm", "group_norm"),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Instance norm averages over {side} x {side} pixels here",
                reason="So few values have hardly a mean or a deviation of their own. A "
                "shallower network or larger images leave larger maps.",
                when=tiny_maps,
            ),
        ),
    )
    slot = Slot.NORMALIZATION
    kinds = ("cnn", "resnet")

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, normalization=instance_norm)
