"""Independent networks: M short runs in the budget of one, one mean answer."""

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


def lives_over(step: int, steps: int | None, progress: float, nets: int) -> int:
    """How many of the equal lives of a run have ended after ``step``."""
    if steps is None:
        return int(progress * nets)
    return nets if step == steps else step // math.ceil(steps / nets)


@dataclass(kw_only=True)
class IndependentNets(Trick):
    card = Card(
        title="Independent networks",
        title_zh="独立网络集成",
        claim="M networks that never met err differently, and their mean errs less.",
        claimed_by="Wei's notes; Hansen and Salamon 1990",
        when="The budget is more than one network needs; wrong labels.",
        watch_out="Each network gets 1/M of the steps, so a short budget leaves all of them "
        "untrained. The curve shows the networks that are done; it stands still while the next one "
        "starts again. Every answer costs M passes.",
        formula=r"p(x) = \frac{1}{M}\sum_{m=1}^{M} \mathrm{softmax}\,f_{\theta_m}(x)",
        paper=Paper(
            authors="Hansen and Salamon",
            year=1990,
            title="Neural network ensembles",
            where="IEEE Transactions on Pattern Analysis and Machine Intelligence 12(10):993-1001",
        ),
        cost="M copies of the weights, M passes for every answer",
        zh=Chinese(
            claim="M 个互不相识的网络错得各不相同，平均起来错得更少。",
            when="预算超过单个网络所需；标签有错时。",
            watch_out="每个网络只得到 1/M 的步数，预算太短时全都没训好。"
            "曲线画的是已经训好的网络；下一个从头开始时曲线不动。每次回答要算 M 遍。",
        ),
        regime=Regime(
            setup=LONG_ENOUGH_TO_SLOW_DOWN,
            baseline=("cyclic_cosine",),
            beside=("snapshot_ensemble",),
        ),
        rules=(
            Rule(
                kind="warning",
                title="{other} falls once for all of the Independent networks",
                reason="Schedules see the whole run, so the last network trains at the lowest "
                "rates only. Cyclic cosine with {nets} cycles gives each its own.",
                other="slot:schedule",
                when=lambda own, other, facts: (
                    {"other": other.card.title, "nets": own.nets}
                    if own.nets > 1
                    and not other.is_default
                    and other.values().get("cycles") != own.nets
                    else None
                ),
            ),
            *(
                Rule(
                    kind="error",
                    title="Independent networks and {other} cannot share an arm",
                    reason="It remembers weights of the network before, which the next one would "
                    "be pulled back to or tested with.",
                    other=one,
                    when=lambda own, other, facts: (
                        {"other": other.card.title} if own.nets > 1 else None
                    ),
                )
                for one in ("ema", "swa", "early_stopping", "lookahead")
            ),
            *(
                Rule(
                    kind="error",
                    title="Independent networks and {other} cut the same run",
                    reason="Both keep networks of one run, and only one of them can answer.",
                    other=one,
                )
                for one in ("snapshot_ensemble", "checkpoint_ensemble", "model_soup")
            ),
        ),
    )
    order = 5  # its answer comes after an average's
    nets: int = knob(
        4, low=1, high=20, neutral=1, integer=True, symbol="M", help="networks, one after another"
    )
    done: list[dict[str, Tensor]] = field(
        init=False, default_factory=list, repr=False, compare=False
    )

    def begin(self, rng: Generator) -> None:
        self.done = []

    def after_step(self, network: Module, step: int) -> None:
        from tricks.layers.members import member

        tools = self.tools
        over = lives_over(step, tools.steps, tools.progress(), self.nets)
        if len(self.done) < min(over, self.nets - 1):  # the last one is the network itself
            self.done.append(member(network))
            tools.restart(len(self.done))

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        from tricks.layers.members import committee, member

        if not self.done:
            return predict
        last = [member(network)] if self.tools.progress() >= 1 else []
        return committee(network, [*self.done, *last])
