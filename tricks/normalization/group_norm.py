"""Group norm: groups of channels get mean 0 and deviation 1 in each example alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import BATCHES_OF_TWO

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import Facts, NetworkSpec


def divisor(groups: int, features: int, images: bool) -> int:
    """``groups``, reduced until it divides ``features``.

    Without pixels a group of one feature would always come out as zero, so it gets two or more.
    """
    most = math.gcd(groups, features)
    if images or most < features:
        return most
    return max(g for g in range(1, max(2, features)) if features % g == 0)


def reduced(own: GroupNorm, other: None, facts: Facts) -> dict[str, object] | None:
    groups = divisor(own.groups, facts.width, images=facts.network != "mlp")
    if groups == own.groups:
        return None
    return {"asked": own.groups, "groups": groups, "width": facts.width}


@dataclass(kw_only=True)
class GroupNorm(Trick):
    card = Card(
        title="Group norm",
        title_zh="组归一化",
        claim="It can replace batch norm, and does not depend on the batch size.",
        claimed_by="the thread; Wu and He 2018",
        when="Batches of 1 to 8, where batch norm becomes unreliable.",
        watch_out="At batch sizes of 32 and more batch norm was slightly better in the paper. A "
        "small CNN on digits does not show the difference at all.",
        formula=r"y = \gamma\,\frac{x - \mu_G}{\sqrt{\sigma_G^2 + \epsilon}} + \beta",
        paper=Paper(
            authors="Wu and He", year=2018, title="Group normalization", arxiv="1803.08494"
        ),
        cost="1.1 to 1.3 times the time of a step",
        published="ResNet-50 on ImageNet, error of batch norm / group norm by batch size: "
        "32: 23.6 / 24.1 %, 16: 23.7 / 24.2 %, 8: 24.8 / 24.0 %, 4: 27.3 / 24.2 %, "
        "2: 34.7 / 24.1 %.",
        thread="可以替代 BN",
        zh=Chinese(
            claim="可以替代批归一化，而且不受批量大小影响。",
            when="批量 1 到 8，批归一化已经不可靠的时候。",
            watch_out="论文里批量 32 以上时批归一化略好。数字数据上的小 CNN 完全看不出差别。",
        ),
        regime=Regime(setup=BATCHES_OF_TWO, beside=("batch_norm",)),
        rules=(
            Rule(
                kind="hint",
                title="Group norm takes {groups} groups instead of {asked}",
                reason="The groups must divide the {width} features of a layer and hold more than "
                "one value each.",
                when=reduced,
            ),
        ),
    )
    slot = Slot.NORMALIZATION
    groups: int = knob(
        8, low=1, high=256, integer=True, log=True, symbol="G",
        help="groups of channels, reduced to a divisor of the width; 1 is layer norm",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, normalization=self.layer)

    def layer(self, features: int, images: bool) -> Module:
        from torch import nn

        return nn.GroupNorm(divisor(self.groups, features, images), features)
