"""Horizontal flip: half of the images are seen in a mirror."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Facts, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def hflip(x: Tensor, chosen: Tensor) -> Tensor:
    """The chosen examples, (N,) of booleans, with left and right exchanged."""
    return x.flip(-1).where(chosen[:, None, None, None], x)


def one_sided(own: Hflip, other: None, facts: Facts) -> dict[str, object] | None:
    if not own.p or "hflip" in facts.symmetries:
        return None
    return {"dataset": facts.dataset, "share": 100 * own.p}


@dataclass(kw_only=True)
class Hflip(Trick):
    card = Card(
        title="Horizontal flip",
        title_zh="水平翻转",
        claim="Mirrored images are new examples that cost nothing.",
        claimed_by="Krizhevsky et al. 2012",
        when="Photographs, clothes, drawn shapes: what is as likely seen from the other side.",
        watch_out="Never for digits or letters: a mirrored 3 is no 3. There it is kept as a "
        "negative control; with 200 digits it cost 2.5 points of accuracy (10 seeds).",
        formula=r"x'_{h,w} = x_{h,\,W-1-w} \;\text{ with probability } p",
        paper=Paper(
            authors="Krizhevsky et al.",
            year=2012,
            title="ImageNet classification with deep convolutional neural networks",
            where="NeurIPS 2012",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="左右翻转后的图像就是不花钱的新样本。",
            when="照片、衣物、几何图形:左右对调后类别不变的图像。",
            watch_out="数字和文字不要用:翻转的 3 不再是 3。在数字上它是反面对照:200 张训练图像时"
            "准确率下降 2.5 个百分点(10 个种子)。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}),
        rules=(
            Rule(
                kind="warning",
                title="Horizontal flip makes wrong examples of {dataset}",
                reason="A mirrored 3 is no 3: {share:.0f} % of the images of {dataset} would keep "
                "a label that is not theirs any more. It is allowed, as a negative control.",
                when=one_sided,
            ),
        ),
    )
    order = -10
    p: float = knob(
        0.5, low=0.0, high=1.0, neutral=0.0, symbol="p", help="the share of images that is mirrored"
    )

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        if self.p == 0:
            return x, y
        chosen = torch.rand(x.shape[-4], generator=rng) < self.p
        return hflip(x, chosen.to(x.device)), y
