"""PolyLoss: the first term of cross-entropy's series gets a weight of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import RARE_CLASSES

if TYPE_CHECKING:
    from torch import Tensor


def poly_loss(logits: Tensor, y: Tensor, epsilon: float) -> Tensor:
    """``CE + epsilon * (1 - p_y)`` of each example, shape (..., N).

    ``logits`` and ``y`` are (..., N, C); rows of ``y`` are probabilities and sum to 1, and ``p_y``
    is their product with the answer. ``epsilon=0`` is cross-entropy. Leng et al. 2022, equation 6.
    """
    log_p = logits.log_softmax(dim=-1)
    return -(y * log_p).sum(dim=-1) + epsilon * (1 - (y * log_p.exp()).sum(dim=-1))


@dataclass(kw_only=True)
class PolyLoss(Trick):
    card = Card(
        title="PolyLoss",
        title_zh="多项式损失",
        claim="One more term, tuned to the task, beats plain cross-entropy.",
        claimed_by="Leng et al. 2022",
        when="A loss to tune when everything else is settled; ε below 0 for detection.",
        watch_out="ε must be searched for: its best sign depends on the data. A positive one "
        "makes all gradients larger, which a higher rate does as well: compare with that.",
        formula=r"L = -\log p_y + \epsilon\,(1 - p_y)",
        paper=Paper(
            authors="Leng et al.",
            year=2022,
            title="PolyLoss: A polynomial expansion perspective of classification loss functions",
            arxiv="2204.12511",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="多加一项、按任务调好系数，就胜过普通交叉熵。",
            when="其他都定下来之后再调的损失；做检测时 ε 取负。",
            watch_out="ε 要搜索：最好的正负号取决于数据。取正时所有梯度都变大，这和调大学习率一样"
            "，请与后者对比。",
        ),
        regime=Regime(setup=RARE_CLASSES, beside=("focal_loss",)),
    )
    slot = Slot.LOSS
    epsilon: float = knob(
        1.0, low=-1.0, high=10.0, neutral=0.0, symbol="ε",
        help="weight that is added to the first term; -1 takes the term away",
    )  # fmt: skip

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        return poly_loss(logits, y, self.epsilon)

    def loss_at(self, p: float) -> float:
        return -math.log(p) + self.epsilon * (1 - p)
