"""CutMix: a box of one image is pasted into another, and the labels are mixed by its area."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Facts, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor

    Box = tuple[int, int, int, int]

SHORT = 2000  # steps: a run of fewer has no time for two tricks that hide parts of images


def box_of(share: float, row: int, column: int, height: int, width: int) -> Box:
    """The box around a pixel that leaves ``share`` of the image, cut off at the border.

    Top, left, bottom, right. Yun et al. 2019, equation 2, in whole pixels as torchvision does it.
    """
    half = 0.5 * math.sqrt(1 - share)
    down, across = int(half * height), int(half * width)
    return (
        max(0, row - down), max(0, column - across),
        min(height, row + down), min(width, column + across),
    )  # fmt: skip


def cutmix(x: Tensor, y: Tensor, box: Box) -> tuple[Tensor, Tensor]:
    """Images with the box of their neighbor, and labels in proportion to the area of each."""
    top, left, bottom, right = box
    height, width = x.shape[-2:]
    new = x.clone()
    new[..., top:bottom, left:right] = x.roll(1, -4)[..., top:bottom, left:right]
    return new, y.lerp(y.roll(1, -2), (bottom - top) * (right - left) / (height * width))


@cache
def floor(alpha: float) -> float:
    """The mean entropy of labels of two classes, for boxes that are cut off at the border."""
    draw, total, count = random.Random(0), 0.0, 4000
    for _ in range(count):
        half = 0.5 * math.sqrt(1 - draw.betavariate(alpha, alpha))
        area = math.prod(
            min(1, at + half) - max(0, at - half) for at in (draw.random(), draw.random())
        )
        total -= sum(part * math.log(part) for part in (area, 1 - area) if part > 0)
    return total / count


def below(own: Cutmix, other: Any, facts: Facts) -> dict[str, object] | None:
    """The floor that mixed labels give the loss, if the level of flooding is under it."""
    if not own.alpha or not other.level or other.level >= floor(own.alpha):
        return None
    return {"alpha": own.alpha, "floor": floor(own.alpha), "level": other.level}


def unasked(own: Cutmix, other: Any, facts: Facts) -> dict[str, object] | None:
    """The answer with the lowest focal loss for an image that is 0.7 of one class, 0.3 another."""
    if not own.alpha or not other.gamma:
        return None

    def part(share: float, p: float) -> float:
        return -share * math.pow(1 - p, other.gamma) * math.log(p)

    answers = (i / 1000 for i in range(1, 1000))
    best = min(answers, key=lambda p: part(0.7, p) + part(0.3, 1 - p))
    return {"best": best, "gamma": other.gamma}


def both_hide(own: Cutmix, other: Any, facts: Facts) -> dict[str, object] | None:
    """Whether two tricks hide parts of the images in a run too short for it."""
    acts = own.alpha and next(iter(other.values().values())) != 0
    short = facts.steps is not None and facts.steps < SHORT
    return {"steps": facts.steps} if acts and short else None


def stacked(title: str, other: str) -> Rule:
    return Rule(
        kind="warning",
        title=f"CutMix and {title} hide too much in a short run",
        reason="Each hides a part of what there is to learn, which pays off in long training. "
        "{steps:,} steps are few: give each an arm of its own.",
        other=other,
        when=both_hide,
    )


def one_of(title: str, other: str, knob: str) -> Rule:
    return Rule(
        kind="hint",
        title=f"CutMix and {title} take turns",
        reason="Both mix the images of a batch, so each batch gets one of them, drawn at random.",
        other=other,
        when=lambda own, other, facts: {} if own.alpha and getattr(other, knob) else None,
    )


@dataclass(kw_only=True)
class Cutmix(Trick):
    card = Card(
        title="CutMix",
        title_zh="剪切混合",
        claim="Pasting patches between images, labels in proportion, makes better classifiers.",
        claimed_by="Yun et al. 2019",
        when="Long training on photographs of 32 pixels and more.",
        watch_out="No gain on small clean data: with 200 digits of 8 x 8 pixels it cost 1 point "
        "of accuracy in 30 epochs and none in 100 (10 seeds). The box is the same for the whole "
        "batch, as in torchvision; a pasted corner of background still brings its label.",
        formula=r"x' = m \odot x_i + (1 - m) \odot x_j, \quad t' = \lambda t_i + (1 - \lambda) "
        r"t_j, \quad \lambda = 1 - \text{area}, \; \lambda_0 \sim \mathrm{Beta}(\alpha, \alpha)",
        paper=Paper(
            authors="Yun et al.",
            year=2019,
            title="CutMix: Regularization strategy to train strong classifiers with localizable "
            "features",
            arxiv="1905.04899",
        ),
        cost="nothing measurable",
        published="YOLOv4, table 2: +0.1 points ImageNet top-1.",
        zh=Chinese(
            claim="在图像之间剪贴小块,标签按面积混合,分类器更好。",
            when="32 像素以上照片的长时间训练。",
            watch_out="在少而干净的数据上没有收益:200 张 8 x 8 数字,30 轮时准确率下降 1 个百分点,1"
            "00 轮时持平(10 个种子)。和 torchvision 一样,整批用同一个方框;贴过来的背景角落也会带来"
            "它的标签。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 100}, beside=("mixup",)),
        rules=(
            one_of("Mixup", "mixup", "alpha"),
            one_of("Mosaic", "mosaic", "p"),
            stacked("Cutout", "cutout"),
            stacked("DropBlock", "dropblock"),
            stacked("Random erasing", "random_erasing"),
            Rule(
                kind="warning",
                title="Flooding hardly acts on CutMix's labels",
                reason="Mixing different classes with α {alpha:g} keeps their mean loss above "
                "{floor:.2f}, so a flood level of {level:g} is hardly ever reached. Raise b "
                "above {floor:.2f}.",
                other="flooding",
                when=below,
            ),
            Rule(
                kind="warning",
                title="Focal loss does not ask for CutMix's labels",
                reason="For an image that is 0.70 of one class and 0.30 of another, focal loss "
                "with γ {gamma:g} is lowest at {best:.2f} instead of 0.70. Use one of the two.",
                other="focal_loss",
                when=unasked,
            ),
        ),
    )
    alternates = True
    alpha: float = knob(
        1.0, low=0.0, high=4.0, neutral=0.0, symbol="α",
        help="0 mixes nothing, 1 takes every share equally often",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        if self.alpha == 0:
            return x, y
        # Python draws Beta numbers from a seed; torch's Beta takes no generator.
        draw = random.Random(int(torch.randint(2**62, (), generator=rng)))
        share = draw.betavariate(self.alpha, self.alpha)
        height, width = x.shape[-2:]
        box = box_of(share, draw.randrange(height), draw.randrange(width), height, width)
        return cutmix(x, y, box)
