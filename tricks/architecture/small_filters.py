"""Small filters: 3x3 convolutions, several of which see as far as a large one."""

from __future__ import annotations

from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Trick


@dataclass(kw_only=True)
class SmallFilters(Trick):
    card = Card(
        title="Small filters",
        title_zh="小卷积核",
        claim="A stack of 3x3 convolutions sees as far as a large one with fewer weights.",
        claimed_by="Simonyan and Zisserman 2014; Wei Xiu-Shen",
        when="Always: every convolution of the networks here is 3x3.",
        watch_out="The baseline has it already. To see what it saves, compare with large filters; "
        "the maps of 8x8 digits are small, so there is little to see far away.",
        formula=r"3 \cdot 3^2 C^2 = 27\,C^2 < 7^2 C^2 = 49\,C^2",
        paper=Paper(
            authors="Simonyan and Zisserman",
            year=2014,
            title="Very deep convolutional networks for large-scale image recognition",
            arxiv="1409.1556",
        ),
        cost="nothing: the baseline has it",
        zh=Chinese(
            claim="几个 3x3 卷积叠起来，看得和一个大卷积一样远，参数却更少。",
            when="总是：这里的网络里每个卷积都是 3x3。",
            watch_out="基线已经有了。想知道它省了多少，请与大卷积核比较；8x8 的数字特征图很小，远"
            "处没有多少可看的。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "cnn", "depth": 3, "width": 16},
                "train_size": 500,
                "epochs": 10,
                "lr": 0.05,
            },
            beside=("large_filters",),
        ),
    )
    is_default = True
    kinds = ("cnn", "resnet")
