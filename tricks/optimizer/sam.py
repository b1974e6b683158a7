"""SAM: step by the gradient at the worst point nearby."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer


def ascent(gradients: list[Tensor], rho: float) -> list[Tensor]:
    """``rho * g / |g|`` over all tensors together. Foret et al. 2020, equation 2."""
    import torch

    norm = torch.nn.utils.get_total_norm(gradients)
    return [g * (rho / (norm + 1e-12)) for g in gradients]


@dataclass(kw_only=True)
class SAM(Trick):
    card = Card(
        title="SAM",
        title_zh="锐度感知最小化",
        claim="Flat minima generalize better: look for weights whose neighbors are good too.",
        claimed_by="Foret et al. 2020",
        when="Wrong labels and long training.",
        watch_out="Every step costs two passes, so compare it at equal seconds too. Wrong labels "
        "wanted a larger ρ (0.2) than the default.",
        formula=r"g = \nabla L\left(\theta + \rho\,\frac{\nabla L(\theta)}"
        r"{\lVert \nabla L(\theta) \rVert}\right)",
        paper=Paper(
            authors="Foret et al.",
            year=2020,
            title="Sharpness-aware minimization for efficiently improving generalization",
            arxiv="2010.01412",
        ),
        cost="2 times the time of a step",
        zh=Chinese(
            claim="平坦的极小值泛化更好：要找连邻居也好的权重。",
            when="标签有错、训练时间长。",
            watch_out="每一步要做两次前向和反向，所以也要在相同秒数下比较。标签有错时，ρ 要比默认"
            "值大（0.2）。",
        ),
        regime=Regime(
            setup={"train_size": 400, "label_noise": 0.3, "epochs": 60}, knobs={"rho": 0.2}
        ),
        rules=(
            Rule(
                kind="hint",
                title="SAM takes about twice the time of the other arms",
                reason="The budget counts steps, and each of SAM's needs two passes. A budget in "
                "seconds compares equal time.",
                when=lambda own, other, facts: {} if facts.steps is not None else None,
            ),
        ),
    )
    slot = Slot.STEP
    rho: float = knob(
        0.05, low=0.0, high=1.0, neutral=0.0, symbol="ρ", help="how far the worst point is away"
    )

    def step(self, optimizer: Optimizer, closure: Callable[[], Tensor], network: Module) -> Tensor:
        import torch

        from tricks.layers.passes import still

        loss = closure()
        moved = [(p, p.grad) for p in network.parameters() if p.grad is not None]
        here = [p.detach().clone() for p, _ in moved]
        with torch.no_grad():
            for (p, _), move in zip(moved, ascent([g for _, g in moved], self.rho), strict=True):
                p.add_(move)
        with still(network):
            closure()
        with torch.no_grad():
            for (p, _), weights in zip(moved, here, strict=True):
                p.copy_(weights)
        optimizer.step()
        return loss
