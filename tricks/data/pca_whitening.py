"""PCA whitening: inputs in the directions of their own variance, each with variance one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

    from tricks.base import Split


def whitening(x: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Mean (D,) and matrix (D, D) of (N, D): ``(x - mean) @ matrix`` is uncorrelated.

    ``U / sqrt(S + epsilon)``, with ``U`` and ``S`` the eigenvectors and eigenvalues of the
    covariance. Directions of variance far below ``epsilon`` stay small.
    """
    import torch

    mean = x.mean(0)
    covariance = (x - mean).T @ (x - mean) / len(x)
    variance, directions = torch.linalg.eigh(covariance)
    return mean, directions / (variance.clamp_min(0) + epsilon).sqrt()


@dataclass(kw_only=True)
class PCAWhitening(Trick):
    card = Card(
        title="PCA whitening",
        title_zh="白化",
        claim="Inputs without correlations, all with variance one, are easier to learn from.",
        claimed_by="LeCun et al. 1998; Wei 2015",
        when="Strongly correlated inputs and a linear first layer; in an MLP only, since the "
        "whitened numbers are no picture any more.",
        watch_out="Not shown here: it was worse than zero-mean inputs. It blows up directions "
        "that hold nothing but noise; a larger ε leaves them small.",
        formula=r"\hat x = (x - \mu)\, U \,(S + \varepsilon)^{-1/2}",
        paper=Paper(
            authors="LeCun et al.",
            year=1998,
            title="Efficient backprop",
            where="Neural Networks: Tricks of the Trade",
        ),
        cost="an eigendecomposition before training: seconds for photographs, else nothing",
        zh=Chinese(
            claim="去掉输入之间的相关性并让方差都为一，更容易学习。",
            when="输入高度相关、第一层是线性层时；白化后的数不再是图像，所以只用于 MLP。",
            watch_out="这里没有看到效果：不如零均值输入。它会放大只含噪声的方向；ε 大一些可以压住"
            "它们。",
        ),
        regime=Regime(setup={"preprocessing": "raw", "epochs": 10}, beside=("zero_center_norm",)),
        rules=(
            Rule(
                kind="hint",
                title="Zero-mean input before PCA whitening changes nothing",
                reason="Whitening subtracts the mean itself and sets every variance to one.",
                other="zero_center_norm",
            ),
        ),
    )
    kinds = ("mlp",)
    order = 10  # outermost: what Zero-mean input does to the images comes after it
    epsilon: float = knob(
        1e-5, low=1e-8, high=10.0, log=True, symbol="ε",
        help="variance below which a direction counts as noise and stays small",
    )  # fmt: skip

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        import torch

        from tricks.layers.fixed_input import Project

        mean, matrix = whitening(split.x.flatten(1).cpu().double(), self.epsilon)
        return torch.nn.Sequential(Project(mean.float(), matrix.float()), network)
