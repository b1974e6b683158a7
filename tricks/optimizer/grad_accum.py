"""Gradient accumulation: one step for the gradients of several small batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer


@dataclass(kw_only=True)
class GradAccum(Trick):
    card = Card(
        title="Gradient accumulation",
        title_zh="梯度累积",
        claim="Small batches, summed, make the same step as a large one that does not fit.",
        claimed_by="common practice; Ott et al. 2018",
        when="Memory is too small for the batch one wants.",
        watch_out="The budget counts small batches, so this arm moves its weights only at every "
        "k-th step; raise the rate with it. Batch norm still sees small batches. A rest that does "
        "not fill k is left out at the end.",
        formula=r"g = \frac{1}{k}\sum_{i=1}^{k} g_i",
        paper=Paper(
            authors="Ott et al.",
            year=2018,
            title="Scaling neural machine translation",
            arxiv="1806.00187",
        ),
        cost="one more copy of the weights",
        zh=Chinese(
            claim="把几个小批次的梯度累加起来，等于走一次放不下的大批次的步子。",
            when="显存放不下想要的批量时。",
            watch_out="预算按小批次计算，所以这里每 k 步才更新一次权重，学习率应相应调高。"
            "批归一化看到的仍是小批次。最后凑不满 k 个的部分会被丢弃。",
        ),
        regime=Regime(setup={"epochs": 10, "batch_size": 8, "lr": 0.05}),
        rules=(
            Rule(
                kind="hint",
                title="Batch norm sees the small batches of Gradient accumulation",
                reason="Its statistics are of {size} examples, not of the {all} that make a step. "
                "Group norm does not look at the batch.",
                other="batch_norm",
                when=lambda own, other, facts: (
                    {"size": facts.batch_size, "all": own.k * facts.batch_size}
                    if own.k > 1
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="Flooding floods every small batch of Gradient accumulation",
                reason="The flood level should meet the mean of all {k} batches of a step. Here "
                "each batch turns by itself.",
                other="flooding",
                when=lambda own, other, facts: {"k": own.k} if own.k > 1 and other.level else None,
            ),
        ),
    )
    slot = Slot.STEP
    order = -20  # clips and the like see the mean
    k: int = knob(
        4, low=1, high=64, neutral=1, integer=True, symbol="k", help="batches for one step"
    )
    sums: list[Tensor] = field(init=False, default_factory=list, repr=False, compare=False)
    count: int = field(init=False, default=0, repr=False, compare=False)

    def gradients(self, network: Module) -> None:
        import torch

        if self.k == 1:
            return
        grads = [p.grad for p in network.parameters() if p.grad is not None]
        self.count += 1
        if not self.sums:
            self.sums = [torch.zeros_like(g) for g in grads]
        if self.count % self.k == 1:
            torch._foreach_zero_(self.sums)
        torch._foreach_add_(self.sums, grads)
        torch._foreach_copy_(grads, self.sums)
        torch._foreach_mul_(grads, 1 / ((self.count - 1) % self.k + 1))  # the mean so far

    def step(self, optimizer: Optimizer, closure: Callable[[], Tensor], network: Module) -> Tensor:
        loss = closure()
        if self.count % self.k == 0:
            optimizer.step()
        return loss
