"""Dense block: every layer reads all maps before it, stacked instead of added."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class DenseConcat(Trick):
    card = Card(
        title="Dense block",
        title_zh="通道堆叠（密集连接）",
        claim="Stacking maps instead of adding them keeps early features for every later layer.",
        claimed_by="the thread; Huang et al. 2016",
        when="Few weights: the layers can be narrow, since they need not repeat what is there.",
        watch_out="A 1x1 convolution brings each block back to the plain block's channels, so "
        "maps are stacked within a block only and not over a whole stage as in DenseNet. The "
        "stack takes memory. Compare it with skip connections at a similar number of weights.",
        formula=r"x_l = H_l([x_0, x_1, \dots, x_{l-1}])",
        paper=Paper(
            authors="Huang et al.",
            year=2016,
            title="Densely connected convolutional networks",
            arxiv="1608.06993",
        ),
        cost="more memory; less or more work, by the growth",
        thread="堆叠 concatenate",
        zh=Chinese(
            claim="把特征图堆叠而不是相加，早期的特征留给后面每一层使用。",
            when="参数很少的时候：各层可以很窄，因为不必重复已有的特征。",
            watch_out="每个块最后用 1x1 卷积回到普通块的通道数，所以堆叠只在块内，不像 DenseNet 那"
            "样贯穿整个阶段。堆叠占内存。请在参数量相近时与跳连比较。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "resnet", "depth": 3, "width": 16},
                "train_size": 500,
                "epochs": 10,
                "lr": 0.05,
            },
            baseline=("batch_norm",),
            beside=("skip_connection",),
        ),
    )
    slot = Slot.BLOCK
    kinds = ("resnet",)
    growth: int = knob(
        12, low=1, high=32, integer=True, symbol="k", help="channels that each layer adds"
    )
    layers: int = knob(
        3, low=1, high=6, integer=True, symbol="L", help="3x3 convolutions in a block"
    )

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from tricks.layers.branches import DenseBranch

        block = partial(DenseBranch, growth=self.growth, layers=self.layers)
        return replace(spec, block=block)
