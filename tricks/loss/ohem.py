"""OHEM: only the examples of a batch with the highest losses count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import RARE_CLASSES

if TYPE_CHECKING:
    from torch import Tensor


def hardest(losses: Tensor, share: float) -> Tensor:
    """``losses`` (..., N) with zeros but for the highest ``share`` of each row, at least one.

    What is kept is scaled so that the mean of the row is the mean of the kept ones.
    """
    import torch

    size = losses.shape[-1]
    kept = max(1, math.ceil(share * size - 1e-9))
    which = losses.detach().topk(kept, dim=-1).indices
    mask = torch.zeros_like(losses).scatter_(-1, which, size / kept)
    return losses * mask


@dataclass(kw_only=True)
class OHEM(Trick):
    card = Card(
        title="Hard example mining",
        title_zh="在线难例挖掘",
        claim="Training on the hardest examples of a batch wastes no steps on easy ones.",
        claimed_by="Shrivastava, Gupta and Girshick 2016",
        when="Many easy examples, as in detection, where most of an image is background.",
        watch_out="With wrong labels the hardest examples are the wrong ones. Everything is "
        "still computed for all examples, so it saves no time. The optimized loss is higher than "
        "that of the whole batch.",
        formula=r"L = \frac{1}{\lceil rN \rceil} \sum_{i \in \text{top } rN} -\log p_{y_i}",
        paper=Paper(
            authors="Shrivastava, Gupta and Girshick",
            year=2016,
            title="Training region-based object detectors with online hard example mining",
            arxiv="1604.03540",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="只训练一批里最难的样本，不在简单样本上浪费步数。",
            when="简单样本很多的时候，例如检测里画面大部分是背景。",
            watch_out="标签有错时，最难的正是标错的样本。所有样本仍要计算，所以并不省时间。优化的"
            "损失比整批的高。",
        ),
        regime=Regime(setup=RARE_CLASSES, beside=("focal_loss",)),
        rules=(
            Rule(
                kind="warning",
                title="Hard example mining picks the wrong labels",
                reason="With {noise:.0f} % of the labels wrong, those are the examples with the "
                "highest losses once the network has learned anything. Keep a larger share, or "
                "clean the labels first.",
                when=lambda own, other, facts: (
                    {"noise": 100 * facts.label_noise}
                    if facts.label_noise and own.ratio < 1
                    else None
                ),
            ),
        ),
    )
    slot = Slot.LOSS
    ratio: float = knob(
        0.7, low=0.05, high=1.0, neutral=1.0, symbol="r", help="share of each batch that counts"
    )

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        return hardest(-(y * logits.log_softmax(dim=-1)).sum(dim=-1), self.ratio)

    def loss_at(self, p: float) -> float:
        """Of an example that counts, alone in its batch."""
        return -math.log(p)
