"""Xavier initialization: a variance between what forward and backward signals need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick
from tricks.places import TEN_LAYERS

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module


@dataclass(kw_only=True)
class InitXavier(Trick):
    card = Card(
        title="Xavier",
        title_zh="Xavier 初始化",
        claim="Signals keep their size forward and backward through layers of tanh.",
        claimed_by="Glorot and Bengio 2010",
        when="Activations that are linear around zero, such as tanh.",
        watch_out="Each ReLU halves the variance, which this does not make up for: deep ReLU "
        "networks start with small signals.",
        formula=r"\operatorname{Var}(W) = \frac{2}{n_\text{in} + n_\text{out}}",
        paper=Paper(
            authors="Glorot and Bengio",
            year=2010,
            title="Understanding the difficulty of training deep feedforward neural networks",
            where="AISTATS 2010",
        ),
        cost="nothing",
        thread="参数初始化非常坑，自己以前在上面栽过",
        zh=Chinese(
            claim="信号穿过多层 Tanh，前向和反向都保持大小。",
            when="在零附近近似线性的激活，例如 Tanh。",
            watch_out="每个 ReLU 使方差减半，而它不作补偿：深的 ReLU 网络一开始信号就很小。",
        ),
        regime=Regime(setup=TEN_LAYERS),
        rules=(
            Rule(
                kind="hint",
                title="Normalization hides the initialization",
                reason="It brings every layer back to the same size, so Xavier and Kaiming start "
                "nearly alike. To see an initialization, leave the normalization out.",
                other="slot:normalization",
            ),
        ),
    )
    slot = Slot.INITIALIZATION

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        from tricks.layers.first_weights import fill

        # Normal, as Kaiming is here: the two differ in the variance alone.
        fill(network, lambda weight: nn.init.xavier_normal_(weight, generator=rng))
