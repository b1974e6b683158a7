"""Gradient clipping: a gradient that is too long is shortened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Paper, Trick, knob

if TYPE_CHECKING:
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
    )
    max_norm: float = knob(
        1.0, low=0.01, high=100.0, log=True, symbol="c", help="the longest gradient allowed"
    )

    def gradients(self, network: Module) -> None:
        from torch.nn.utils import clip_grad_norm_

        clip_grad_norm_(network.parameters(), self.max_norm)
