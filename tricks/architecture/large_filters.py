"""Large filters: 5x5 or 7x7 convolutions, the counterpart of small ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class LargeFilters(Trick):
    card = Card(
        title="Large filters",
        title_zh="大卷积核",
        claim="A larger window sees more of the image in one layer.",
        claimed_by="Krizhevsky et al. 2012, before small filters took over",
        when="Shallow networks on large images; else as the counterpart of small filters.",
        watch_out="A 5x5 convolution has 2.8 times the weights and the work of a 3x3 one, a 7x7 "
        "one 5.4 times. A gain is the window's only if a network with as many weights does not "
        "have it too.",
        formula=r"(2r+1)^2\,C\,C' \text{ weights}",
        paper=Paper(
            authors="Krizhevsky et al.",
            year=2012,
            title="ImageNet classification with deep convolutional neural networks",
            where="Advances in Neural Information Processing Systems 25",
        ),
        cost="2.8 times the work of each convolution at 5x5, 5.4 times at 7x7",
        zh=Chinese(
            claim="更大的窗口让一层就看到图像的更多部分。",
            when="大图像上的浅网络；此外作为小卷积核的对照。",
            watch_out="5x5 卷积的参数和计算量是 3x3 的 2.8 倍，7x7 是 5.4 倍。只有参数一样多的网络"
            "没有同样的提升时，才能归功于窗口。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "cnn", "depth": 3, "width": 16},
                "train_size": 500,
                "epochs": 10,
                "lr": 0.05,
            },
        ),
        rules=(
            Rule(
                kind="error",
                title="Large filters and Small filters exclude each other",
                reason="A convolution has one size. Small ones are in the baseline already.",
                other="small_filters",
            ),
        ),
    )
    kinds = ("cnn", "resnet")
    radius: int = knob(
        2, low=1, high=3, integer=True, neutral=1, symbol="r",
        help="pixels the window reaches to each side: 1 is 3x3, 2 is 5x5, 3 is 7x7",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, kernel=2 * self.radius + 1)
