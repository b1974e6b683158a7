"""SWA: test with the plain mean of the weights at the ends of the last epochs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch.nn import Module
    from torch.optim.swa_utils import AveragedModel

    from tricks.base import Facts, Predictor


def settled(own: SWA, other: Trick, facts: Facts) -> dict[str, object] | None:
    """The share of the rate that a schedule leaves where averaging is half over."""
    steps = facts.steps or 1000
    middle = min(steps - 1, int(steps * (1 + own.start) / 2))
    share = other.factor(middle, steps)
    return {"share": 100 * share} if share < 0.2 else None


@dataclass(kw_only=True)
class SWA(Trick):
    card = Card(
        title="SWA",
        title_zh="随机权重平均",
        claim="The mean of the last epochs' weights lies in a flatter, better place.",
        claimed_by="Izmailov et al. 2018",
        when="A constant or cyclic rate, noisy labels, a dozen epochs to average and more.",
        watch_out="It needs weights that still move: a rate that falls to zero leaves nothing to "
        "average. Before the start the last weights are tested, so the curve jumps. Statistics "
        "of batch norm are measured again on the training set for the averaged weights, at every "
        "point of the curve.",
        formula=r"\bar\theta = \frac{1}{n}\sum_{i=1}^{n} \theta_{e_0 + i}",
        paper=Paper(
            authors="Izmailov et al.",
            year=2018,
            title="Averaging weights leads to wider optima and better generalization",
            arxiv="1803.05407",
        ),
        cost="a second copy of the weights; with batch norm a pass over the training set",
        zh=Chinese(
            claim="最后几轮权重的平均落在更平坦、更好的位置。",
            when="学习率恒定或周期变化、标签有噪声，可平均的轮数有十来轮以上。",
            watch_out="权重必须还在动：学习率降到零就没有可平均的了。开始之前用的是最后的权重，所"
            "以曲线会跳一下。有批归一化时，曲线的每个点都要用平均后的权重在训练集上重新量一遍统计"
            "量。",
        ),
        regime=Regime(
            setup={
                "train_size": 800,
                "label_noise": 0.2,
                "batch_size": 8,
                "epochs": 12,
                "lr": 0.7,
            },
            beside=("ema",),
            baseline=("batch_norm",),
        ),
        rules=(
            Rule(
                kind="warning",
                title="SWA and EMA both choose the weights that are tested",
                reason="SWA has the last word, so EMA's average is not used once it begins. Use "
                "one of the two.",
                other="ema",
            ),
            Rule(
                kind="hint",
                title="SWA finds weights that hardly move any more",
                reason="Where it averages, the schedule has brought the rate down to "
                "{share:.0f} %, so the mean is close to the last weights. The paper averages at "
                "a high rate, constant or cyclic.",
                other="slot:schedule",
                when=settled,
            ),
        ),
    )
    start: float = knob(
        0.75, low=0.0, high=0.95, symbol="t₀", help="share of the training before it begins"
    )
    mean: AveragedModel | None = field(init=False, default=None, repr=False, compare=False)
    averaged: int = field(init=False, default=0, repr=False, compare=False)
    measured: int = field(init=False, default=0, repr=False, compare=False)
    epochs: int = field(init=False, default=0, repr=False, compare=False)

    def remake(self, name: str) -> AveragedModel:
        from torch.optim.swa_utils import AveragedModel

        return AveragedModel(self.tools.network).eval()

    def after_epoch(self, network: Module, epoch: int) -> None:
        self.epochs = epoch
        if self.tools.progress() <= self.start:
            return
        if self.mean is None:
            self.mean = self.remake("mean")
        self.mean.update_parameters(network)
        self.averaged += 1

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        if self.mean is None:
            return predict
        if self.measured < self.averaged:
            self.measure(self.mean)
        return self.mean

    def measure(self, mean: Module) -> None:
        """Take the running statistics of batch norms again, for the averaged weights."""
        import torch
        from torch.optim.swa_utils import update_bn

        x, size = self.tools.split.x, max(2, self.tools.batch_size)
        parts = torch.split(x, size)
        # In training mode dropout would draw numbers that the network's own dropout then lacks.
        with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []):
            update_bn([part for part in parts if len(part) > 1], mean)
        self.measured = self.averaged

    def acted(self) -> Acted:
        return Acted(self.averaged, self.epochs, "epochs' weights averaged")
