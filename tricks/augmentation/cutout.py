"""Cutout: a square of each image is wiped out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Facts, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor

SHORT = 2000  # steps: a run of fewer has no time for two tricks that hide parts of images


def both_hide(own: Cutout, other: Any, facts: Facts) -> dict[str, object] | None:
    """Whether two tricks hide parts of the images in a run too short for it."""
    acts = own.size and next(iter(other.values().values())) != 0
    short = facts.steps is not None and facts.steps < SHORT
    return {"steps": facts.steps} if acts and short else None


REASON = (
    "Each hides a part of what there is to learn, which pays off in long training. {steps:,} "
    "steps are few: give each an arm of its own."
)


@dataclass(kw_only=True)
class Cutout(Trick):
    card = Card(
        title="Cutout",
        title_zh="遮挡",
        claim="Hiding a square makes a network use the whole image, not one telling part.",
        claimed_by="DeVries and Taylor 2017",
        when="Long training on photographs, where many parts of an object tell its class.",
        watch_out="No gain in short runs and on tiny images: a square of 3 x 3 in 200 digits of 8 "
        "x 8 made no difference in 30 epochs (10 seeds). It fills with 0: the mean, if inputs are "
        "standardized, else black.",
        formula=r"x' = x \odot (1 - m), \quad m = \text{a square of side } s",
        paper=Paper(
            authors="DeVries and Taylor",
            year=2017,
            title="Improved regularization of convolutional neural networks with cutout",
            arxiv="1708.04552",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="遮住一块,让网络看整幅图,而不只看最明显的一处。",
            when="照片上的长时间训练,物体的许多部分都能说明类别。",
            watch_out="短训练和小图像上没有收益:200 张 8 x 8 数字,遮 3 x 3,30 轮,准确率没有变化"
            "(10 个种子)。填充值为 0:标准化后是均值,否则是黑色。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}),
        rules=(
            Rule(
                kind="warning",
                title="Cutout and Random erasing hide too much in a short run",
                reason=REASON,
                other="random_erasing",
                when=both_hide,
            ),
            Rule(
                kind="warning",
                title="Cutout and DropBlock hide too much in a short run",
                reason=REASON,
                other="dropblock",
                when=both_hide,
            ),
        ),
    )
    order = -5
    size: float = knob(
        0.375, low=0.0, high=1.0, neutral=0.0, symbol="s",
        help="the square's side, as a part of the image's",
    )  # fmt: skip

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import boxes, erased

        count, _, height, width = x.shape[-4:]
        side = round(self.size * min(height, width))
        if side == 0:
            return x, y
        # The center may be any pixel, so that a square can reach over the border.
        row, column = (
            torch.randint(edge, (count, 1, 1, 1), generator=rng).to(x.device)
            for edge in (height, width)
        )
        long = torch.tensor(side, device=x.device)
        return erased(x, boxes(x, row - side // 2, column - side // 2, long, long)), y
