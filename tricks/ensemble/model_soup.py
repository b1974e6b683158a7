"""Model soup: several ends of one run, averaged into one network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Predictor

TRUNK = 0.5  # of the run, before the ways part


def tails_over(progress: float, ingredients: int) -> int:
    """How many of the equal tails after the trunk have ended; -1 in the trunk."""
    if progress < TRUNK:
        return -1
    return int((progress - TRUNK) / (1 - TRUNK) * ingredients + 1e-9)


@dataclass(kw_only=True)
class ModelSoup(Trick):
    card = Card(
        title="Model soup",
        title_zh="模型汤",
        claim="Average the weights of several fine-tuned networks: one answers for all.",
        claimed_by="Wortsman et al. 2022",
        when="Several ways on from the same trained weights; the answer may cost one pass only.",
        watch_out="All tails must start from one trained network, or the average is of nothing. "
        "Here half the run is shared and each tail gets its part of the rest, with other batches "
        "and an empty optimizer. The paper's tails also differ in their knobs.",
        formula=r"\theta = \frac{1}{M}\sum_{m=1}^{M} \theta_m",
        paper=Paper(
            authors="Wortsman et al.",
            year=2022,
            title="Model soups: averaging weights of multiple fine-tuned models improves accuracy "
            "without increasing inference time",
            arxiv="2203.05482",
        ),
        cost="M copies of the weights",
        zh=Chinese(
            claim="把几个微调后的网络的权重平均成一个，由它代表大家回答。",
            when="从同一份训练好的权重分头继续；回答只允许算一遍时。",
            watch_out="各条尾巴必须从同一个训练好的网络出发，否则平均毫无意义。这里前一半训练共用"
            "，其余平分给各条尾巴，批次不同，优化器记忆清空。论文里各条尾巴的超参数也不同。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.2, "epochs": 40},
            knobs={"ingredients": 4},
            metric="test_loss",
        ),
        rules=(
            Rule(
                kind="hint",
                title="{other} gives the tails of Model soup different rates",
                reason="Schedules see the whole run, so the last tail has the last rates, not the "
                "same as the first.",
                other="slot:schedule",
                when=lambda own, other, facts: (
                    {"other": other.card.title}
                    if own.ingredients > 1 and not other.is_default
                    else None
                ),
            ),
            *(
                Rule(
                    kind="error",
                    title="Model soup and {other} cannot share an arm",
                    reason="The tails go back to weights that {other} does not know of.",
                    other=one,
                    when=lambda own, other, facts: (
                        {"other": other.card.title} if own.ingredients > 1 else None
                    ),
                )
                for one in ("ema", "swa", "early_stopping", "lookahead", "snapshot_ensemble")
            ),
        ),
    )
    order = 5  # its answer comes after an average's
    ingredients: int = knob(
        2, low=1, high=8, neutral=1, integer=True, symbol="M", help="tails that are averaged"
    )
    start: dict[str, Tensor] = field(init=False, default_factory=dict, repr=False, compare=False)
    done: list[dict[str, Tensor]] = field(
        init=False, default_factory=list, repr=False, compare=False
    )

    def begin(self, rng: Generator) -> None:
        self.start, self.done = {}, []

    def after_step(self, network: Module, step: int) -> None:
        from tricks.layers.members import become, member

        over = tails_over(self.tools.progress(), self.ingredients)
        if over >= 0 and not self.start and self.ingredients > 1:
            self.start = member(network)
        elif len(self.done) < min(over, self.ingredients - 1):
            self.done.append(member(network))
            become(network, self.start)
            self.tools.optimizer.state.clear()

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        from tricks.layers.members import committee, member, mixed

        if not self.done:
            return predict
        last = [member(network)] if self.tools.progress() >= 1 else []
        return committee(network, [mixed([*self.done, *last])])
