"""L-BFGS: Newton's step, its curvature guessed from the last few gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Slot, Trick, knob
from tricks.rules import DRAWS_LOTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer

CHANGING = (
    "mixup", "cutmix", "mosaic", "random_crop", "rotate", "affine", "random_erasing", "cutout",
    "gaussian_noise", "randaugment", "augmix", "hflip",
)  # fmt: skip


@dataclass(kw_only=True)
class LBFGS(Trick):
    card = Card(
        title="L-BFGS",
        title_zh="有限内存拟牛顿法",
        claim="A guess at the curvature and a line search need no tuned rate and few steps.",
        claimed_by="the thread, as one of the old second-order methods; Liu and Nocedal 1989",
        when="Small problems whose whole training set fits one batch.",
        watch_out="It wants the same loss at every step: a batch of all examples, nothing random, "
        "no schedule. A step takes several passes. It fits the training set to a loss of nearly "
        "zero, wrong labels included.",
        formula=r"\theta \leftarrow \theta - \eta_k H_k\,g, \qquad "
        r"H_{k}\,(g_k - g_{k-1}) = \theta_k - \theta_{k-1}",
        paper=Paper(
            authors="Liu and Nocedal",
            year=1989,
            title="On the limited memory BFGS method for large scale optimization",
            where="Mathematical Programming 45:503-528",
        ),
        cost="2 or more passes a step, and 2 copies of the weights for every gradient kept",
        thread="一些传统的二阶优化方法",
        zh=Chinese(
            claim="估计曲率再做线搜索，不用调学习率，步数也少。",
            when="整个训练集能放进一个批次的小问题。",
            watch_out="它要求每一步的损失函数相同：全批量、没有随机性、不用学习率策略。一步要好几"
            "次前向和反向。它会把训练损失压到接近零，连错误标签也照记。",
        ),
        regime=Regime(setup={"train_size": 1000, "batch_size": 1000, "steps": 60}),
        rules=(
            Rule(
                kind="warning",
                title="L-BFGS on batches of {batch:,} guesses from different losses",
                reason="It compares gradients of one step and the next, which belong to different "
                "examples here. Set the batch size to the {size:,} training examples.",
                when=lambda own, other, facts: (
                    {"batch": facts.batch_size, "size": facts.train_size}
                    if facts.batch_size < facts.train_size
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="L-BFGS takes several passes a step",
                reason="The budget counts steps, and its line search tries several points in each. "
                "A budget in seconds compares equal time.",
                when=lambda own, other, facts: {} if facts.steps is not None else None,
            ),
            Rule(
                kind="error",
                title="L-BFGS and {other} both take the step",
                reason="Its line search decides how a step is taken, so no other trick can.",
                other="slot:step",
            ),
            Rule(
                kind="error",
                title="L-BFGS and {other} exclude each other",
                reason="Its line search finds the length of every step; a rate that changes only "
                "misleads the search.",
                other="slot:schedule",
                when=lambda own, other, facts: (
                    None if other.is_default else {"other": other.card.title}
                ),
            ),
            *(
                Rule(
                    kind="error",
                    title="L-BFGS needs the gradient as it is, and {other} changes it",
                    reason="Its line search compares losses with gradients, and a clipped or "
                    "rescaled gradient does not belong to the loss.",
                    other=one,
                )
                for one in ("agc", "grad_clip", "grad_clip_value", "grad_centralization")
            ),
            *(
                Rule(
                    kind="error",
                    title="L-BFGS needs a loss that is the same twice, and {other} draws lots",
                    reason="Its line search compares losses of several passes, and here two "
                    "passes at the same weights differ by chance.",
                    other=one,
                )
                for one in DRAWS_LOTS
            ),
            *(
                Rule(
                    kind="warning",
                    title="L-BFGS wants the same images at every step",
                    reason="It compares the gradients of one step with those of the next, and here "
                    "the images change in between.",
                    other=one,
                )
                for one in CHANGING
            ),
            Rule(
                kind="warning",
                title="Lookahead moves the weights behind the back of L-BFGS",
                reason="The curvature is guessed from the step before, which Lookahead takes back "
                "in part.",
                other="lookahead",
            ),
        ),
    )
    slot = Slot.OPTIMIZER
    history_size: int = knob(
        10, low=1, high=100, integer=True, symbol="m", help="how many past gradients are kept"
    )
    lr: float = knob(
        1.0, low=1e-4, high=10.0, log=True, symbol="η", help="where the line search begins"
    )

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        from torch.nn import Parameter
        from torch.optim import LBFGS

        from tricks.layers.curvature import flat

        # One row of numbers: torch's L-BFGS cannot read the weights of convolutions as they lie.
        row = Parameter(flat([p.detach() for p in params]))
        return LBFGS(
            [row],
            lr=lr,
            max_iter=1,
            history_size=self.history_size,
            line_search_fn="strong_wolfe",
        )

    def step(self, optimizer: Optimizer, closure: Callable[[], Tensor], network: Module) -> Tensor:
        import torch

        from tricks.layers.curvature import flat, like
        from tricks.layers.passes import counted_once

        params = list(network.parameters())
        row = optimizer.param_groups[0]["params"][0]
        once = counted_once(closure, network)

        def place() -> None:
            with torch.no_grad():
                for p, values in zip(params, like(row.detach(), params), strict=True):
                    p.copy_(values)

        def loss_at_row() -> Tensor:
            place()
            loss = once()
            row.grad = flat([torch.zeros_like(p) if p.grad is None else p.grad for p in params])
            return loss

        with torch.no_grad():
            row.copy_(flat(params))
        loss: Tensor = optimizer.step(loss_at_row)  # type: ignore[assignment, arg-type]
        place()
        return loss
