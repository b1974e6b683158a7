"""Max-norm: a unit whose incoming weights grow too long has them scaled back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


def shortened(weight: Tensor, longest: float) -> Tensor:
    """``weight`` (outputs, ...) with the weights of no output longer than ``longest``."""
    return weight.renorm(p=2, dim=0, maxnorm=longest)


@dataclass(kw_only=True)
class MaxNorm(Trick):
    card = Card(
        title="Max-norm",
        title_zh="最大范数约束",
        claim="A limit on the length of each unit's weights allows high rates with dropout.",
        claimed_by="Srivastava et al. 2014",
        when="Together with dropout and a high learning rate, long training.",
        watch_out="With the usual c of 3 nothing is ever that long in a short run: the weights of "
        "a fresh unit have length 1.4, whatever its inputs. The report says how often it acted.",
        formula=r"w_j \leftarrow w_j \cdot \min\left(1, \frac{c}{\lVert w_j \rVert}\right)",
        paper=Paper(
            authors="Srivastava et al.",
            year=2014,
            title="Dropout: A simple way to prevent neural networks from overfitting",
            where="JMLR 15:1929-1958, section 5.1",
        ),
        cost="1.05 to 1.2 times the time of a step",
        zh=Chinese(
            claim="限制每个单元权重的长度，配合随机失活可以用大学习率。",
            when="与随机失活、大学习率一起，长时间训练。",
            watch_out="常用的 c = 3 在短训练里从来碰不到：新单元的权重长度是 1.4，与输入个数无关。"
            "报告里写着它起了几次作用。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.3, "epochs": 60, "lr": 0.2},
            knobs={"max_norm": 1.0},
            baseline=("dropout",),
        ),
    )
    order = -10
    max_norm: float = knob(
        3.0, low=0.1, high=10.0, log=True, symbol="c", help="the longest weights of a unit allowed"
    )
    steps: int = field(init=False, default=0, repr=False, compare=False)
    cut: Tensor | None = field(init=False, default=None, repr=False, compare=False)

    def after_step(self, network: Module, step: int) -> None:
        import torch

        weights = [one for one in network.parameters() if one.dim() > 1 and one.requires_grad]
        with torch.no_grad():
            longest = torch.stack([one.flatten(1).norm(dim=1).amax() for one in weights]).amax()
            for one in weights:
                one.copy_(shortened(one, self.max_norm))
        over = longest > self.max_norm
        self.cut = over.long() if self.cut is None else self.cut + over
        self.steps += 1

    def acted(self) -> Acted:
        times = 0 if self.cut is None else int(self.cut)
        return Acted(times, self.steps, f"steps with weights longer than {self.max_norm:g}")
