"""Gradient centralization: the gradient of a unit's weights has mean zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Trick

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


def centralized(g: Tensor) -> Tensor:
    """Each output unit's gradient (C', ...) minus its own mean. Yong et al. 2020, equation 1."""
    return g - g.mean(dim=tuple(range(1, g.dim())), keepdim=True)


@dataclass(kw_only=True)
class GradCentralization(Trick):
    card = Card(
        title="Gradient centralization",
        title_zh="梯度中心化",
        claim="Gradients with mean zero smooth the loss and keep the weights from drifting.",
        claimed_by="Yong et al. 2020",
        when="Convolutional networks; it goes with any optimizer.",
        watch_out="A unit can no longer change the mean of its weights, which inputs with a mean "
        "of their own may need. On small runs the gain is within the noise.",
        formula=r"g_i \leftarrow g_i - \frac{1}{M}\sum_{j=1}^{M} g_{ij}",
        paper=Paper(
            authors="Yong, Huang, Hua and Zhang",
            year=2020,
            title="Gradient centralization: A new optimization technique for deep neural networks",
            arxiv="2004.01461",
        ),
        cost="1.02 times the time of a step",
        zh=Chinese(
            claim="让梯度均值为零，损失更平滑，权重也不会漂移。",
            when="卷积网络；可以配任何优化器。",
            watch_out="单元再也不能改变自己权重的均值，而输入本身有均值时可能需要改变。小规模训练"
            "中的收益在噪声之内。",
        ),
        regime=Regime(setup={"network": {"kind": "cnn", "depth": 3, "width": 16}, "epochs": 5}),
    )
    order = -10

    def gradients(self, network: Module) -> None:
        for p in network.parameters():
            if p.grad is not None and p.dim() > 1:
                p.grad.copy_(centralized(p.grad))
