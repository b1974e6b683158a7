"""Second-order steps without a matrix: conjugate gradients on products with the curvature."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    Product = Callable[[Tensor], Tensor]


def conjugate_gradients(
    product: Product, b: Tensor, damping: float, iterations: int, radius: float = math.inf
) -> Tensor:
    """``d`` (P,) that solves ``(A + damping I) d = b``, after at most so many products ``A v``.

    It is no longer than ``radius``; where A curves downward it goes all the way there (Steihaug
    1983; Nocedal and Wright 2006, algorithm 7.2). Without a radius it stops there with what it has.
    """
    d, r = torch.zeros_like(b), b.clone()
    p, left = r.clone(), r.dot(r)
    first = left
    for i in range(iterations):
        a = product(p) + damping * p
        curvature = p.dot(a)
        if not curvature > 0:
            if math.isfinite(radius):
                return to_the_edge(d, p, radius)
            return d if i else b
        length = left / curvature
        if (d + length * p).norm() >= radius:
            return to_the_edge(d, p, radius)
        d = d + length * p
        r = r - length * a
        before, left = left, r.dot(r)
        if left <= 1e-10 * first:
            break
        p = r + left / before * p
    return d


def to_the_edge(d: Tensor, p: Tensor, radius: float) -> Tensor:
    """``d + s p`` (P,) with the positive s that makes it as long as ``radius``."""
    pp, dp, dd = p.dot(p), d.dot(p), d.dot(d)
    if pp == 0:
        return d
    return d + ((dp * dp + pp * (radius**2 - dd)).clamp_min(0).sqrt() - dp) / pp * p


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """All numbers in one row, (P,)."""
    return torch.cat([one.reshape(-1) for one in tensors])


def like(row: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The row (P,) in the shapes of the tensors: the inverse of :func:`flat`."""
    parts = torch.split(row, [one.numel() for one in tensors])
    return [part.view(one.shape) for part, one in zip(parts, tensors, strict=True)]


def output_product(z_NC: Tensor, v_NC: Tensor) -> Tensor:
    """The Hessian of the mean cross-entropy at logits z times v: ``(p∘v - p (p·v)) / N``, (N, C).

    Labels drop out of it; it is never negative. Schraudolph 2002, section 5.
    """
    p = z_NC.softmax(dim=-1)
    return (p * v_NC - p * (p * v_NC).sum(dim=-1, keepdim=True)) / len(z_NC)
