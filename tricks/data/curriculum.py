"""Curriculum: begin with the easy examples and let the hard ones in bit by bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Split


def pace(progress: float, start: float, end: float) -> float:
    """The share of examples in use: from ``start`` in a straight line to 1 at ``end``."""
    return 1.0 if progress >= end else start + (1 - start) * progress / end


@dataclass(kw_only=True)
class Curriculum(Trick):
    card = Card(
        title="Curriculum",
        title_zh="课程学习",
        claim="Easy examples first: training is faster and ends in a better place.",
        claimed_by="Bengio et al. 2009",
        when="Wrong labels: they count as hard and come last. A short training.",
        watch_out="What is hard may be what matters, and few easy examples are learned by heart. "
        "In the end every wrong label is in. A helper decides what is easy.",
        formula=r"S_t = \{\, i : \mathrm{rank}(L_i^{\text{helper}}) \le N \lambda_t \,\}, \quad "
        r"\lambda_t: \lambda_0 \to 1",
        paper=Paper(
            authors="Bengio et al.",
            year=2009,
            title="Curriculum learning",
            where="ICML 2009",
        ),
        cost="a helper network before training",
        zh=Chinese(
            claim="先易后难：训练更快，结果也更好。",
            when="标签有错时：错的算作难样本，最后才出现。训练时间短时。",
            watch_out="难样本也许才最重要，少量简单样本又容易被背下来。到最后错误标签全都会进来。"
            "什么算简单由辅助网络决定。",
        ),
        regime=Regime(
            setup={"train_size": 600, "label_noise": 0.3, "epochs": 20}, beside=("self_paced",)
        ),
    )
    slot = Slot.SAMPLER
    stacks = False
    start: float = knob(
        0.3, low=0.05, high=1.0, symbol="λ₀", help="share of the examples that it begins with"
    )
    end: float = knob(
        0.5, low=0.0, high=1.0, symbol="end", help="share of the run after which all are in"
    )
    epochs: int = knob(
        10, low=1, high=200, integer=True, log=True, symbol="epochs", help="passes of the helper"
    )
    helper: Module | None = field(init=False, default=None, repr=False, compare=False)
    easy: Tensor | None = field(init=False, default=None, repr=False, compare=False)

    def remake(self, name: str) -> Module:
        import torch

        split = self.tools.split
        return self.tools.fit(split.x, split.y, torch.Generator(), steps=0)

    def sampler(self, split: Split, rng: Generator) -> Tensor:
        import torch

        from tricks.layers.answers import losses_of, steps_of

        if self.helper is None:
            steps = steps_of(self.epochs, len(split.y), self.tools.batch_size)
            self.helper = self.tools.fit(split.x, split.y, rng, steps=steps)
        if self.easy is None or len(self.easy) != len(split.y):
            self.easy = losses_of(self.helper, split.x, split.y).argsort(stable=True).cpu()
        share = pace(self.tools.progress(), self.start, self.end)
        now = self.easy[: max(self.tools.batch_size, round(share * len(self.easy)))]
        return now[torch.randperm(len(now), generator=rng)]
