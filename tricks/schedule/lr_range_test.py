"""LR range test: raise the rate step by step until training blows up, and read off a good one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


BLOWN_UP = 4.0  # times the first loss


def sweep(step: int, steps: int, lowest: float) -> float:
    """From ``lowest`` at step 0 to 1 at the last step, by the same factor each time."""
    return float(lowest ** (1 - step / max(1, steps - 1)))


def steepest(rates: list[float], losses: list[float]) -> float | None:
    """The rate at which the smoothed loss falls fastest, by the logarithm of the rate.

    Losses are averaged over a twentieth of the sweep, and slopes taken over twice as much. None:
    the loss nowhere falls, or there are too few steps to tell.
    """
    wide = max(1, len(losses) // 20)
    smooth = [
        sum(losses[max(0, i - wide) : i + wide + 1]) / len(losses[max(0, i - wide) : i + wide + 1])
        for i in range(len(losses))
    ]
    slopes = {
        i: (smooth[i + wide] - smooth[i - wide]) / math.log(rates[i + wide] / rates[i - wide])
        for i in range(wide, len(losses) - wide)
    }
    best = min(slopes, key=lambda i: slopes[i], default=None)
    return rates[best] if best is not None and slopes[best] < 0 else None


@dataclass(kw_only=True)
class LRRangeTest(Trick):
    card = Card(
        title="LR range test",
        title_zh="学习率范围测试",
        claim="One short run with a rising rate finds the rate to train with.",
        claimed_by="Smith 2015",
        when="Before an experiment, in an arm of its own; read the suggestion in the run's report.",
        watch_out="It finds where the loss falls fastest at the start, not what trains best in "
        "the end: take it as an upper bound. The arm's own accuracy means nothing, and the "
        "setup's rate is not used.",
        formula=r"\eta_t = "
        r"\eta_\text{low}\left(\frac{\eta_\text{high}}{\eta_\text{low}}\right)^{t / (T - 1)}",
        paper=Paper(
            authors="Smith",
            year=2015,
            title="Cyclical learning rates for training neural networks",
            arxiv="1506.01186",
        ),
        cost="one short run",
        zh=Chinese(
            claim="学习率不断升高的一次短训练，就能找到该用的学习率。",
            when="做实验之前，单独放一个臂；建议值写在运行报告里。",
            watch_out="它找到的是起步时损失下降最快的地方，不是最后训练得最好的：当作上限看。这"
            "个臂自己的准确率没有意义，设置里的学习率也不使用。",
        ),
        regime=Regime(setup={"epochs": 5}, metric="test_loss"),
        rules=(
            Rule(
                kind="hint",
                title="LR range test measures, it does not train",
                reason="Its rate goes from {lowest:g} to {highest:g} and stays at 0 once the loss "
                "has blown up, so its curves are not to be compared. Read the suggested rate in "
                "its report.",
                when=lambda own, other, facts: {"lowest": own.lowest, "highest": own.highest},
            ),
            Rule(
                kind="warning",
                title="LR range test has {steps} steps for its whole range",
                reason="With so few the losses are mostly noise, and no slope can be read from "
                "them. Give it 100 steps or more.",
                when=lambda own, other, facts: (
                    {"steps": facts.steps}
                    if facts.steps is not None and facts.steps < 100
                    else None
                ),
            ),
            Rule(
                kind="warning",
                title="Warm-up bends the range of LR range test",
                reason="It multiplies the first rates once more, so the lowest rate is not "
                "{lowest:g}. Leave Warm-up out.",
                other="warmup",
                when=lambda own, other, facts: (
                    {"lowest": own.lowest} if other.fraction > 0 else None
                ),
            ),
        ),
    )
    slot = Slot.SCHEDULE
    order = 100  # its range takes the place of an optimizer's own rate
    learns = False  # it ends by blowing up, or at a standstill
    stacks = False  # one rate for all, which stops for the worst
    lowest: float = knob(1e-5, low=1e-7, high=0.1, log=True, symbol="low", help="rate at the start")
    highest: float = knob(
        10.0, low=0.2, high=1000.0, log=True, symbol="high", help="rate at the end"
    )
    rates: list[float] = field(init=False, default_factory=list, repr=False, compare=False)
    losses: list[float] = field(init=False, default_factory=list, repr=False, compare=False)
    now: float = field(init=False, default=0.0, repr=False, compare=False)
    latest: Tensor | None = field(init=False, default=None, repr=False, compare=False)
    over: bool = field(init=False, default=False, repr=False, compare=False)

    def rate(self, lr: float) -> float:
        return self.highest

    def factor(self, step: int, steps: int) -> float:
        share = 0.0 if self.over else sweep(step, steps, self.lowest / self.highest)
        self.now = share * self.highest
        return share

    def batch_loss(self, loss: Tensor) -> Tensor:
        self.latest = loss.detach()
        return loss

    def gradients(self, network: Module) -> None:
        if self.latest is None:
            return
        loss = float(self.latest.mean())
        if not self.over:
            self.over = not loss < BLOWN_UP * max(self.losses[:1] or [loss])
            self.rates.append(self.now)
            self.losses.append(loss)
        if self.over:  # the next step would only make numbers that are none
            for one in network.parameters():
                if one.grad is not None:
                    one.grad.zero_()

    def report(self) -> dict[str, Any]:
        end = len(self.rates) - self.over
        return {
            "suggested_lr": steepest(self.rates[:end], self.losses[:end]),
            "blew_up_at_lr": self.rates[-1] if self.over else None,
        }
