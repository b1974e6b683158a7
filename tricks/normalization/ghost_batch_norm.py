"""Ghost batch norm: a large batch is normalized in chunks, as if it were several small ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.rules import batches_of_two, behind_dropout

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class GhostBatchNorm(Trick):
    card = Card(
        title="Ghost batch norm",
        title_zh="幽灵批归一化",
        claim="Brings the helpful noise of small batches back to large ones.",
        claimed_by="Hoffer, Hubara and Soudry 2017",
        when="Batches of several hundred, which generalize worse with batch norm.",
        watch_out="With a batch no larger than two chunks it is batch norm. Very small chunks "
        "have the trouble of very small batches. The running statistics follow every chunk, so "
        "they move faster than in batch norm.",
        formula=r"y_{B_j} = \gamma\,\frac{x_{B_j} - \mu_{B_j}}{\sqrt{\sigma_{B_j}^2 + \epsilon}}"
        r" + \beta, \quad B = B_1 \cup \dots \cup B_k,\ |B_j| \ge b",
        paper=Paper(
            authors="Hoffer, Hubara and Soudry",
            year=2017,
            title="Train longer, generalize better: closing the generalization gap in large batch "
            "training of neural networks",
            arxiv="1705.08741",
        ),
        cost="1.1 to 1.5 times the time of a step, more for many small chunks",
        zh=Chinese(
            claim="让大批量重新得到小批量那种有益的噪声。",
            when="几百张一批、用批归一化泛化变差的时候。",
            watch_out="一批不到两块时，它就是普通的批归一化。块太小则有小批量的老毛病。运行统计量"
            "随每一块更新，比批归一化变得快。",
        ),
        regime=Regime(
            setup={
                "batch_size": 512,
                "epochs": 60,
                "label_noise": 0.1,
                "lr": 0.2,
            },
            beside=("batch_norm",),
        ),
        rules=(
            batches_of_two("Ghost batch norm"),
            Rule(
                kind="hint",
                title="Ghost batch norm is batch norm here",
                reason="A batch of {batch} has no two chunks of {size}. Use a larger batch or "
                "smaller chunks.",
                when=lambda own, other, facts: (
                    {"batch": facts.batch_size, "size": own.size}
                    if 1 < facts.batch_size < 2 * own.size
                    else None
                ),
            ),
            behind_dropout("Ghost batch norm"),
        ),
    )
    slot = Slot.NORMALIZATION
    size: int = knob(
        32, low=4, high=256, integer=True, log=True, symbol="b",
        help="examples in a chunk; the last ones are shared out among the chunks",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, normalization=self.layer)

    def layer(self, features: int, images: bool) -> Module:
        """The layer for (N, C, H, W) ``images`` or (N, C) features."""
        from torch import nn

        from tricks.layers.batch_norms import GhostBatchNorm

        norm = nn.BatchNorm2d(features) if images else nn.BatchNorm1d(features)
        return GhostBatchNorm(norm, self.size)
