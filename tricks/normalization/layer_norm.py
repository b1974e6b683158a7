"""Layer norm: all features of an example together get mean 0 and deviation 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick
from tricks.places import BATCHES_OF_TWO

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


def layer_norm(features: int, images: bool) -> Module:
    """The layer for (N, C, H, W) ``images``, over all three dimensions, or (N, C) features."""
    from torch import nn

    return nn.GroupNorm(1, features) if images else nn.LayerNorm(features)


@dataclass(kw_only=True)
class LayerNorm(Trick):
    card = Card(
        title="Layer norm",
        title_zh="层归一化",
        claim="Normalizes each example alone, so batches of any size train alike.",
        claimed_by="Ba, Kiros and Hinton 2016",
        when="Small batches, recurrent networks, transformers.",
        watch_out="In convolutional networks it was behind batch norm and group norm: it takes "
        "away how strong an image is as a whole. It is group norm with one group.",
        formula=r"y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta, \quad"
        r" \mu, \sigma \text{ over } C, H, W",
        paper=Paper(
            authors="Ba, Kiros and Hinton",
            year=2016,
            title="Layer normalization",
            arxiv="1607.06450",
        ),
        cost="1.1 times the time of a step",
        published="Group norm paper, table 1, ResNet-50 on ImageNet, error: batch norm 23.6 %, "
        "group norm 24.1 %, layer norm 25.3 %.",
        zh=Chinese(
            claim="对每个样本单独做归一化，批大小不影响训练。",
            when="小批量、循环网络、Transformer。",
            watch_out="在卷积网络里不如批归一化和组归一化，因为图像的整体强度被抹掉了。它就是只有"
            "一组的组归一化。",
        ),
        regime=Regime(setup=BATCHES_OF_TWO, beside=("batch_norm", "group_norm")),
        rules=(
            Rule(
                kind="error",
                title="Layer norm needs more than one feature",
                reason="With a width of 1 every feature is its own mean, so the layer always "
                "gives 0. Use a wider network.",
                when=lambda own, other, facts: (
                    {} if facts.width == 1 and facts.network == "mlp" else None
                ),
            ),
        ),
    )
    slot = Slot.NORMALIZATION

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, normalization=layer_norm)
