"""Newton-CG: solve for the step that the curvature asks for, without ever seeing the matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.rules import DRAWS_LOTS, several_passes, takes_the_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer

REACH = 1e-3  # how far the gradient is looked up on both sides, as a share of the weights' length


def hessian_product(gradient: Callable[[Tensor], Tensor], v: Tensor, reach: float) -> Tensor:
    """``H v`` (P,) as ``(g(θ + ε v) - g(θ - ε v)) / 2ε`` with ``ε = reach / |v|``.

    ``gradient`` is asked at so much beside θ. Exact where the loss is a quadratic.
    """
    length = reach / v.norm().clamp_min(1e-20)
    product: Tensor = (gradient(length * v) - gradient(-length * v)) / (2 * length)
    return product


@dataclass(kw_only=True)
class NewtonCG(Trick):
    card = Card(
        title="Newton-CG",
        title_zh="牛顿共轭梯度法",
        claim="A few products with the Hessian give Newton's step, the matrix never formed.",
        claimed_by="the thread, as one of the old second-order methods; Martens 2010",
        when="Small problems, large batches, badly scaled losses.",
        watch_out="The products are differences of gradients at two points nearby, so a step takes "
        "up to 1 + 2 n passes. On small batches it solves for noise; the damping has to hold it "
        "back. Where the loss curves downward it goes as far as r allows.",
        formula=r"(H + \lambda I)\,d = -g, \qquad "
        r"H v \approx \frac{g(\theta + \epsilon v) - g(\theta - \epsilon v)}{2\epsilon}",
        paper=Paper(
            authors="Martens",
            year=2010,
            title="Deep learning via Hessian-free optimization",
            where="ICML 2010",
        ),
        cost="up to 1 + 2 n passes a step: 21 with n at 10",
        thread="一些传统的二阶优化方法",
        zh=Chinese(
            claim="只需几次海森矩阵与向量的乘积就得到牛顿步，矩阵从不写出来。",
            when="小问题、大批量、尺度很不均匀的损失。",
            watch_out="乘积由附近两点的梯度之差得到，一步最多要 1 + 2n 次前向和反向。"
            "批量小时它在精确求解噪声，要靠阻尼压住；损失向下弯的地方一直走到半径 r 为止。",
        ),
        regime=Regime(setup={"train_size": 1000, "batch_size": 500, "steps": 60}),
        rules=(
            several_passes("Newton-CG", lambda own: 1 + 2 * own.iterations),
            takes_the_step("Newton-CG"),
            *(
                Rule(
                    kind="error",
                    title="Newton-CG needs a loss that is the same twice, and {other} draws lots",
                    reason="It takes differences of gradients at points nearby, and here two "
                    "gradients at the same point differ by chance.",
                    other=one,
                )
                for one in DRAWS_LOTS
            ),
            *(
                Rule(
                    kind="warning",
                    title="Newton-CG would measure the clip of {other}, not the curvature",
                    reason="It takes differences of gradients, and clipped ones hardly differ.",
                    other=one,
                )
                for one in ("agc", "grad_clip", "grad_clip_value")
            ),
        ),
    )
    slot = Slot.OPTIMIZER
    damping: float = knob(
        0.1, low=1e-4, high=1000.0, log=True, symbol="λ",
        help="added to all curvatures; large is a short step along the gradient",
    )  # fmt: skip
    radius: float = knob(
        0.2, low=0.001, high=100.0, log=True, symbol="r",
        help="the longest step, and its length where the loss curves downward",
    )  # fmt: skip
    iterations: int = knob(
        10, low=1, high=50, integer=True, symbol="n", help="most products with the Hessian a step"
    )
    lr: float = knob(1.0, low=1e-4, high=10.0, log=True, symbol="η", help="share of Newton's step")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import SGD

        return SGD(list(params), lr=lr, foreach=True)

    def step(self, optimizer: Optimizer, closure: Callable[[], Tensor], network: Module) -> Tensor:
        import torch

        from tricks.layers.curvature import conjugate_gradients, flat, like
        from tricks.layers.passes import still

        loss = closure()
        params = [p for p in network.parameters() if p.grad is not None]
        here = [p.detach().clone() for p in params]

        def gradient(beside: Tensor) -> Tensor:
            with torch.no_grad():
                for p, at, move in zip(params, here, like(beside, here), strict=True):
                    p.copy_(at + move)
            closure()
            return flat([p.grad for p in params if p.grad is not None])

        slope = flat([p.grad for p in params if p.grad is not None])
        reach = REACH * (1 + flat(here).norm().item())
        with still(network):
            d = conjugate_gradients(
                lambda v: hessian_product(gradient, v, reach),
                -slope,
                self.damping,
                self.iterations,
                self.radius,
            )
        with torch.no_grad():
            for p, at, down in zip(params, here, like(d, here), strict=True):
                p.copy_(at)
                p.grad = -down
        optimizer.step()
        return loss
