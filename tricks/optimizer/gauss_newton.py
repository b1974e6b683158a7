"""Gauss-Newton: Newton's step with a curvature that is never negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.rules import several_passes, takes_the_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer


def gauss_newton_product(network: Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    """``v -> JᵀHJ v`` over all trained weights, (P,): J of the logits, H of the cross-entropy.

    One forward pass serves all products. Schraudolph 2002, section 3.
    """
    import torch

    from tricks.layers.curvature import flat, output_product

    params = [p for p in network.parameters() if p.requires_grad]
    z = network(x)
    u = torch.zeros_like(z, requires_grad=True)
    back = torch.autograd.grad(
        z, params, u, create_graph=True, allow_unused=True, materialize_grads=True
    )
    row = flat(back)  # linear in u, so its derivative by u is J

    def product(v: Tensor) -> Tensor:
        (forward,) = torch.autograd.grad(row, u, v, retain_graph=True)
        curved = output_product(z.detach(), forward)
        return flat(
            torch.autograd.grad(
                z, params, curved, retain_graph=True, allow_unused=True, materialize_grads=True
            )
        )

    return product


@dataclass(kw_only=True)
class GaussNewton(Trick):
    card = Card(
        title="Gauss-Newton",
        title_zh="高斯-牛顿法",
        claim="Leave out the part of the curvature that can be negative, and trust the rest.",
        claimed_by="the thread, as one of the old second-order methods; Martens 2010",
        when="Small problems, large batches, badly scaled losses.",
        watch_out="The curvature is that of cross-entropy, whatever loss the arm trains. A step "
        "takes up to 2 n more backward passes. On small batches it solves for noise, which the "
        "damping has to hold back.",
        formula=r"(J^\top H_z J + \lambda I)\,d = -g, \qquad "
        r"H_z = \mathrm{diag}(p) - p\,p^\top",
        paper=Paper(
            authors="Schraudolph",
            year=2002,
            title="Fast curvature matrix-vector products for second-order gradient descent",
            where="Neural Computation 14(7):1723-1738",
        ),
        cost="up to 2 + 2 n passes a step: 22 with n at 10",
        thread="一些传统的二阶优化方法",
        zh=Chinese(
            claim="去掉曲率里可能为负的部分，其余的就可以放心使用。",
            when="小问题、大批量、尺度很不均匀的损失。",
            watch_out="无论训练用什么损失，这里的曲率都是交叉熵的。一步最多多做 2n 次反向传播。"
            "批量小时它在精确求解噪声，要靠阻尼压住。",
        ),
        regime=Regime(
            setup={"train_size": 1000, "batch_size": 500, "steps": 60}, beside=("newton_cg",)
        ),
        rules=(
            several_passes("Gauss-Newton", lambda own: 2 + 2 * own.iterations),
            takes_the_step("Gauss-Newton"),
            Rule(
                kind="warning",
                title="Gauss-Newton does not know the curvature of {other}",
                reason="Its curvature is that of cross-entropy and the gradient is not, so the "
                "step fits neither.",
                other="slot:loss",
            ),
        ),
    )
    slot = Slot.OPTIMIZER
    damping: float = knob(
        1.0, low=1e-4, high=1000.0, log=True, symbol="λ",
        help="added to all curvatures; large is a short step along the gradient",
    )  # fmt: skip
    iterations: int = knob(
        10, low=1, high=50, integer=True, symbol="n", help="most products with the matrix a step"
    )
    lr: float = knob(1.0, low=1e-4, high=10.0, log=True, symbol="η", help="share of Newton's step")

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.optim import SGD

        return SGD(list(params), lr=lr, foreach=True)

    def step(self, optimizer: Optimizer, closure: Callable[[], Tensor], network: Module) -> Tensor:
        from tricks.layers.curvature import conjugate_gradients, flat, like
        from tricks.layers.passes import still

        seen: list[Tensor] = []
        watch = network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        loss = closure()
        watch.remove()
        params = [p for p in network.parameters() if p.requires_grad and p.grad is not None]
        slope = flat([p.grad for p in params if p.grad is not None])
        with still(network):
            product = gauss_newton_product(network, seen[-1])
        d = conjugate_gradients(product, -slope, self.damping, self.iterations)
        for p, down in zip(params, like(d, params), strict=True):
            p.grad = -down
        optimizer.step()
        return loss
