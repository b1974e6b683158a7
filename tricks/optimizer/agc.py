"""Adaptive clipping: a unit's gradient may be only so long beside the unit's weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Rule, Trick, knob
from tricks.places import STEEP

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

SMALLEST = 1e-3  # weights of 0 could never leave it otherwise


def unit_norms(w: Tensor) -> Tensor:
    """The length of each unit's weights, in a shape that goes with them; a bias is one unit."""
    import torch

    dims = tuple(range(1, w.dim())) if w.dim() > 1 else None
    norms: Tensor = torch.linalg.vector_norm(w, dim=dims, keepdim=w.dim() > 1)
    return norms


def shares(g: Tensor, w: Tensor, clipping: float) -> Tensor:
    """What to multiply each unit's gradient by; 1 leaves it. Brock et al. 2021, equation 3."""
    longest = clipping * unit_norms(w).clamp_min(SMALLEST)
    return (longest / unit_norms(g).clamp_min(1e-6)).clamp_max(1.0)


@dataclass(kw_only=True)
class AGC(Trick):
    card = Card(
        title="Adaptive gradient clipping",
        title_zh="自适应梯度裁剪",
        claim="Clipping each unit by the length of its own weights replaces batch norm's safety.",
        claimed_by="Brock et al. 2021",
        when="Deep networks without normalization, large batches, high rates.",
        watch_out="λ 0.01 was for batches of 4,096; smaller batches want it larger. The last layer "
        "is not clipped, as in the paper, and biases at 0 are clipped hard.",
        formula=r"g_i \leftarrow g_i \cdot \min\left(1, \lambda\,"
        r"\frac{\max(\lVert w_i \rVert, 10^{-3})}{\lVert g_i \rVert}\right)",
        paper=Paper(
            authors="Brock, De, Smith and Simonyan",
            year=2021,
            title="High-performance large-scale image recognition without normalization",
            arxiv="2102.06171",
        ),
        cost="a length for every unit and step",
        zh=Chinese(
            claim="按每个单元自己权重的长度裁剪它的梯度，可以代替批归一化带来的稳定。",
            when="没有归一化的深网络、大批量、高学习率。",
            watch_out="λ 取 0.01 针对 4096 的批量；批量小应取大一些。按论文，最后一层不裁剪；"
            "从 0 开始的偏置会被裁得很厉害。",
        ),
        regime=Regime(setup=STEEP, beside=("grad_clip", "batch_norm")),
        rules=(
            Rule(
                kind="hint",
                title="Two clips: Adaptive gradient clipping and Gradient clipping",
                reason="Each unit is clipped first, and then the whole gradient again.",
                other="grad_clip",
            ),
        ),
    )
    clipping: float = knob(
        0.01, low=0.0001, high=10.0, log=True, symbol="λ",
        help="the longest gradient of a unit, as a share of its weights",
    )  # fmt: skip
    cut: Tensor | int = field(init=False, default=0, repr=False, compare=False)
    seen: int = field(init=False, default=0, repr=False, compare=False)

    def gradients(self, network: Module) -> None:
        from torch import nn

        layers = [m for m in network.modules() if isinstance(m, nn.Linear)]
        last = {id(p) for p in layers[-1].parameters()} if layers else set()
        cut: Tensor | bool = False
        for p in network.parameters():
            if p.grad is not None and id(p) not in last:
                share = shares(p.grad, p.detach(), self.clipping)
                cut = cut | (share < 1).any()
                p.grad.mul_(share)
        self.cut = self.cut + cut
        self.seen += 1

    def acted(self) -> Acted:
        return Acted(
            int(self.cut), self.seen, f"steps with a gradient above {self.clipping:g} of a unit"
        )
