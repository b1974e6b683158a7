"""Fine-tuning: start from a network that has learned half of the classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Split


EPOCHS = 10  # that a run is taken to have whose budget is in seconds


def copy_body(source: Module, network: Module) -> list[Module]:
    """Copy all linear and convolutional layers but the last, in place; the ones that were copied.

    It stops at the first layer whose shape differs.
    """
    from torch import nn

    def layers(module: Module) -> list[nn.Linear | nn.Conv2d]:
        return [one for one in module.modules() if isinstance(one, nn.Linear | nn.Conv2d)]

    copied: list[Module] = []
    for old, new in zip(layers(source)[:-1], layers(network)[:-1], strict=False):
        if old.weight.shape != new.weight.shape:
            break
        new.weight.data.copy_(old.weight)
        if old.bias is not None and new.bias is not None:
            new.bias.data.copy_(old.bias)
        copied.append(new)
    return copied


@dataclass(kw_only=True)
class PretrainedFinetune(Trick):
    card = Card(
        title="Pretrain and fine-tune",
        title_zh="预训练与微调",
        claim="What a network learned on other classes helps where examples are few.",
        claimed_by="Yosinski et al. 2014",
        when="Few examples of some classes: turn up the imbalance, which leaves the upper half "
        "of the classes rare.",
        watch_out="There is no other data here: a plain ReLU network is first trained on the "
        "lower half of the classes of the same training set, and its layers but the last are "
        "copied. Those steps are extra work, so compare with a longer plain run too. Frozen "
        "layers cannot adapt.",
        formula=r"\theta_0 = \arg\min_\theta L_\text{classes 0 to C/2}(\theta), \quad \theta_{1 "
        r"\dots k} \text{ frozen}",
        paper=Paper(
            authors="Yosinski et al.",
            year=2014,
            title="How transferable are features in deep neural networks?",
            arxiv="1411.1792",
        ),
        cost="the steps of the first training, on top of the budget",
        zh=Chinese(
            claim="在别的类别上学到的东西，对样本少的类别有帮助。",
            when="某些类别样本很少时：调高不均衡度，后一半类别就会变少。",
            watch_out="这里没有别的数据：先用同一训练集里前一半类别训练一个普通 ReLU 网络，再复"
            "制除最后一层外的各层。这些步数是额外的计算，也应与训练更久的普通网络比较。冻结的层"
            "无法再适应。",
        ),
        regime=Regime(
            setup={"train_size": 700, "imbalance": 6, "epochs": 5},
            knobs={"share": 1.0},
        ),
        rules=(
            Rule(
                kind="hint",
                title="Fine-tuning has no rare classes to help",
                reason="All classes are about equally large here, so training on half of them "
                "first teaches nothing new. Turn up the imbalance.",
                when=lambda own, other, facts: {} if facts.imbalance == 1 and own.share else None,
            ),
            Rule(
                kind="warning",
                title="Every layer that learned features is frozen",
                reason="This network has {depth} of them, and {freeze} stay as they are. Freeze "
                "fewer layers.",
                when=lambda own, other, facts: (
                    {"depth": facts.depth, "freeze": own.freeze}
                    if own.share and own.freeze >= facts.depth
                    else None
                ),
            ),
        ),
    )
    slot = Slot.INITIALIZATION
    share: float = knob(
        0.5, low=0.0, high=2.0, neutral=0.0, symbol="pre",
        help="steps of the first training, as a share of the run's; 0 is none",
    )  # fmt: skip
    freeze: int = knob(
        0, low=0, high=10, neutral=0, integer=True, symbol="k", help="layers that stay as copied"
    )
    frozen: list[tuple[Tensor, Tensor]] = field(
        init=False, default_factory=list, repr=False, compare=False
    )

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        steps = round(self.share * (self.tools.steps or EPOCHS * self.tools.epoch_steps))
        y = split.labels
        lower = y < (split.classes + 1) // 2
        if steps and lower.any():
            before = self.tools.fit(split.x[lower], y[lower], rng, steps=steps)
            copied = copy_body(before, network)
            for layer in copied[: self.freeze]:
                layer.requires_grad_(False)
        return network

    def begin(self, rng: Generator) -> None:
        self.frozen = [
            (one, one.detach().clone())
            for one in self.tools.network.parameters()
            if self.freeze and not one.requires_grad
        ]

    def after_step(self, network: Module, step: int) -> None:
        for one, value in self.frozen:  # a weight decay moves what has no gradient
            one.data.copy_(value)
