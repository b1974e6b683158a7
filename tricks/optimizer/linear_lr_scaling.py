"""Linear scaling: k times the batch, k times the rate."""

from __future__ import annotations

from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

ADAPTIVE = ("adagrad", "rmsprop", "adam", "adamw", "nadam", "radam", "adamax", "lion")


def linear(lr: float, batch_size: int, base: int) -> float:
    """``lr * B / B0``. Goyal et al. 2017, section 2.1."""
    return lr * batch_size / base


@dataclass(kw_only=True)
class LinearLrScaling(Trick):
    card = Card(
        title="Linear rate scaling",
        title_zh="学习率线性缩放",
        claim="When the batch is k times as large, the rate can be too.",
        claimed_by="Goyal et al. 2017",
        when="A rate is known for one batch size and another one is used.",
        watch_out="It holds up to some batch size and then breaks, often as a diverged run; the "
        "paper needs a warm-up for it. With equal epochs, a large batch still takes fewer steps.",
        formula=r"\eta = \eta_0\,\frac{B}{B_0}",
        paper=Paper(
            authors="Goyal et al.",
            year=2017,
            title="Accurate, large minibatch SGD: Training ImageNet in 1 hour",
            arxiv="1706.02677",
        ),
        cost="nothing",
        zh=Chinese(
            claim="批量大 k 倍，学习率也可以大 k 倍。",
            when="只知道某个批量下的合适学习率，却要用另一个批量时。",
            watch_out="超过某个批量就不再成立，常常直接发散；论文里还需要预热。轮数相同时，大批量"
            "走的步数仍然更少。",
        ),
        regime=Regime(setup={"batch_size": 128, "epochs": 5, "lr": 0.05}),
        rules=(
            Rule(
                kind="hint",
                title="Linear rate scaling changes nothing at batch size {size}",
                reason="The rate is meant for batches of {size} already. Turn the batch size of "
                "the setup, or the knob base.",
                when=lambda own, other, facts: (
                    {"size": facts.batch_size} if facts.batch_size == own.base else None
                ),
            ),
            Rule(
                kind="warning",
                title="Linear rate scaling makes the rate {times:g} times as high at once",
                reason="The paper rises to such a rate slowly. Add Warm-up.",
                unless="warmup",
                when=lambda own, other, facts: (
                    {"times": facts.batch_size / own.base}
                    if facts.batch_size >= 8 * own.base
                    else None
                ),
            ),
            *(
                Rule(
                    kind="hint",
                    title="Linear rate scaling is a rule for SGD, not {other}",
                    reason="{other} divides by the gradient's size, which larger batches make "
                    "smaller; its rate goes with the square root of the batch.",
                    other=one,
                    when=lambda own, other, facts: (
                        {"other": other.card.title} if facts.batch_size != own.base else None
                    ),
                )
                for one in ADAPTIVE
            ),
        ),
    )
    base: int = knob(
        32, low=1, high=4096, integer=True, log=True, symbol="B₀",
        help="the batch size that the rate is meant for",
    )  # fmt: skip

    def scaled_rate(self, lr: float, batch_size: int) -> float:
        return linear(lr, batch_size, self.base)
