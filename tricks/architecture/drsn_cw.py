"""DRSN-CW: a block's output is soft-thresholded, and every channel has a threshold of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tricks.base import Acted, Card, Chinese, Paper, Regime, Slot, Trick
from tricks.places import NOISY_IMAGES
from tricks.rules import batches_of_two

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class DrsnCw(Trick):
    card = Card(
        title="DRSN-CW",
        title_zh="深度残差收缩网络（逐通道阈值）",
        claim="A small network sets a soft threshold for each channel, which removes the noise.",
        claimed_by="the thread; Zhao et al. 2020",
        when="Strong noise in the inputs, with skips and batch norm as in the paper.",
        watch_out="Not shown: on digits with noise of one deviation it has 57.3 % and the plain "
        "network 58.7 %, and on signals with impulses squeeze-and-excitation does as well. The "
        "plain ResNet of its authors has skips: add them.",
        formula=r"\tau_c = \alpha_c\,\overline{|x_c|},\quad \alpha = "
        r"\sigma(\mathrm{FC}(\mathrm{ReLU}(\mathrm{BN}(\mathrm{FC}(\mathrm{GAP}|x|)))))",
        paper=Paper(
            authors="Zhao et al.",
            year=2020,
            title="Deep residual shrinkage networks for fault diagnosis",
            where="IEEE Transactions on Industrial Informatics 16(7):4681-4690",
        ),
        cost="1.2 to 1.4 times the time of a step",
        published="The authors' repository, CIFAR-10: with noise 84.33 % for a DRSN and 83.99 % "
        "for the ResNet, without 85.87 % and 85.57 %.",
        thread="设计了一个特殊的子网络来自动设置",
        zh=Chinese(
            claim="一个小的子网络为每个通道设置一个软阈值，把噪声去掉。",
            when="输入噪声很强的时候；像论文那样与跳连和批归一化一起用。",
            watch_out="没有得到证实：噪声为一个标准差的 digits 上它有 57.3 %，普通网络 58.7 %；在"
            "带脉冲的信号上通道注意力也一样好。作者的对照 ResNet 有跳连，请把跳连也加上。",
        ),
        regime=Regime(
            setup=NOISY_IMAGES,
            baseline=("skip_connection", "batch_norm"),
            beside=("squeeze_excite",),
        ),
        rules=(
            batches_of_two(
                "DRSN-CW",
                "The network that sets the thresholds has a batch norm, and in a batch of one "
                "example there is nothing to take a mean over. Use a larger batch.",
            ),
        ),
    )
    slot = Slot.ATTENTION
    kinds = ("cnn", "resnet")

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from tricks.layers.shrinkage import Shrinkage

        return replace(spec, attention=partial(Shrinkage, channel_wise=True))

    def acted(self) -> Acted:
        from tricks.layers.shrinkage import zeros

        return Acted(*zeros(self.tools.network), "values that the thresholds made zero")

    def report(self) -> dict[str, Any]:
        from tricks.layers.shrinkage import thresholds

        return {"thresholds": thresholds(self.tools.network)}
