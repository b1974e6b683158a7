"""Gradient clipping: a gradient that is too long is shortened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Trick, knob
from tricks.places import STEEP

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


@dataclass(kw_only=True)
class GradClip(Trick):
    card = Card(
        title="Gradient clipping",
        title_zh="梯度裁剪",
        claim="Stops explosions: no single batch can throw the weights far away.",
        claimed_by="Pascanu et al. 2012",
        when="Deep networks without normalization, high rates: runs that end as diverged.",
        watch_out="It also slows every run whose gradients are usually longer than c. At a rate "
        "that is far too high it only helps a little; normalization is the cure there.",
        formula=r"g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right)",
        paper=Paper(
            authors="Pascanu, Mikolov and Bengio",
            year=2012,
            title="On the difficulty of training recurrent neural networks",
            arxiv="1211.5063",
        ),
        cost="1.02 times the time of a step",
        zh=Chinese(
            claim="防止梯度爆炸：任何一个批次都不能把权重甩得太远。",
            when="没有归一化的深网络、高学习率：会以发散告终的训练。",
            watch_out="梯度平时就比 c 长的训练会被它拖慢。学习率高得离谱时它只能帮一点，那时该用归"
            "一化。",
        ),
        regime=Regime(setup=STEEP, beside=("batch_norm",)),
    )
    max_norm: float = knob(
        1.0, low=0.01, high=100.0, log=True, symbol="c", help="the longest gradient allowed"
    )

    cut: Tensor | int = field(init=False, default=0, repr=False, compare=False)
    seen: int = field(init=False, default=0, repr=False, compare=False)

    def gradients(self, network: Module) -> None:
        from torch.nn.utils import clip_grad_norm_

        length = clip_grad_norm_(network.parameters(), self.max_norm)
        self.cut = self.cut + (length > self.max_norm)
        self.seen += 1

    def acted(self) -> Acted:
        return Acted(
            int(self.cut), self.seen, f"steps with a gradient longer than {self.max_norm:g}"
        )
