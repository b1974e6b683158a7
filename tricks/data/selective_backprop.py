"""Selective backprop: learn mostly from the examples whose loss is high."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def chance(loss: Tensor, history: Tensor, beta: float) -> Tensor:
    """``CDF(loss) ** beta``: the share of past losses (H,) not above each loss (N,), to a power.

    Jiang et al. 2019, equation 1. ``beta=0`` keeps everything.
    """
    return (history <= loss[:, None]).double().mean(-1) ** beta


@dataclass(kw_only=True)
class SelectiveBackprop(Trick):
    card = Card(
        title="Selective backprop",
        title_zh="选择性反向传播",
        claim="Skipping the backward pass of easy examples saves time at the same accuracy.",
        claimed_by="Jiang et al. 2019; Composer",
        when="Large clean data sets of which the network knows most after a while.",
        watch_out="Wrong labels have the highest loss: under label noise it learns just those. "
        "Batches get smaller, so the same steps see fewer examples.",
        formula=r"P(\text{keep } x) = \mathrm{CDF}(L(x))^{\beta}",
        paper=Paper(
            authors="Jiang et al.",
            year=2019,
            title="Accelerating deep learning by focusing on the biggest losers",
            arxiv="1910.00762",
        ),
        cost="one more forward pass; the backward pass is of fewer examples",
        zh=Chinese(
            claim="跳过简单样本的反向传播，准确率不变而更省时间。",
            when="数据多而干净、训练一段时间后大部分样本网络都会了。",
            watch_out="错误标签的损失最高：有标签噪声时，它专挑错的学。批次会变小，同样的步数看到"
            "的样本更少。",
        ),
        regime=Regime(setup={"epochs": 5}),
        rules=(
            Rule(
                kind="warning",
                title="Selective backprop looks for wrong labels",
                reason="{share:.0%} of the labels are wrong here, and a wrong label is what has a "
                "high loss.",
                when=lambda own, other, facts: (
                    {"share": facts.label_noise} if own.beta and facts.label_noise else None
                ),
            ),
        ),
    )
    order = 30
    stacks = False
    beta: float = knob(
        1.0, low=0.0, high=5.0, neutral=0.0, symbol="β",
        help="0 keeps all; 1 keeps half of them, 2 a third, 3 a fourth",
    )  # fmt: skip
    history: int = knob(
        1024, low=32, high=65_536, integer=True, log=True, symbol="R",
        help="how many of the last losses an example is compared with",
    )  # fmt: skip
    past: Tensor | None = field(init=False, default=None, repr=False, compare=False)
    skipped: Tensor | None = field(init=False, default=None, repr=False, compare=False)
    seen: int = field(init=False, default=0, repr=False, compare=False)

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.answers import losses_of

        if self.beta == 0:
            return x, y
        loss = losses_of(self.tools.network, x, y)
        past = loss if self.past is None else torch.cat([self.past, loss])
        self.past = past[-self.history :]
        luck = torch.rand(len(loss), generator=rng, dtype=torch.double).to(loss.device)
        kept = luck < chance(loss, self.past, self.beta)
        kept |= loss == loss.max()  # a batch has at least one example
        dropped = (~kept).sum()
        self.skipped = dropped if self.skipped is None else self.skipped + dropped
        self.seen += len(loss)
        return x[kept], y[kept]

    def acted(self) -> Acted:
        return Acted(
            0 if self.skipped is None else int(self.skipped), self.seen, "examples skipped"
        )
