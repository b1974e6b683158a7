"""Optimizers that torch has not, and what those it has need to be quick here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import AdamW, Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def fusable(params: Sequence[Tensor]) -> bool:
    """Whether torch has one kernel that updates these weights."""
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in params)


class QHM(Optimizer):
    """Quasi-hyperbolic momentum, Ma and Yarats 2018, equations 3 and 4.

    ``d ← βd + (1 - β)g`` and ``θ ← θ - η((1 - ν)g + νd)``: ν = 0 is plain descent, ν = 1 a
    momentum whose steps are as long as plain ones, ν = β is Nesterov's.
    """

    elementwise = True  # a number changes by its own gradient and memory alone

    def __init__(self, params: Sequence[Tensor], lr: float, nu: float, beta: float) -> None:
        super().__init__(params, {"lr": lr, "nu": nu, "beta": beta})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            grads = [p.grad for p in params]
            for p in params:
                if "average" not in self.state[p]:
                    self.state[p]["average"] = torch.zeros_like(p)
            averages = [self.state[p]["average"] for p in params]
            torch._foreach_lerp_(averages, grads, 1 - group["beta"])
            moves = torch._foreach_lerp(grads, averages, group["nu"])
            torch._foreach_add_(params, moves, alpha=-group["lr"])


class Lion(Optimizer):
    """``θ ← θ - η(sign(β₁m + (1 - β₁)g) + λθ)``, then ``m ← β₂m + (1 - β₂)g``.

    Chen et al. 2023, arXiv 2302.06675, program 1.
    """

    elementwise = True

    def __init__(
        self,
        params: Sequence[Tensor],
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            now, later = group["betas"]
            params = [p for p in group["params"] if p.grad is not None]
            grads = [p.grad for p in params]
            for p in params:
                if "average" not in self.state[p]:
                    self.state[p]["average"] = torch.zeros_like(p)
            averages = [self.state[p]["average"] for p in params]
            moves = torch._foreach_lerp(averages, grads, 1 - now)
            torch._foreach_sign_(moves)
            torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(params, moves, alpha=-group["lr"])
            torch._foreach_lerp_(averages, grads, 1 - later)


class Muon(Optimizer):
    """``v ← μv + (1 - μ)g``, and along ``UVᵀ`` of ``(1 - μ)g + μv = UΣVᵀ`` for each matrix.

    Jordan et al. 2024, as torch has it since 2.9: to the last bit the same.
    """

    def __init__(
        self, params: Sequence[Tensor], lr: float, momentum: float, weight_decay: float
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum_buffer" not in state:  # torch's name: its checkpoints go on here
                    state["momentum_buffer"] = torch.zeros_like(p)
                average = state["momentum_buffer"].lerp_(p.grad, 1 - momentum)
                move = orthogonal(p.grad.lerp(average, momentum))
                p.mul_(1 - lr * group["weight_decay"])
                p.add_(move, alpha=-lr * math.sqrt(max(1.0, p.shape[0] / p.shape[1])))


def orthogonal(matrix: Tensor) -> Tensor:
    """About the ``UVᵀ`` of a matrix ``UΣVᵀ``, in bfloat16: singular values of 0.5 to 1.5 for all.

    Five steps of a Newton-Schulz iteration whose slope at zero is as steep as may be; Jordan et
    al. 2024.
    """
    x = matrix.bfloat16()
    upright = len(x) > x.shape[1]
    x = x.T if upright else x
    x.div_(x.norm().clamp(min=1e-7))
    a, b, c = 3.4445, -4.7750, 2.0315
    for _ in range(5):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if upright else x


class MuonAndAdamW(Optimizer):
    """Muon for the matrices and AdamW, at ``share`` of the rate, for all other weights.

    One optimizer to the outside: its groups have the same rate, and its memory is that of both.
    """

    def __init__(
        self,
        params: Sequence[Tensor],
        lr: float,
        momentum: float,
        weight_decay: float,
        share: float,
    ) -> None:
        super().__init__(params, {"lr": lr})
        params = self.param_groups[0]["params"]
        matrices = [p for p in params if p.dim() == 2]
        rest = [p for p in params if p.dim() != 2]
        self.share = share
        self.parts: list[tuple[Optimizer, float]] = []
        if matrices:
            self.parts.append((Muon(matrices, lr, momentum, weight_decay), 1.0))
        if rest:
            adamw = AdamW(rest, lr=lr, weight_decay=0.0, fused=fusable(rest))
            self.parts.append((adamw, share))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for part, share in self.parts:
            part.state = self.state
            for group in part.param_groups:
                group["lr"] = share * self.param_groups[0]["lr"]
            part.step()
