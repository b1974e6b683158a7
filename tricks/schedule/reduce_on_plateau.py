"""Reduce on plateau: the rate falls whenever held-out examples stop improving."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tricks.base import Acted, Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    from tricks.base import Facts, Split


HELD = 0.1  # share of the training set that is watched
CHUNK = 500  # held-out images that are judged at once


def held_out_loss(network: Module, split: Split) -> float:
    """The mean cross-entropy of a network on examples that it does not train on."""
    import torch
    from torch.nn.functional import cross_entropy

    training = network.training
    network.eval()
    with torch.inference_mode():
        parts = zip(torch.split(split.x, CHUNK), torch.split(split.y, CHUNK), strict=True)
        total = torch.stack([cross_entropy(network(x), y, reduction="sum") for x, y in parts]).sum()
    network.train(training)
    return float(total) / len(split.y)


def short(own: ReduceOnPlateau, facts: Facts) -> dict[str, object] | None:
    """The epochs of a run, if they are too few for a drop that the run still feels."""
    if facts.steps is None:
        return None
    kept = facts.train_size - max(1, round(HELD * facts.train_size))
    epochs = facts.steps // max(1, kept // facts.batch_size)
    return {"epochs": epochs, "patience": own.patience} if epochs < own.patience + 3 else None


@dataclass(kw_only=True)
class ReduceOnPlateau(Trick):
    card = Card(
        title="Reduce on plateau",
        title_zh="平台期降学习率",
        claim="The data, not a plan, decide when the rate falls.",
        claimed_by="common practice",
        when="Long runs whose length is not known beforehand.",
        watch_out="A tenth of the training set is held out to watch, so the network learns from "
        "less. What it will do cannot be drawn before launch: the chart shows a constant rate. "
        "In a few epochs it never acts.",
        formula=r"\eta \leftarrow \gamma\,\eta \text{ after } p \text{ epochs without a lower "
        r"held-out loss}",
        paper=Paper(
            authors="Paszke et al.",
            year=2019,
            title="PyTorch: An imperative style, high-performance deep learning library",
            arxiv="1912.01703",
        ),
        cost="a tenth of the training set, and a look at it after every epoch",
        zh=Chinese(
            claim="由数据而不是计划决定学习率何时下降。",
            when="训练较长、事先不知道要多久的时候。",
            watch_out="训练集的十分之一被留出来观察，网络能学的就少了。启动前画不出它会怎么做："
            "图上是恒定的学习率。只有几个 epoch 时它不会动作。",
        ),
        regime=Regime(setup=LONG_ENOUGH_TO_SLOW_DOWN, beside=("cosine",)),
        rules=(
            Rule(
                kind="hint",
                title="Reduce on plateau is drawn as a constant rate",
                reason="Its rate depends on what the held-out examples do. The run's own chart "
                "will show where it fell.",
            ),
            Rule(
                kind="warning",
                title="Reduce on plateau cannot act in {epochs} epochs",
                reason="It waits for {patience} epochs without progress, and starts to count "
                "after the first. Train longer, or lower the patience.",
                when=lambda own, other, facts: short(own, facts),
            ),
        ),
    )
    slot = Slot.SCHEDULE
    gamma: float = knob(0.5, low=0.05, high=0.9, symbol="γ", help="factor at each drop")
    patience: int = knob(
        3, low=0, high=50, integer=True, symbol="p", help="epochs without progress that are borne"
    )
    held: Split | None = field(init=False, default=None, repr=False, compare=False)
    scheduler: ReduceLROnPlateau | None = field(init=False, default=None, repr=False, compare=False)
    drops: list[int] = field(init=False, default_factory=list, repr=False, compare=False)
    epochs: int = field(init=False, default=0, repr=False, compare=False)

    def dataset(self, split: Split, rng: Generator) -> Split:
        import torch

        order = torch.randperm(len(split.y), generator=rng).to(split.y.device)
        held = max(1, round(HELD * len(order)))
        self.held = split.subset(order[:held])
        return split.subset(order[held:].sort().values)

    def begin(self, rng: Generator) -> None:
        import torch

        # The engine sets the rates, so the scheduler moves one of its own, which begins at 1.
        alone = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            alone, factor=self.gamma, patience=self.patience
        )

    def factor(self, step: int, steps: int) -> float:
        return 1.0 if self.scheduler is None else float(self.scheduler.get_last_lr()[0])

    def after_epoch(self, network: Module, epoch: int) -> None:
        if self.held is None or self.scheduler is None:
            return
        before = self.scheduler.get_last_lr()
        self.scheduler.step(held_out_loss(network, self.held))
        self.epochs = epoch
        if self.scheduler.get_last_lr() != before:
            self.drops.append(epoch)

    def acted(self) -> Acted:
        return Acted(len(self.drops), self.epochs, "epochs after which the rate fell")

    def report(self) -> dict[str, Any]:
        return {"dropped_after_epochs": self.drops}
