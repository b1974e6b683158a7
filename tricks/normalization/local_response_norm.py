"""Local response norm: strong channels hold down their neighbors at the same pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class LocalResponseNorm(Trick):
    card = Card(
        title="Local response norm",
        title_zh="局部响应归一化",
        claim="Neighboring channels compete, as neurons do, which helps to generalize.",
        claimed_by="Krizhevsky, Sutskever and Hinton 2012",
        when="To see what stood in AlexNet before batch norm.",
        watch_out="With the α of AlexNet it divides ordinary inputs by nearly the same number "
        "everywhere, which only slows learning: on digits 0.91 instead of 0.97 after 4 epochs "
        "(2 seeds). AlexNet has it behind the ReLU, here it stands in front like the other norms.",
        formula=r"y_c = x_c \Big/ \Big(k + \frac{\alpha}{n}"
        r"\sum_{|j - c| \le n/2} x_j^2\Big)^{\beta}",
        paper=Paper(
            authors="Krizhevsky, Sutskever and Hinton",
            year=2012,
            title="ImageNet classification with deep convolutional neural networks",
            where="NeurIPS 25, section 3.3",
        ),
        cost="1.1 to 1.5 times the time of a step",
        zh=Chinese(
            claim="相邻通道像神经元那样互相竞争，有助于泛化。",
            when="想看看批归一化出现之前 AlexNet 用的是什么。",
            watch_out="用 AlexNet 的 α "
            "时，普通大小的输入处处除以差不多的数，只会让学习变慢：数字数据上 4 轮后 0.91 对 "
            "0.97（2 个种子）。AlexNet 把它放在 ReLU 之后，这里和其他归一化一样放在前面。",
        ),
        regime=Regime(
            setup={"network": {"kind": "cnn", "depth": 3, "width": 16}, "epochs": 4, "lr": 0.05},
            beside=("batch_norm",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Local response norm averages over all {width} channels",
                reason="A window of {size} channels is wider than the first layers are, so their "
                "channels are all neighbors.",
                when=lambda own, other, facts: (
                    {"width": facts.width, "size": own.size}
                    if facts.width <= own.size // 2
                    else None
                ),
            ),
        ),
    )
    slot = Slot.NORMALIZATION
    kinds = ("cnn", "resnet")
    size: int = knob(
        5, low=1, high=31, integer=True, symbol="n", help="how many neighboring channels compete"
    )
    alpha: float = knob(
        1e-4, low=1e-5, high=10.0, log=True, symbol="α",
        help="how strongly; 0.0001 in AlexNet, where the inputs were larger",
    )  # fmt: skip
    beta: float = knob(0.75, low=0.0, high=2.0, symbol="β", help="power of the divisor")
    k: float = knob(2.0, low=0.1, high=10.0, symbol="k", help="what every divisor has at least")

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, normalization=self.layer)

    def layer(self, features: int, images: bool) -> Module:
        """The layer for (N, C, H, W) images."""
        from tricks.layers.local_response_norm import LocalResponseNorm

        return LocalResponseNorm(features, self.size, self.alpha, self.beta, self.k)
