"""Progressive resizing: begin with small images and let them grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob
from tricks.rules import saves_time

if TYPE_CHECKING:
    from torch import Generator, Tensor


def resized(x: Tensor, scale: float) -> Tensor:
    """(..., channels, height, width) images ``scale`` times as high and wide, in whole pixels."""
    from torch.nn.functional import interpolate

    size = [max(1, round(scale * side)) for side in x.shape[-2:]]
    if size == list(x.shape[-2:]):
        return x
    small = interpolate(x.flatten(0, -4), size=size, mode="bilinear", antialias=True)
    return small.reshape(*x.shape[:-2], *size)


def scale_at(progress: float, start: float, end: float) -> float:
    """From ``start`` in a straight line to 1 at ``end`` of the run."""
    return 1.0 if progress >= end else start + (1 - start) * progress / end


@dataclass(kw_only=True)
class ProgressiveResizing(Trick):
    card = Card(
        title="Progressive resizing",
        title_zh="渐进式缩放",
        claim="Small images at first save time and cost no accuracy.",
        claimed_by="the thread; fastai; Composer",
        when="Large images and a network that pools at the end: compare at equal seconds, since "
        "it saves time and not steps.",
        watch_out="On images of 8 × 8 pixels there is nothing to save, and half of that shows no "
        "digit. The network must end at the full size.",
        formula=r"s(t) = s_0 + (1 - s_0)\, \min(1, t / t_1)",
        paper=Paper(
            authors="Karras et al.",
            year=2017,
            title="Progressive growing of GANs for improved quality, stability, and variation",
            arxiv="1710.10196",
        ),
        cost="0.6 to 0.8 times the time of a run on large images",
        thread="progress learning",
        zh=Chinese(
            claim="一开始用小图能省时间，又不损失准确率。",
            when="图像大、网络末端有全局池化时：它省的是时间不是步数，要在相同秒数下比较。",
            watch_out="8 × 8 的图没什么可省，缩一半就看不出数字了。最后必须回到原始大小。",
        ),
        regime=Regime(
            setup={
                "dataset": "shapes",
                "difficulty": 0.0,
                "train_size": 2000,
                "network": {"kind": "resnet", "depth": 3, "width": 8},
                "lr": 0.05,
                "seconds": 15,
            },
            baseline=("batch_norm",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="The images are small already",
                reason="They have {side} pixels a side and training begins with {small}: little "
                "time is saved, and little can be seen in them.",
                when=lambda own, other, facts: (
                    {
                        "side": min(facts.image[1:]),
                        "small": max(1, round(own.start * min(facts.image[1:]))),
                    }
                    if own.start < 1 and min(facts.image[1:]) < 16
                    else None
                ),
            ),
            saves_time("Progressive resizing", lambda own: own.start < 1),
        ),
    )
    kinds = ("resnet",)
    learns = False  # digits of 4 x 4 pixels teach nothing, and 24 steps at full size are few
    order = 10
    start: float = knob(
        0.5, low=0.25, high=1.0, neutral=1.0, symbol="s₀", help="side of the first images"
    )
    end: float = knob(
        0.6, low=0.0, high=1.0, symbol="t₁", help="share of the run after which they are whole"
    )

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        return resized(x, scale_at(self.tools.progress(), self.start, self.end)), y
