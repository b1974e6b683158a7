"""Random erasing: a rectangle of any shape is wiped out of some images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Facts, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor

SHORT = 2000  # steps: a run of fewer has no time for two tricks that hide parts of images
LEAST, LONGEST, TRIES = 0.02, 3.3, 10  # the least area, the largest ratio, as in the paper


def both_hide(own: RandomErasing, other: Any, facts: Facts) -> dict[str, object] | None:
    """Whether two tricks hide parts of the images in a run too short for it."""
    acts = own.p and next(iter(other.values().values())) != 0
    short = facts.steps is not None and facts.steps < SHORT
    return {"steps": facts.steps} if acts and short else None


def rectangles(
    count: int, height: int, width: int, most: float, rng: Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Top, left, height and width of a rectangle for each example, each (N, 1, 1, 1).

    Area and ratio are drawn until the rectangle fits, ten times at most, else nothing is erased:
    Zhong et al. 2017, algorithm 1, in whole pixels as torchvision does it.
    """
    import torch

    area = min(LEAST, most) + (most - min(LEAST, most)) * torch.rand(count, TRIES, generator=rng)
    ratio = (math.log(LONGEST) * (2 * torch.rand(count, TRIES, generator=rng) - 1)).exp()
    high = (area * height * width * ratio).sqrt().round()
    wide = (area * height * width / ratio).sqrt().round()
    fits = (high < height) & (wide < width)
    first = fits.int().argmax(1, keepdim=True)  # the first that fits; the first of all if none
    high, wide = ((one * fits).gather(1, first).squeeze(1) for one in (high, wide))
    top, left = (
        (torch.rand(count, generator=rng) * (side - long + 1)).floor()
        for side, long in ((height, high), (width, wide))
    )
    return tuple(one[:, None, None, None] for one in (top, left, high, wide))  # type: ignore[return-value]


@dataclass(kw_only=True)
class RandomErasing(Trick):
    card = Card(
        title="Random erasing",
        title_zh="随机擦除",
        claim="Images with a part erased prepare for objects that are half hidden.",
        claimed_by="Zhong et al. 2017",
        when="Long training on photographs in which things hide one another.",
        watch_out="A digit with a stroke erased can be another digit. It fills with 0: the mean, "
        "if inputs are standardized, else black.",
        formula=r"x'_{box} = 0 \;\text{ with probability } p, \quad "
        r"\text{area} \sim \mathcal{U}(0.02, a), \quad \text{ratio} \in [0.3, 3.3]",
        paper=Paper(
            authors="Zhong et al.",
            year=2017,
            title="Random erasing data augmentation",
            arxiv="1708.04896",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="擦去一部分的图像,让网络适应被遮住一半的物体。",
            when="照片上的长时间训练,物体会互相遮挡。",
            watch_out="擦掉一笔,数字可能变成另一个数字。填充值为 0:标准化后是均值,否则是黑色。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}),
        rules=(
            Rule(
                kind="warning",
                title="Random erasing and DropBlock hide too much in a short run",
                reason="Each hides a part of what there is to learn, which pays off in long "
                "training. {steps:,} steps are few: give each an arm of its own.",
                other="dropblock",
                when=both_hide,
            ),
        ),
    )
    order = -5
    p: float = knob(
        0.5, low=0.0, high=1.0, neutral=0.0, symbol="p", help="the share of images it is done to"
    )
    scale: float = knob(
        0.33, low=0.0, high=1.0, neutral=0.0, symbol="a", help="the largest area that is erased"
    )

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import boxes, erased

        if self.p == 0 or self.scale == 0:
            return x, y
        count, _, height, width = x.shape[-4:]
        chosen = torch.rand(count, 1, 1, 1, generator=rng) < self.p
        box = rectangles(count, height, width, self.scale, rng)
        mask = boxes(x, *(one.to(x.device) for one in box))
        return erased(x, mask & chosen.to(x.device)), y
