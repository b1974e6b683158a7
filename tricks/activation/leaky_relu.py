"""Leaky ReLU: negative inputs pass with a small slope instead of none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import EIGHT_LAYERS

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class LeakyReLU(Trick):
    card = Card(
        title="Leaky ReLU",
        title_zh="带泄漏的 ReLU",
        claim="Units cannot die, because negative inputs still pass a little gradient.",
        claimed_by="Maas et al. 2013",
        when="High rates or deep networks, where ReLU units die.",
        watch_out="Units rarely die in small networks: it scored the same as ReLU in a plain "
        "network of 8 layers (3 seeds on digits: .941 both).",
        formula=r"f(x) = \max(x, a x)",
        paper=Paper(
            authors="Maas, Hannun and Ng",
            year=2013,
            title="Rectifier nonlinearities improve neural network acoustic models",
            where="ICML 2013 workshop on deep learning for audio, speech and language",
        ),
        cost="nothing",
        zh=Chinese(
            claim="负的输入也放过一点梯度，所以单元不会“死掉”。",
            when="学习率高或网络深，ReLU 单元容易死掉的时候。",
            watch_out="小网络里单元很少死掉：8 层普通网络上它与 ReLU 得分相同（digits 上 3 个种"
            "子，都是 .941）。",
        ),
        regime=Regime(setup=EIGHT_LAYERS),
    )
    slot = Slot.ACTIVATION
    negative_slope: float = knob(
        0.01, low=0.0, high=0.3, neutral=0.0, symbol="a", help="slope below zero; 0 is ReLU"
    )

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torch import nn

        return replace(spec, activation=partial(nn.LeakyReLU, self.negative_slope))

    def response(self, x: float) -> float:
        return x if x > 0 else self.negative_slope * x
