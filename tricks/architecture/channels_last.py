"""Channels last: the memory layout in which convolutions are fastest."""

from __future__ import annotations

from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Trick


@dataclass(kw_only=True)
class ChannelsLast(Trick):
    card = Card(
        title="Channels last",
        title_zh="通道在后的内存布局",
        claim="Convolutions run faster when the channels of a pixel lie side by side in memory.",
        claimed_by="Composer; the makers of PyTorch",
        when="Always: every convolutional network here trains in it, on every device.",
        watch_out="The baseline has it already, and there is no arm without it. It changes the "
        "speed and no result; the gain is a graphics card's with half precision, on a CPU it is "
        "small.",
        formula=r"(N, H, W, C) \text{ in memory},\ (N, C, H, W) \text{ in name}",
        paper=Paper(
            authors="Paszke et al.",
            year=2019,
            title="PyTorch: An imperative style, high-performance deep learning library",
            arxiv="1912.01703",
        ),
        cost="nothing: the baseline has it",
        zh=Chinese(
            claim="一个像素的各通道在内存里相邻时，卷积更快。",
            when="总是：这里的卷积网络在所有设备上都这样训练。",
            watch_out="基线已经有了，也没有不用它的对照。它只改变速度，不改变结果；主要在显卡的半"
            "精度下"
            "有收益，CPU 上很小。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "cnn", "depth": 3, "width": 32},
                "train_size": 500,
                "epochs": 5,
                "lr": 0.05,
            },
            beside=("split_transform", "factorize"),
        ),
    )
    is_default = True
    kinds = ("cnn", "resnet")
