"""Weight standardization: the weights of each filter get mean 0 and a fixed deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.base import Split


@dataclass(kw_only=True)
class WeightStandardization(Trick):
    card = Card(
        title="Weight standardization",
        title_zh="权重标准化",
        claim="Standardized weights let group norm keep up with batch norm.",
        claimed_by="Qiao et al. 2019",
        when="Together with group norm, at batches of a few images.",
        watch_out="It takes the size of the weights away from training, so without a norm layer "
        "behind it a unit cannot become louder. The last layer is left as it is. The deviation "
        "is that of Kaiming's start, which behind a norm layer makes no difference.",
        formula=r"\hat W_{ij} = \sqrt{\tfrac{2}{n}}\,"
        r"\frac{W_{ij} - \mu_{W_i}}{\sqrt{\sigma_{W_i}^2 + \epsilon}}",
        paper=Paper(
            authors="Qiao et al.",
            year=2019,
            title="Micro-batch training with batch-channel normalization and weight "
            "standardization",
            arxiv="1903.10520",
        ),
        cost="1.05 to 1.2 times the time of a step",
        zh=Chinese(
            claim="把权重标准化，组归一化就能追上批归一化。",
            when="每批只有几张图、与组归一化一起用的时候。",
            watch_out="权重的大小不再由训练决定，后面没有归一化层时，单元无法变得更响。"
            "最后一层保持原样。这里的标准差取 Kaiming 初始化的值，后面有归一化层时没有区别。",
        ),
        regime=Regime(
            setup={
                "train_size": 800, "network": {"kind": "mlp", "depth": 4, "width": 128},
                "steps": 1200, "batch_size": 2, "lr": 0.02,
            },
            baseline=("group_norm",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Weight standardization is meant for a norm layer behind it",
                reason="The paper puts group norm behind it, which lets each unit become louder "
                "or quieter. Here nothing does but the last layer.",
                unless="slot:normalization",
            ),
        ),
    )  # fmt: skip

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        from torch import nn
        from torch.nn.utils.parametrize import register_parametrization

        from tricks.layers.weight_standardization import Standardize

        layers = [one for one in network.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
        for layer in layers[:-1]:
            register_parametrization(layer, "weight", Standardize())
        return network
