"""Gradient noise: random numbers on every gradient, fewer as training goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module


def deviation(eta: float, gamma: float, step: int) -> float:
    """``sqrt(eta / (1 + t)**gamma)`` at step ``t``, counted from 0. Neelakantan, section 3."""
    return float((eta / (1 + step) ** gamma) ** 0.5)


@dataclass(kw_only=True)
class GradientNoise(Trick):
    card = Card(
        title="Gradient noise",
        title_zh="梯度噪声",
        claim="Noise that fades helps very deep networks out of poor regions.",
        claimed_by="Neelakantan et al. 2015",
        when="Very deep plain networks and poor first weights.",
        watch_out="Every weight gets the same noise, so a network of many weights gets a lot: "
        "with 20 layers and a good start it did not help on digits (3 seeds). The noise is on the "
        "scale of the gradient, so a high rate makes it larger.",
        formula=r"g_t + \mathcal N(0, \sigma_t^2), \quad \sigma_t^2 = \frac{\eta}{(1 + t)^\gamma}",
        paper=Paper(
            authors="Neelakantan et al.",
            year=2015,
            title="Adding gradient noise improves learning for very deep networks",
            arxiv="1511.06807",
        ),
        cost="1.1 to 2 times the time of a step on a processor: a random number for each weight",
        zh=Chinese(
            claim="逐渐减弱的噪声帮助很深的网络走出不好的区域。",
            when="很深的普通网络、初始权重不好的时候。",
            watch_out="每个权重的噪声一样大，权重多的网络就得到很多噪声：在数字数据上，起点好的 "
            "20 层网络没有变好（3 个种子）。噪声以梯度为尺度，学习率越大它越大。",
        ),
        regime=Regime(
            setup={"network": {"kind": "mlp", "depth": 20, "width": 50}, "epochs": 8, "lr": 0.02},
        ),
    )
    order = -5
    eta: float = knob(
        0.01, low=0.0, high=1.0, neutral=0.0, symbol="η",
        help="variance of the noise at the first step; 0.01, 0.3 or 1 in the paper",
    )  # fmt: skip
    gamma: float = knob(
        0.55, low=0.0, high=2.0, symbol="γ", help="how fast it fades; 0 keeps it as it is"
    )
    rng: Generator = field(init=False, repr=False, compare=False)
    taken: int = field(init=False, default=0, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        self.rng = rng

    def gradients(self, network: Module) -> None:
        import torch

        if self.eta == 0:
            return
        parts = [one.grad for one in network.parameters() if one.grad is not None]
        noise = torch.randn(sum(one.numel() for one in parts), generator=self.rng)
        noise = noise.to(parts[0].device) * deviation(self.eta, self.gamma, self.taken)
        pieces = torch.split(noise, [one.numel() for one in parts])
        for one, piece in zip(parts, pieces, strict=True):
            one.add_(piece.view(one.shape))

    def after_step(self, network: Module, step: int) -> None:
        self.taken = step
