"""LSUV: rescale the layers one by one until a batch leaves each with variance 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Split


ENOUGH = 0.01  # how far from 1 a variance may stay
TRIES = 10


def unit_variance(network: Module, x: Tensor) -> None:
    """Rescale every linear and convolutional layer so that its output on ``x`` has variance 1.

    From the first to the last, in place; a layer that is silent stays as it is. Mishkin and Matas
    2015, algorithm 1.
    """
    import torch
    from torch import nn

    def measure(module: Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        variances.append(output.var().item())

    variances: list[float] = []
    training = network.training
    network.eval()
    with torch.no_grad():
        for layer in network.modules():
            if not isinstance(layer, nn.Linear | nn.Conv2d):
                continue
            with layer.register_forward_hook(measure):
                for _ in range(TRIES):
                    variances.clear()
                    network(x)
                    if not variances or not variances[-1] or abs(variances[-1] - 1) < ENOUGH:
                        break
                    layer.weight /= variances[-1] ** 0.5
    network.train(training)


@dataclass(kw_only=True)
class LSUV(Trick):
    card = Card(
        title="LSUV",
        title_zh="逐层单位方差（LSUV）",
        claim="Measuring what each layer does beats deriving it: any activation starts well.",
        claimed_by="Mishkin and Matas 2015",
        when="Deep networks with unusual activations and without normalization.",
        watch_out="The variance is made right for one batch before the first step; training may "
        "leave it soon. For ReLUs Kaiming comes close without looking at data.",
        formula=r"W_l \leftarrow \frac{W_l}{\sqrt{\operatorname{Var}(W_l\,x_{l-1})}}, \quad l = "
        r"1, \dots, L",
        paper=Paper(
            authors="Mishkin and Matas",
            year=2015,
            title="All you need is a good init",
            arxiv="1511.06422",
        ),
        cost="a few passes of one batch for each layer, before the first step",
        zh=Chinese(
            claim="与其推导不如测量：任何激活函数都能有个好起点。",
            when="激活函数特别、又没有归一化的深层网络。",
            watch_out="方差只是在第一步之前、对一个批次调好的，训练中很快就会偏离。对 ReLU 来说"
            "，不看数据的何恺明初始化已经差不多。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "mlp", "depth": 30, "width": 64},
                "epochs": 12,
                "lr": 0.02,
            }
        ),
        rules=(
            Rule(
                kind="hint",
                title="Normalization hides the initialization",
                reason="It brings every layer back to the same size, so LSUV and Kaiming start "
                "nearly alike. To see an initialization, leave the normalization out.",
                other="slot:normalization",
            ),
        ),
    )
    slot = Slot.INITIALIZATION
    examples: int = knob(
        256, low=16, high=2048, integer=True, symbol="N", help="training images that it looks at"
    )

    def initialize(self, network: Module, rng: Generator) -> None:
        from torch import nn

        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.orthogonal_(module.weight, generator=rng)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        import torch

        some = torch.randperm(len(split.x), generator=rng)[: self.examples]
        unit_variance(network, split.x[some.to(split.x.device)].cpu())
        return network
