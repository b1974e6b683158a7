"""Spectral norm: every layer is divided by how much it can stretch its input at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.base import Split


@dataclass(kw_only=True)
class SpectralNorm(Trick):
    card = Card(
        title="Spectral norm",
        title_zh="谱归一化",
        claim="No layer can stretch its input, which keeps training steady.",
        claimed_by="the thread; Miyato et al. 2018",
        when="The critic of a GAN, deep networks that explode, high rates.",
        watch_out="It limits how sure a classifier can be: its logits grow no faster than its "
        "input. Deep networks without a norm shrink the signal. A norm layer stretches it again, "
        "so the bound no longer holds for the whole network.",
        formula=r"\bar W = \frac{W}{\sigma_1(W)}",
        paper=Paper(
            authors="Miyato et al.",
            year=2018,
            title="Spectral normalization for generative adversarial networks",
            arxiv="1802.05957",
        ),
        cost="1.2 to 1.6 times the time of a step",
        thread="还有谱范数等",
        zh=Chinese(
            claim="每一层都不能放大输入，训练因此更稳。",
            when="GAN 的判别器、会爆炸的深层网络、较大的学习率。",
            watch_out="分类器的把握也被限制：logits 的增长不超过输入。没有归一化层的深网络，信号会"
            "越来越小。有归一化层时信号又被放大，整个网络的上界就不成立了。",
        ),
        regime=Regime(
            setup={"network": {"kind": "mlp", "depth": 3, "width": 128}, "epochs": 10, "lr": 1.0},
            beside=("grad_clip",),
        ),
        rules=(
            Rule(
                kind="error",
                title="Spectral norm and Weight norm exclude each other",
                reason="Both decide how large the weights of a layer are, so one arm can have "
                "only one of them.",
                other="weight_norm",
            ),
            Rule(
                kind="error",
                title="Spectral norm and Weight standardization exclude each other",
                reason="Standardizing sets the size of the weights again, and with it how far "
                "they stretch, so one arm can have only one of them.",
                other="weight_standardization",
            ),
            Rule(
                kind="hint",
                title="A norm layer undoes the bound of Spectral norm",
                reason="The layer behind it divides by the deviation of what comes out, however "
                "small that is, so the network as a whole may stretch its input.",
                other="slot:normalization",
            ),
        ),
    )
    learns = False  # what it divides the weights by, it divides the gradients by: slow at first
    n_power_iterations: int = knob(
        1, low=1, high=10, integer=True, symbol="n",
        help="rounds of the power method at a step; one is enough, since weights move slowly",
    )  # fmt: skip

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        import torch
        from torch import nn
        from torch.nn.utils.parametrizations import spectral_norm

        # The power method starts from torch's own generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=rng)))
            for module in network.modules():
                if isinstance(module, nn.Linear | nn.Conv2d):
                    spectral_norm(module, n_power_iterations=self.n_power_iterations)
        return network
