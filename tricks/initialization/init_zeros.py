"""All weights zero: a pitfall, to be seen once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick
from tricks.places import TEN_LAYERS

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module


@dataclass(kw_only=True)
class InitZeros(Trick):
    card = Card(
        title="All zeros",
        title_zh="全零初始化",
        claim="Nothing is left to chance, and nothing is learned.",
        claimed_by="a common mistake",
        when="Only to see why chance is needed: every unit of a layer stays equal to every other.",
        watch_out="With zeros behind zeros no gradient reaches any weight: the network learns "
        "how often each class occurs, in its last bias, and nothing else (3 seeds on digits, 10 "
        "layers: .088).",
        formula=r"W = 0, \quad b = 0",
        paper=Paper(
            authors="Goodfellow, Bengio and Courville",
            year=2016,
            title="Deep learning, section 8.4: Parameter initialization strategies",
            where="MIT Press",
        ),
        cost="nothing",
        thread="参数初始化非常坑，自己以前在上面栽过",
        zh=Chinese(
            claim="没有任何随机性，也什么都学不到。",
            when="只为看清为什么需要随机：同一层的单元永远彼此相同。",
            watch_out="零后面还是零，没有梯度能到达任何权重：网络只在最后的偏置里学到各类出现的"
            "频率，别的都学不到（digits 上 3 个种子，10 层：.088）。",
        ),
        regime=Regime(setup=TEN_LAYERS),
        rules=(
            Rule(
                kind="hint",
                title="All zeros stay zero",
                reason="No gradient reaches a weight that has only zeros before and behind it, so "
                "this arm stays at chance. That is what it is here to show.",
            ),
        ),
    )
    slot = Slot.INITIALIZATION
    learns = False  # that it does not is the lesson

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        from tricks.layers.first_weights import fill

        fill(network, nn.init.zeros_)
