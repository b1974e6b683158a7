"""RMS norm: layer norm that divides by the root mean square and leaves the mean alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import BATCHES_OF_TWO

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


def rms_norm(features: int, images: bool) -> Module:
    """The layer for (N, C, H, W) ``images`` or (N, C) features, one scale for each channel."""
    from tricks.layers.rms_norm import RMSNorm

    return RMSNorm(features)


@dataclass(kw_only=True)
class RMSNorm(Trick):
    card = Card(
        title="RMS norm",
        title_zh="均方根归一化",
        claim="Works like layer norm without the mean, and is cheaper.",
        claimed_by="Zhang and Sennrich 2019",
        when="Where layer norm is used: transformers, small batches.",
        watch_out="It neither centers nor shifts: the layers have no bias at all here. What it "
        "saves is time, and on networks this small that is not to be measured.",
        formula=r"y = \gamma\,\frac{x}{\sqrt{\overline{x^2} + \epsilon}}",
        paper=Paper(
            authors="Zhang and Sennrich",
            year=2019,
            title="Root mean square layer normalization",
            arxiv="1910.07467",
        ),
        cost="a little less than layer norm",
        zh=Chinese(
            claim="去掉均值的层归一化，效果相近而更省时间。",
            when="用层归一化的地方都可以用：Transformer、小批量。",
            watch_out="它既不减均值也不加偏移，所以这里各层完全没有偏置。省下的是时间，在这样小的"
            "网络上量不出来。",
        ),
        regime=Regime(setup=BATCHES_OF_TWO, beside=("layer_norm",)),
    )  # fmt: skip
    slot = Slot.NORMALIZATION

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, normalization=rms_norm)
