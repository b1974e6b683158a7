"""DropBlock: in training, square pieces of the maps are cut out at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch.nn import Module

    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class DropBlock(Trick):
    card = Card(
        title="DropBlock",
        title_zh="块状随机失活",
        claim="Dropping connected pieces of maps regularizes convolutions better than dropout.",
        claimed_by="Ghiasi, Lin and Le 2018; in YOLOv4's bag of freebies",
        when="Convolutional networks on images large enough to lose a piece, long training.",
        watch_out="The paper raises p slowly from 0; here it is constant. On maps smaller than a "
        "block whole maps are dropped. Short runs and clean data lose.",
        formula=r"\gamma = \frac{p}{b^2}\,\frac{HW}{(H - b + 1)(W - b + 1)}, \quad"
        r" y = \frac{m \odot x}{\bar m}",
        paper=Paper(
            authors="Ghiasi, Lin and Le",
            year=2018,
            title="DropBlock: A regularization method for convolutional networks",
            arxiv="1810.12890",
        ),
        cost="1.05 to 1.3 times the time of a step",
        zh=Chinese(
            claim="丢掉特征图里连成一片的区域，比随机失活更适合卷积。",
            when="图像大到丢得起一块、训练时间又长的卷积网络。",
            watch_out="论文里 p 从 0 慢慢升高，这里是常数。特征图比块还小时，整张图都被丢掉。"
            "训练短、数据干净时会变差。",
        ),
        regime=Regime(
            setup={
                "train_size": 400,
                "label_noise": 0.3,
                "network": {"kind": "cnn", "depth": 3, "width": 32},
                "epochs": 40,
                "lr": 0.05,
            },
            beside=("spatial_dropout",),
        ),
        rules=(
            Rule(
                kind="error",
                title="DropBlock and Spatial dropout exclude each other",
                reason="Both stand behind the activation of every convolution, so one arm can "
                "have only one of them.",
                other="spatial_dropout",
            ),
        ),
    )
    kinds = ("cnn", "resnet")
    p: float = knob(
        0.1, low=0.0, high=0.9, neutral=0.0, symbol="p", help="share of the pixels to drop, about"
    )
    block_size: int = knob(
        3, low=1, high=15, integer=True, symbol="b",
        help="side of a block; even sides and those larger than a map are cut down to an odd one",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, map_dropout=self.layer)

    def layer(self) -> Module:
        """The layer behind a convolution's activation."""
        from tricks.layers.drop_block import DropBlock

        return DropBlock(self.p, self.block_size)
