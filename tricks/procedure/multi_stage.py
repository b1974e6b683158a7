"""Multi-stage training: everything on all data, then the last layers on what is surely right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module, Parameter

    from tricks.layers.frozen import Frozen


def lowest(loss: Tensor, keep: float) -> Tensor:
    """The positions of the share ``keep`` of ``loss`` (N,) that is smallest, in their order."""
    return loss.argsort(stable=True)[: max(1, round(keep * len(loss)))].sort().values


@dataclass(kw_only=True)
class MultiStage(Trick):
    card = Card(
        title="Multi-stage training",
        title_zh="多阶段优化",
        claim="A second stage on clean data, for the last layers only, finishes the training well.",
        claimed_by="the thread; Kang et al. 2019 (stages), Han et al. 2018 (small losses)",
        when="Some wrong labels: the examples of the lowest loss are mostly right ones.",
        watch_out="What the first stage has learned by heart has a low loss too: begin the second "
        "before that. The two stages share one budget.",
        formula=r"\begin{aligned} t < t_1 &: \; \theta \leftarrow \theta - \eta \nabla L_D(\theta)"
        r" \\ t \ge t_1 &: \; \theta_{\text{last}} \leftarrow \theta_{\text{last}} - r \eta "
        r"\nabla L_{D'}(\theta_{\text{last}}) \end{aligned}",
        paper=Paper(
            authors="Kang et al.",
            year=2019,
            title="Decoupling representation and classifier for long-tailed recognition",
            arxiv="1910.09217",
        ),
        cost="less than nothing: in the second stage most layers need no backward pass",
        thread="多阶段优化",
        zh=Chinese(
            claim="第二阶段只用干净数据训练最后几层，收尾更好。",
            when="有一些错误标签时：损失最低的样本大多是对的。",
            watch_out="第一阶段背下来的错误损失也低：要在那之前进入第二阶段。两个阶段共用一份预算"
            "。",
        ),
        regime=Regime(
            setup={"train_size": 600, "label_noise": 0.3, "epochs": 60}, knobs={"start": 0.2}
        ),
        rules=(
            Rule(
                kind="error",
                title="Multi-stage training and Pseudo-labels both choose the training set",
                reason="Each puts its own in place in the middle of the run, and the later one "
                "wins. Give each an arm of its own.",
                other="pseudo_label",
                when=lambda own, other, facts: {} if own.start < 1 and other.ratio else None,
            ),
            Rule(
                kind="error",
                title="Layer freezing and Multi-stage training both freeze layers",
                reason="The second stage decides itself which layers stand still. Give each an "
                "arm of its own.",
                other="layer_freezing",
                when=lambda own, other, facts: {} if own.start < 1 and other.level else None,
            ),
        ),
    )
    stacks = False
    order = -20  # before the averages look at the weights
    start: float = knob(
        0.5, low=0.0, high=1.0, neutral=1.0, symbol="t₁", help="share of the run of the first stage"
    )
    keep: float = knob(
        0.6, low=0.05, high=1.0, symbol="keep", help="share of the examples in the second stage"
    )
    lr_factor: float = knob(
        0.1, low=0.001, high=1.0, log=True, symbol="r",
        help="how long the steps of the second stage are, against the first's",
    )  # fmt: skip
    layers: int = knob(
        2, low=1, high=100, integer=True, log=True, symbol="layers",
        help="how many of the last layers the second stage trains",
    )  # fmt: skip
    frozen: Frozen | None = field(init=False, default=None, repr=False, compare=False)
    moving: list[tuple[Parameter, Tensor]] = field(
        init=False, default_factory=list, repr=False, compare=False
    )
    kept: tuple[int, int] = field(init=False, default=(0, 0), repr=False, compare=False)

    def remake(self, name: str) -> Frozen:
        from tricks.layers.frozen import Frozen

        return Frozen()

    def after_epoch(self, network: Module, epoch: int) -> None:
        from tricks.layers.answers import losses_of
        from tricks.layers.frozen import layers_of

        if self.frozen is not None or not self.start <= self.tools.progress() < 1:
            return
        split = self.tools.split
        right = lowest(losses_of(network, split.x, split.y), self.keep)
        self.tools.split, self.kept = split.subset(right), (len(right), len(split.y))
        layers, self.frozen = layers_of(network), self.remake("frozen")
        self.frozen.freeze(layers[: -self.layers])
        last = (weight for layer in layers[-self.layers :] for weight in layer)
        self.moving = [(weight, weight.detach().clone()) for weight in last]

    def after_step(self, network: Module, step: int) -> None:
        import torch

        if self.frozen is None:
            return
        self.frozen.restore()
        with torch.no_grad():
            for weight, before in self.moving:  # a part of any optimizer's step is a lower rate
                weight.copy_(before.lerp_(weight, self.lr_factor))

    def acted(self) -> Acted:
        used, of = self.kept
        return Acted(used, of, "examples used in the second stage")
