"""Soft threshold: small inputs become zero, large ones shrink by the threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tricks.base import Acted, Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class SoftThreshold(Trick):
    card = Card(
        title="Soft threshold",
        title_zh="软阈值化",
        claim="As the activation it removes small values, which helps on noisy inputs.",
        claimed_by="the thread",
        when="Strong noise in the inputs (turn up the input noise of the setup).",
        watch_out="Not shown so far: on noisy digits it ties with ReLU. A threshold that is too "
        "large makes the whole network zero, and nothing brings it back.",
        formula=r"f(x) = \operatorname{sign}(x)\,\max(|x| - \tau,\, 0)",
        paper=Paper(
            authors="Donoho",
            year=1995,
            title="De-noising by soft-thresholding",
            where="IEEE Transactions on Information Theory 41(3)",
        ),
        cost="nothing",
        thread="在噪声较强的时候，可以考虑采用软阈值化作为激活函数；阈值τ不能太大…而且，阈值不能为"
        "负",
        zh=Chinese(
            claim="作为激活函数，它去掉小的值，对有噪声的输入有帮助。",
            when="输入噪声很强的时候（把设置里的输入噪声调高）。",
            watch_out="目前没有得到证实：带噪声的 digits 上它与 ReLU 打平。阈值太大，整个网络都变"
            "成零，再也回不来。",
        ),
        regime=Regime(setup={"train_size": 400, "input_noise": 1.0, "epochs": 30}),
        rules=(
            Rule(
                kind="warning",
                title="Soft threshold may switch the network off",
                reason="Without normalization a threshold of {tau:g} can set everything that "
                "reaches the last layer to zero. Take τ up to 0.1, or add a normalization.",
                unless="slot:normalization",
                when=lambda own, other, facts: {"tau": own.tau} if own.tau > 0.1 else None,
            ),
        ),
    )
    slot = Slot.ACTIVATION
    tau: float = knob(
        0.1, low=0.0, high=1.0, symbol="τ", help="what every value is shrunk by; 0 is no activation"
    )

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from tricks.layers.soft_threshold import CountingSoftshrink

        return replace(spec, activation=partial(CountingSoftshrink, self.tau))

    def response(self, x: float) -> float:
        return math.copysign(max(abs(x) - self.tau, 0.0), x)

    def counts(self) -> list[tuple[int, int]]:
        """Of each layer: how many values it set to zero, and how many it saw."""
        from tricks.layers.soft_threshold import CountingSoftshrink

        layers = self.tools.network.modules()
        return [(int(one.zeros), one.seen) for one in layers if isinstance(one, CountingSoftshrink)]

    def acted(self) -> Acted:
        zeros, seen = (sum(column) for column in zip(*self.counts(), strict=True))
        return Acted(zeros, seen, "values below the threshold")

    def report(self) -> dict[str, Any]:
        return {"zeros": [round(zeros / max(1, seen), 4) for zeros, seen in self.counts()]}
