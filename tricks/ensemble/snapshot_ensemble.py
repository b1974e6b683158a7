"""Snapshot ensemble: one run, M networks on the way, one mean answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Predictor


def cycles_over(step: int, steps: int | None, progress: float, cycles: int) -> int:
    """How many of the equal cycles of a run have ended; Cyclic cosine has the same."""
    if steps is None:
        return int(progress * cycles)
    return cycles if step == steps else step // math.ceil(steps / cycles)


@dataclass(kw_only=True)
class SnapshotEnsemble(Trick):
    card = Card(
        title="Snapshot ensemble",
        title_zh="快照集成",
        claim="Train one network, get M: the ends of the rate's cycles vote together.",
        claimed_by="the thread; Huang et al. 2017",
        when="Together with Cyclic cosine of as many cycles: each falls into a minimum of its own.",
        watch_out="Snapshots of one run resemble each other. With 400 digits and 10 % wrong labels "
        "four snapshots reached 0.918 here (3 seeds), a single cosine 0.896, and four short "
        "networks of the same budget 0.935. Every answer costs M passes.",
        formula=r"p(x) = \frac{1}{M}\sum_{m=1}^{M} \mathrm{softmax}\,f_{\theta_m}(x)",
        paper=Paper(
            authors="Huang et al.",
            year=2017,
            title="Snapshot ensembles: Train 1, get M for free",
            arxiv="1704.00109",
        ),
        cost="M copies of the weights, M passes for every answer",
        published="ResNet-110 error 5.52 % to 5.32 % on CIFAR-10 and 28.02 % to 24.19 % on "
        "CIFAR-100 (table 1)",
        thread="可以得到很多个模型做集成",
        zh=Chinese(
            claim="训练一个网络，得到 M 个：每个学习率周期末的模型一起投票。",
            when="和周期数相同的周期余弦一起用：每个周期落进自己的极小值。",
            watch_out="同一次训练的快照彼此相像。400 张数字、10% 错误标签时，这里四个快照得 "
            "0.918（3 个种子），单次余弦 0.896，而同样预算的四个短网络得 0.935。每次回答要算 M 遍"
            "。",
        ),
        regime=Regime(
            setup=LONG_ENOUGH_TO_SLOW_DOWN,
            baseline=("cyclic_cosine",),
            beside=("independent_nets",),
        ),
        rules=(
            Rule(
                kind="warning",
                title="Snapshot ensemble wants a rate that restarts",
                reason="Without Cyclic cosine its {cycles} snapshots are neighbors on one path and "
                "err alike.",
                unless="cyclic_cosine",
                when=lambda own, other, facts: (
                    {"cycles": own.snapshots} if own.snapshots > 1 else None
                ),
            ),
            Rule(
                kind="warning",
                title="Snapshot ensemble and Cyclic cosine are out of step",
                reason="It takes {own} snapshots and the rate has {other} cycles, so some are "
                "taken while the rate is high.",
                other="cyclic_cosine",
                when=lambda own, other, facts: (
                    {"own": own.snapshots, "other": other.cycles}
                    if own.snapshots not in (1, other.cycles)
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="Snapshot ensemble should be compared with {nets} short networks",
                reason="They fit the same budget, and here they won. Independent networks is that "
                "trick; give it an arm of its own.",
                when=lambda own, other, facts: (
                    {"nets": own.snapshots} if own.snapshots > 1 else None
                ),
            ),
            *(
                Rule(
                    kind="warning",
                    title="Snapshot ensemble answers instead of {other}",
                    reason="Only one of them can say which weights are tested, and here it is the "
                    "ensemble.",
                    other=one,
                )
                for one in ("ema", "swa", "early_stopping")
            ),
        ),
    )
    order = 5  # its answer comes after an average's
    snapshots: int = knob(
        4, low=1, high=20, neutral=1, integer=True, symbol="M",
        help="networks that are kept, one at the end of each cycle",
    )  # fmt: skip
    kept: list[dict[str, Tensor]] = field(
        init=False, default_factory=list, repr=False, compare=False
    )

    def begin(self, rng: Generator) -> None:
        self.kept = []

    def after_step(self, network: Module, step: int) -> None:
        from tricks.layers.members import member

        tools = self.tools
        over = cycles_over(step, tools.steps, tools.progress(), self.snapshots)
        if len(self.kept) < min(over, self.snapshots - 1):  # the last one is the network itself
            self.kept.append(member(network))

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        from tricks.layers.members import committee, member

        if not self.kept:
            return predict
        last = [member(network)] if self.tools.progress() >= 1 else []
        return committee(network, [*self.kept, *last])
