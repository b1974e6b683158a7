"""Checkpoint ensemble: the last few checkpoints of one run answer together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Predictor

PARTS = 10  # a checkpoint is kept after every tenth of the run


@dataclass(kw_only=True)
class CheckpointEnsemble(Trick):
    card = Card(
        title="Checkpoint ensemble",
        title_zh="检查点集成",
        claim="The last checkpoints of one run, averaged, answer better than the last alone.",
        claimed_by="Wei's notes; Chen et al. 2017",
        when="A constant or high rate, wrong labels: where the last weights jump about.",
        watch_out="Neighbors on one path err alike, so it gains less than separate networks. Early "
        "checkpoints pull the mean down, and a rate that falls to zero leaves nothing to average.",
        formula=r"p(x) = \frac{1}{M}\sum_{m=0}^{M-1} \mathrm{softmax}\,f_{\theta_{T-mT/10}}(x)",
        paper=Paper(
            authors="Chen, Lundberg and Lee",
            year=2017,
            title="Checkpoint ensembles: Ensemble methods from a single training process",
            arxiv="1710.03282",
        ),
        cost="M copies of the weights, M passes for every answer",
        zh=Chinese(
            claim="同一次训练的最后几个检查点取平均，比只用最后一个更好。",
            when="学习率恒定或偏高、标签有错：最后的权重跳来跳去时。",
            watch_out="同一条路上的邻居错得相似，收益比独立网络小。太早的检查点会拖低平均；学习率"
            "降到零则没有什么可平均。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.2, "epochs": 40}, metric="test_loss"
        ),
        rules=(
            *(
                Rule(
                    kind="error",
                    title="Checkpoint ensemble and {other} cannot both answer",
                    reason="Both keep networks of one run, and only one of them can answer.",
                    other=one,
                )
                for one in ("model_soup", "snapshot_ensemble")
            ),
            *(
                Rule(
                    kind="warning",
                    title="Checkpoint ensemble answers instead of {other}",
                    reason="Only one of them can say which weights are tested, and here it is the "
                    "ensemble.",
                    other=one,
                )
                for one in ("ema", "swa", "early_stopping")
            ),
        ),
    )
    order = 5  # its answer comes after an average's
    checkpoints: int = knob(
        4, low=1, high=10, neutral=1, integer=True, symbol="M",
        help="networks that answer: the present one and checkpoints a tenth of the run apart",
    )  # fmt: skip
    kept: list[dict[str, Tensor]] = field(
        init=False, default_factory=list, repr=False, compare=False
    )
    parts: int = field(init=False, default=0, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        self.kept, self.parts = [], 0

    def after_step(self, network: Module, step: int) -> None:
        from tricks.layers.members import member

        progress = self.tools.progress()
        over = int(progress * PARTS + 1e-9)
        if over > self.parts and progress < 1:  # at the end the network itself is the last one
            self.parts = over
            self.kept = [*self.kept, member(network)][-(self.checkpoints - 1) :]

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        from tricks.layers.members import committee, member

        if not self.kept or self.checkpoints == 1:
            return predict
        return committee(network, [*self.kept, member(network)])
