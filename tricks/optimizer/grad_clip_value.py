"""Clipping by value: no single number of the gradient may be too large."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Trick, knob
from tricks.places import STEEP

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


@dataclass(kw_only=True)
class GradClipValue(Trick):
    card = Card(
        title="Clipping by value",
        title_zh="按值裁剪梯度",
        claim="Cuts every number of the gradient to ±c, so no single weight is thrown far.",
        claimed_by="Mikolov 2012",
        when="Runs that end as diverged because of a few weights.",
        watch_out="It turns the gradient: the largest numbers are cut and the others stay. "
        "Clipping by length keeps the direction.",
        formula=r"g_i \leftarrow \min(\max(g_i, -c),\, c)",
        paper=Paper(
            authors="Mikolov",
            year=2012,
            title="Statistical language models based on neural networks",
            where="PhD thesis, Brno University of Technology",
        ),
        cost="1.02 times the time of a step",
        zh=Chinese(
            claim="把梯度的每个分量限制在 ±c 之内，不让任何一个权重被甩得太远。",
            when="因为少数几个权重而发散的训练。",
            watch_out="它会改变梯度的方向：大的被截断，其余不变。按长度裁剪则保持方向。",
        ),
        regime=Regime(
            setup=STEEP,
            knobs={"clip_value": 0.02},
            beside=("grad_clip",),
        ),
    )
    clip_value: float = knob(
        0.5, low=0.0001, high=100.0, log=True, symbol="c", help="the largest number allowed"
    )
    cut: Tensor | int = field(init=False, default=0, repr=False, compare=False)
    seen: int = field(init=False, default=0, repr=False, compare=False)

    def gradients(self, network: Module) -> None:
        from torch.nn.utils import clip_grad_value_, get_total_norm

        grads = [p.grad for p in network.parameters() if p.grad is not None]
        self.cut = self.cut + (get_total_norm(grads, float("inf")) > self.clip_value)
        self.seen += 1
        clip_grad_value_(network.parameters(), self.clip_value)

    def acted(self) -> Acted:
        return Acted(int(self.cut), self.seen, f"steps with a number above {self.clip_value:g}")
