"""Cross mini-batch norm: the small batches of one accumulated step share their statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.rules import batches_of_two, behind_dropout

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class CrossMiniBatchNorm(Trick):
    card = Card(
        title="Cross mini-batch norm",
        title_zh="跨小批量归一化",
        claim="Batch norm for small batches: accumulated batches pool their statistics.",
        claimed_by="Bochkovskiy, Wang and Liao 2020",
        when="Together with gradient accumulation, when only a few examples fit into memory.",
        watch_out="Only the last batch of a window sees all the statistics, the first one has its "
        "own alone. Without gradient accumulation the weights move within a window, and the "
        "statistics of the batches before are out of date.",
        formula=r"\mu_t = \frac{1}{t}\sum_{i \le t} \overline{x_i}, \quad \sigma_t^2 ="
        r" \frac{1}{t}\sum_{i \le t} \overline{x_i^2} - \mu_t^2, \quad t = 1 \dots k",
        paper=Paper(
            authors="Bochkovskiy, Wang and Liao",
            year=2020,
            title="YOLOv4: Optimal speed and accuracy of object detection",
            arxiv="2004.10934",
        ),
        cost="1.1 to 1.4 times the time of a step",
        published="YOLOv4, table 4, detector AP: 38.0 to 38.4.",
        zh=Chinese(
            claim="小批量的批归一化：一次累积里的各小批共用统计量。",
            when="显存只放得下几张图、与梯度累积一起用的时候。",
            watch_out="窗口里只有最后一批看得到全部统计量，第一批只有自己的。不做梯度累积时权重在"
            "窗口里会变，前几批的统计量就过时了。",
        ),
        regime=Regime(
            setup={
                "train_size": 800, "network": {"kind": "mlp", "depth": 2, "width": 128},
                "steps": 3200, "batch_size": 2, "lr": 0.1,
            },
            beside=("batch_norm",),
            baseline=("grad_accum",),
        ),
        rules=(
            batches_of_two(
                "Cross mini-batch norm",
                "The first batch of a window is normalized by itself, and one example has no "
                "deviation. Use a larger batch, or group norm.",
            ),
            Rule(
                kind="hint",
                title="Cross mini-batch norm belongs with Gradient accumulation",
                reason="Without it the weights move at each of the {window} batches that share "
                "their statistics, and those of the batches before are out of date.",
                unless="grad_accum",
                when=lambda own, other, facts: (
                    {"window": own.window} if own.window > 1 else None
                ),
            ),
            Rule(
                kind="warning",
                title="The windows of Cross mini-batch norm and Gradient accumulation differ",
                reason="{k} batches make a step and {window} share their statistics, so a window "
                "reaches across a step that moved the weights, or ends before it. Give both the "
                "same number.",
                other="grad_accum",
                when=lambda own, other, facts: (
                    {"k": other.k, "window": own.window} if other.k != own.window else None
                ),
            ),
            Rule(
                kind="hint",
                title="SAM passes each batch through Cross mini-batch norm twice",
                reason="The window counts passes, not batches, so it holds half as many batches "
                "and the second pass sees the statistics of the first.",
                other="sam",
            ),
            behind_dropout("Cross mini-batch norm"),
        ),
    )  # fmt: skip
    slot = Slot.NORMALIZATION
    window: int = knob(
        4, low=1, high=32, integer=True, log=True, symbol="k",
        help="mini-batches that share their statistics, as many as gradients are accumulated; 1 "
        "is batch norm",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, normalization=self.layer)

    def layer(self, features: int, images: bool) -> Module:
        """The layer for (N, C, H, W) ``images`` or (N, C) features."""
        from tricks.layers.batch_norms import CrossMiniBatchNorm

        return CrossMiniBatchNorm(features, self.window)
