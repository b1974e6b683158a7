"""Prior bias: the last bias starts at the logarithm of how often each class occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Split


def log_prior(y: Tensor, classes: int) -> Tensor:
    """The logarithm of each class's share, (C,), of (N,) indices or (N, C) probabilities.

    A class without examples counts as one example.
    """
    counts = y.sum(dim=0) if y.is_floating_point() else y.bincount(minlength=classes).float()
    return counts.clamp_min(1).div(counts.clamp_min(1).sum()).log()


@dataclass(kw_only=True)
class PriorBias(Trick):
    card = Card(
        title="Prior bias",
        title_zh="先验偏置",
        claim="The network starts from the class frequencies, so no early steps go to learn them.",
        claimed_by="Lin et al. 2017",
        when="Unbalanced classes: the loss of the first steps is lower and steadier.",
        watch_out="It saves the first steps on the training data and no more. Test images have "
        "all classes equally often here, so their loss starts higher. The paper sets one bias for "
        "rare objects, π = .01; with several classes it is the logarithm of each one's share.",
        formula=r"b_c = s \log \pi_c, \quad \text{for two classes } b = -\log\frac{1 - \pi}{\pi}",
        paper=Paper(
            authors="Lin et al.",
            year=2017,
            title="Focal loss for dense object detection",
            arxiv="1708.02002",
        ),
        cost="nothing",
        zh=Chinese(
            claim="网络一开始就知道各类的频率，最初几步不必浪费在这上面。",
            when="类别不均衡时：最初的损失更低、更稳。",
            watch_out="只在训练数据上省下最初几步。这里的测试图像各类一样多，所以测试损失一开始反"
            "而更高。论文只为稀有目标设一个偏置，π = .01；多类时就是各类占比的对数。",
        ),
        regime=Regime(
            setup={
                "train_size": 700,
                "imbalance": 50,
                "network": {"kind": "mlp", "depth": 3, "width": 64},
                "epochs": 2,
            },
        ),
        rules=(
            Rule(
                kind="hint",
                title="Prior bias has no prior to set",
                reason="All classes are about equally large here, so their logarithms are too. "
                "Turn up the imbalance to see what it does.",
                when=lambda own, other, facts: (
                    {} if facts.imbalance == 1 and own.strength else None
                ),
            ),
            Rule(
                kind="warning",
                title="Class balance undoes Prior bias",
                reason="The network is told that some classes are rare, and then reads all of "
                "them equally often. Use one of the two.",
                other="class_balance",
                when=lambda own, other, facts: {} if facts.imbalance > 1 and own.strength else None,
            ),
            Rule(
                kind="hint",
                title="Logit adjustment knows the class frequencies already",
                reason="Its loss adds their logarithms to the logits, so Prior bias counts them "
                "twice at the start.",
                other="logit_adjustment",
                when=lambda own, other, facts: {} if facts.imbalance > 1 and own.strength else None,
            ),
        ),
    )
    strength: float = knob(
        1.0, low=0.0, high=2.0, neutral=0.0, symbol="s", help="share of the logarithm; 0 is no bias"
    )

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        from torch import nn

        last = [one for one in network.modules() if isinstance(one, nn.Linear)][-1]
        if self.strength:
            last.bias.data += self.strength * log_prior(split.y, split.classes).cpu()
        return network
