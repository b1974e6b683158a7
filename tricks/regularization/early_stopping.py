"""Early stopping: test with the weights that were best on examples kept out of training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tricks.base import Acted, Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.base import Facts, Predictor, Split

CHUNK = 500  # held-out images that are judged at once


def loss_of(network: Module, split: Split) -> float:
    """The mean cross-entropy of a network, in eval mode meanwhile, on the examples of ``split``."""
    import torch
    from torch.nn.functional import cross_entropy

    was = network.training
    network.eval()
    with torch.inference_mode():
        parts = zip(torch.split(split.x, CHUNK), torch.split(split.y, CHUNK), strict=True)
        losses = [cross_entropy(network(x), y, reduction="sum") for x, y in parts]
        mean = torch.stack(losses).sum() / len(split.y)
    network.train(was)
    return float(mean)


def few(own: EarlyStopping, other: None, facts: Facts) -> dict[str, object] | None:
    held = held_out(own.holdout, facts.train_size)
    return {"held": held} if held < 50 else None


def held_out(share: float, size: int) -> int:
    """How many of ``size`` examples are kept out of training: one at least, never all."""
    return max(1, min(size - 1, round(share * size)))


def bumpy(title: str, schedule: str) -> Rule:
    return Rule(
        kind="warning",
        title=f"{title} looks like overfitting to Early stopping",
        reason="When the rate goes up the held-out loss goes up with it, and after {patience} "
        "epochs without a new best the weights before the bump are kept for good. Raise patience, "
        "or use another schedule.",
        other=schedule,
        when=lambda own, other, facts: {"patience": own.patience},
    )


def overruled(title: str, trick: str) -> Rule:
    return Rule(
        kind="warning",
        title=f"Early stopping and {title} both choose the weights that are tested",
        reason=f"{title} has the last word, so the weights that were best on the held-out "
        "examples are not used, and those examples are lost to training. Use one of the two.",
        other=trick,
    )


@dataclass(kw_only=True)
class EarlyStopping(Trick):
    card = Card(
        title="Early stopping",
        title_zh="早停",
        claim="Stopping when held-out examples get worse avoids overfitting, and saves time.",
        claimed_by="Prechelt 1998",
        when="Few or wrongly labeled examples, and more epochs than they need.",
        watch_out="The held-out examples are lost to training. So that curves can be compared, "
        "training goes on here and only the tested weights stop; the report says at which epoch. "
        "With 400 digits, 30 % of the labels wrong, accuracy rose from 0.76 to 0.82 where a fifth "
        "was held out (3 seeds).",
        formula=r"\hat\theta = \theta_{e^*}, \quad e^* = \arg\min_{e \le e_{\text{stop}}}"
        r" L_{\text{held out}}(\theta_e)",
        paper=Paper(
            authors="Prechelt",
            year=1998,
            title="Early stopping - but when?",
            where="Neural Networks: Tricks of the Trade, LNCS 1524, 55-69",
        ),
        cost="a look at the held-out examples after each epoch; less if one really stops",
        zh=Chinese(
            claim="留出的样本变差时就停，既避免过拟合又省时间。",
            when="样本少或标签有错，而训练轮数超过需要的时候。",
            watch_out="留出的样本不能再用来训练。为了让曲线可比，这里训练照常进行，"
            "只是测试用的权重停住，报告里写着停在第几轮。400 张数字、30% 标签有错、"
            "3 个种子时，留出五分之一，准确率从 0.76 升到 0.82。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.3, "epochs": 120},
            knobs={"holdout": 0.2},
        ),
        rules=(
            Rule(
                kind="hint",
                title="Only {held} examples tell Early stopping when to stop",
                reason="Their loss is mostly luck. Hold out a larger share, or take more examples.",
                when=few,
            ),
            Rule(
                kind="hint",
                title="Flooding and Early stopping cure the same thing",
                reason="Both keep the network from learning the last wrong labels by heart, and "
                "flooding's second descent comes after the epoch at which stopping would stop. "
                "Give each an arm of its own.",
                other="flooding",
                when=lambda own, other, facts: {} if other.level else None,
            ),
            Rule(
                kind="hint",
                title="Early stopping and Reduce on plateau hold out examples of their own",
                reason="Each keeps a part of the training set to itself, so less is left to learn "
                "from than with either of them alone.",
                other="reduce_on_plateau",
            ),
            bumpy("Cyclic cosine", "cyclic_cosine"),
            bumpy("Triangular cyclic", "triangular_cyclic"),
            bumpy("One cycle", "one_cycle"),
            overruled("EMA", "ema"),
            overruled("SWA", "swa"),
        ),
    )
    order = -50  # its predictor is the innermost one
    patience: int = knob(
        10, low=1, high=1000, integer=True, log=True, symbol="k",
        help="epochs without a new best after which the weights are kept for good",
    )  # fmt: skip
    holdout: float = knob(
        0.1, low=0.01, high=0.5, symbol="h", help="share of the training set that is held out"
    )
    held: Split | None = field(init=False, default=None, repr=False, compare=False)
    best: Module | None = field(init=False, default=None, repr=False, compare=False)
    least: float = field(init=False, default=math.inf, repr=False, compare=False)
    best_epoch: int = field(init=False, default=0, repr=False, compare=False)
    stopped: int | None = field(init=False, default=None, repr=False, compare=False)
    epochs: int = field(init=False, default=0, repr=False, compare=False)

    def dataset(self, split: Split, rng: Generator) -> Split:
        import torch

        order = torch.randperm(len(split.y), generator=rng).to(split.y.device)
        count = held_out(self.holdout, len(order))
        self.held = split.subset(order[:count].sort().values)
        return split.subset(order[count:].sort().values)

    def remake(self, name: str) -> Module:
        from copy import deepcopy

        return deepcopy(self.tools.network).eval()

    def after_epoch(self, network: Module, epoch: int) -> None:
        self.epochs = epoch
        if self.stopped is not None or self.held is None:
            return
        loss = loss_of(network, self.held)
        if loss < self.least:
            self.least, self.best_epoch = loss, epoch
            if self.best is None:
                self.best = self.remake("best")
            self.best.load_state_dict(network.state_dict())
        elif epoch - self.best_epoch >= self.patience:
            self.stopped = epoch

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        return predict if self.best is None else self.best

    def acted(self) -> Acted:
        return Acted(self.epochs - self.best_epoch, self.epochs, "epochs after the best one")

    def report(self) -> dict[str, Any]:
        return {
            "best_epoch": self.best_epoch,
            "stopped_epoch": self.stopped,
            "held_out": 0 if self.held is None else len(self.held.y),
            "held_out_loss": self.least if math.isfinite(self.least) else None,
        }
