"""Hide-and-seek: every patch of a grid is hidden or not, each for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor


def patches(hidden: Tensor, height: int, width: int) -> Tensor:
    """(N, grid, grid) booleans over the pixels: (N, 1, height, width)."""
    from torch import arange

    grid = hidden.shape[-1]
    rows = arange(height, device=hidden.device) * grid // height
    columns = arange(width, device=hidden.device) * grid // width
    return hidden[:, None, rows][..., columns]


@dataclass(kw_only=True)
class HideAndSeek(Trick):
    card = Card(
        title="Hide-and-seek",
        title_zh="捉迷藏",
        claim="Hiding random patches forces a network to seek every part of an object.",
        claimed_by="Singh and Lee 2017",
        when="Locating objects; long training on photographs.",
        watch_out="At the default half of every image is hidden: slow to learn. With 200 digits "
        "it cost 3 points of accuracy in 30 epochs (10 seeds). Hidden is 0, the standardized mean.",
        formula=r"x'_{k} = b_k\,x_{k}, \quad b_k \sim \mathrm{Bernoulli}(1 - p) "
        r"\text{ for each patch } k",
        paper=Paper(
            authors="Singh and Lee",
            year=2017,
            title="Hide-and-Seek: Forcing a network to be meticulous for weakly-supervised object "
            "and action localization",
            arxiv="1704.04232",
        ),
        cost="nothing measurable",
        zh=Chinese(
            claim="随机藏起图块,迫使网络去找物体的每个部分。",
            when="物体定位;照片上的长时间训练。",
            watch_out="默认每张图藏掉一半:学得慢。200 张数字、30 轮,准确率下降 3 个百分点(10 个种"
            "子)。藏起处为 0。",
        ),
        regime=Regime(setup={"train_size": 200, "epochs": 30}, knobs={"p": 0.2}),
    )
    order = -5
    p: float = knob(
        0.5, low=0.0, high=0.95, neutral=0.0, symbol="p", help="the share of patches that is hidden"
    )
    grid: int = knob(4, low=2, high=16, symbol="g", integer=True, help="patches along each side")

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        from tricks.layers.images import erased

        if self.p == 0:
            return x, y
        grid = int(self.grid)
        hidden = torch.rand(x.shape[-4], grid, grid, generator=rng) < self.p
        return erased(x, patches(hidden.to(x.device), *x.shape[-2:])), y
