"""ReZero: every residual branch times a learned number that starts at zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.base import Split


@dataclass(kw_only=True)
class ReZero(Trick):
    card = Card(
        title="ReZero",
        title_zh="ReZero 残差门",
        claim="Each block starts as the identity, so even very deep networks learn at once.",
        claimed_by="Bachlechner et al. 2020",
        when="Deep networks with skips and without normalization.",
        watch_out="Blocks wake up one after the other, which costs the first steps; with a "
        "normalization and few layers there is nothing to gain.",
        formula=r"y = x + \alpha\,F(x), \quad \alpha = 0 \text{ at the start}",
        paper=Paper(
            authors="Bachlechner et al.",
            year=2020,
            title="ReZero is all you need: Fast convergence at large depth",
            arxiv="2003.04887",
        ),
        cost="one weight for each block",
        zh=Chinese(
            claim="每个块一开始都是恒等映射，很深的网络也能马上学起来。",
            when="有跳连、没有归一化的深层网络。",
            watch_out="各块是陆续“醒来”的，最初的几步要花在这上面；有归一化、层数又少时没有好处。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "mlp", "depth": 30, "width": 48},
                "epochs": 12,
                "lr": 0.02,
            },
            baseline=("skip_connection",),
        ),
        rules=(
            Rule(
                kind="error",
                title="ReZero needs Skip connection",
                reason="It multiplies what a block adds to its input, and without skips no block "
                "adds anything. Add Skip connection to the arm.",
                unless="skip_connection",
            ),
            Rule(
                kind="hint",
                title="ReZero learns the scale of a branch itself",
                reason="It starts from 0, so the {scale:g} of Skip connection is not used.",
                other="skip_connection",
                when=lambda own, other, facts: (
                    {"scale": other.scale} if other.scale is not None else None
                ),
            ),
            Rule(
                kind="error",
                title="Fixup and ReZero both start the branches at zero",
                reason="A branch whose last weights and whose factor are both zero gets no "
                "gradient, ever. Use one of the two.",
                other="fixup",
            ),
            Rule(
                kind="error",
                title="ReZero and Zero gamma both start the branches at zero",
                reason="A branch whose γ and whose factor are both zero gets no gradient, ever. "
                "Use one of the two.",
                other="zero_gamma",
            ),
        ),
    )

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        from torch import nn

        from tricks.layers.gate import Gate, residuals

        for block in list(residuals(network)):
            block.branch, block.scale = nn.Sequential(block.branch, Gate(0.0)), 1.0
        return network

    def report(self) -> dict[str, Any]:
        from tricks.layers.gate import Gate

        gates = [one for one in self.tools.network.modules() if isinstance(one, Gate)]
        return {"gates": [round(one.alpha.item(), 4) for one in gates]}
