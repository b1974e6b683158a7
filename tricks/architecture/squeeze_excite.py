"""Squeeze-and-excitation: each channel is weighed by what the whole image shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob
from tricks.places import NOISY_IMAGES

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class SqueezeExcite(Trick):
    card = Card(
        title="Squeeze-and-excitation",
        title_zh="通道注意力（SE）",
        claim="A network that weighs its channels by the whole image sees more for little work.",
        claimed_by="the thread (attention); Hu et al. 2017",
        when="Deep convolutional networks with many channels.",
        watch_out="Its gates begin near one half, so every block starts at half its strength: "
        "without normalization that alone changes how fast the network learns. With few channels "
        "the bottleneck is one or two units wide.",
        formula=r"y_c = x_c\,\sigma\left(W_2\,\mathrm{ReLU}(W_1\,\mathrm{GAP}(x))\right)_c",
        paper=Paper(
            authors="Hu et al.",
            year=2017,
            title="Squeeze-and-excitation networks",
            arxiv="1709.01507",
        ),
        cost="1.1 times the time of a step, 2/r of a 1x1 convolution's weights",
        thread="attention",
        zh=Chinese(
            claim="按整张图像给各个通道加权，网络只多花一点计算就能看到更多。",
            when="通道较多的深卷积网络。",
            watch_out="门的初值约为一半，所以每个块一开始只有一半的强度：没有归一化时，光这一点就会"
            "改变学习的快慢。通道少的时候，瓶颈只有一两个单元宽。",
        ),
        regime=Regime(
            setup=NOISY_IMAGES,
            baseline=("skip_connection", "batch_norm"),
        ),
    )
    slot = Slot.ATTENTION
    kinds = ("cnn", "resnet")
    reduction: int = knob(
        4, low=1, high=16, integer=True, symbol="r",
        help="channels per unit of the bottleneck; the paper has 16 and hundreds of channels",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from torchvision.ops import SqueezeExcitation

        def attention(features: int) -> Module:
            gate: Module = SqueezeExcitation(features, max(1, features // self.reduction))
            return gate

        return replace(spec, attention=attention)
