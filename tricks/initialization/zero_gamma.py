"""Zero gamma: the last normalization of every residual branch starts at zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Acted, Card, Chinese, Paper, Regime, Rule, Trick

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.base import Split


@dataclass(kw_only=True)
class ZeroGamma(Trick):
    card = Card(
        title="Zero gamma",
        title_zh="γ 置零",
        claim="Blocks start as the identity, so a residual network is easy to train at first.",
        claimed_by="Goyal et al. 2017; He et al. 2018",
        when="ResNets with batch norm, high rates, large batches.",
        watch_out="Not shown here: after 10 epochs of a narrow ResNet with 9 blocks it ties (.983 "
        "and .981, 3 seeds on digits), and after 3 it is far behind, since the blocks have to "
        "wake up first. It needs a normalization at the end of a branch.",
        formula=r"\gamma_\text{last} = 0 \;\Rightarrow\; y = x + \mathrm{BN}_{\gamma = 0}(F(x)) = "
        r"x",
        paper=Paper(
            authors="He et al.",
            year=2018,
            title="Bag of tricks for image classification with convolutional neural networks",
            arxiv="1812.01187",
        ),
        cost="nothing",
        zh=Chinese(
            claim="各块一开始都是恒等映射，残差网络起步更容易。",
            when="有批归一化的 ResNet，学习率高、批次大。",
            watch_out="这里没有得到证实：9 个块的窄 ResNet 训练 10 个 epoch 后打平（.983 对 .981，"
            "digits 上 3 个种子）；只训练 3 个 epoch 时落后很多，因为各块要先“醒来”。分支末尾必须"
            "有归一化。",
        ),
        regime=Regime(
            setup={"network": {"kind": "resnet", "depth": 9, "width": 8}, "epochs": 3},
            baseline=("batch_norm", "skip_connection"),
        ),
        rules=(
            Rule(
                kind="error",
                title="Zero gamma needs Skip connection",
                reason="Without skips a γ of zero lets nothing pass. Add Skip connection to the "
                "arm.",
                unless="skip_connection",
            ),
            Rule(
                kind="error",
                title="Zero gamma needs a normalization",
                reason="γ is the factor that a normalization learns, and this arm has none. Add "
                "Batch norm.",
                unless="slot:normalization",
            ),
            Rule(
                kind="error",
                title="Fixup and Zero gamma both start the branches at zero",
                reason="A branch whose last weights and whose γ are both zero gets no gradient, "
                "ever. Use one of the two.",
                other="fixup",
            ),
        ),
    )
    kinds = ("resnet",)  # elsewhere a ReLU ends the branch, and has no slope at its zero
    learns = False  # the blocks start silent, and 60 steps do not wake them up
    zeroed: int = field(init=False, default=0, repr=False, compare=False)
    blocks: int = field(init=False, default=0, repr=False, compare=False)

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        from torch import nn

        from tricks.layers.gate import residuals

        self.zeroed = self.blocks = 0
        for block in residuals(network):
            self.blocks += 1
            scaled = [
                one
                for one in block.branch.modules()
                if "Norm" in type(one).__name__
                and isinstance(getattr(one, "weight", None), nn.Parameter)
            ]
            for one in scaled[-1:]:
                nn.init.zeros_(one.weight)
                self.zeroed += 1
        return network

    def acted(self) -> Acted:
        return Acted(self.zeroed, self.blocks, "blocks whose γ was set to zero")
