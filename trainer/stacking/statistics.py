"""Normalizations of several networks at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import GroupNorm, LayerNorm

from trainer.stacking.maps import apart, grouped
from trainer.stacking.parts import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import BatchNorm1d, BatchNorm2d, Module

    from trainer.stacking.rows import Weight


def computes(module: Module) -> bool:
    """Whether the part knows this layer: with weights, and statistics that move at a fixed rate."""
    return bool(module.affine and module.track_running_stats and module.momentum is not None)


class BatchNorm(Part):
    """All features of all networks are the features of one layer, whose statistics they share out.

    The running statistics of the modules become rows of one tensor.
    """

    def __init__(
        self, modules: Sequence[BatchNorm1d | BatchNorm2d], weight: Weight, bias: Weight
    ) -> None:
        self.module = modules[0]
        self.weight, self.bias = weight, bias
        self.mean, self.var, self.tracked = (
            rows_of([getattr(module, name) for module in modules])
            for name in ("running_mean", "running_var", "num_batches_tracked")
        )
        self.kept: tuple[Tensor, ...]

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        """(M, N, F) or (M, N, C, H, W)."""
        models = len(x)
        training = keep and self.module.training
        if training:
            self.tracked.add_(1)
        x = grouped(x)
        weight = self.weight.value.flatten()
        momentum = self.module.momentum
        assert momentum is not None
        out, mean, spread = torch.native_batch_norm(
            x, weight, self.bias.value.flatten(), self.mean.view(-1), self.var.view(-1),
            training, momentum, self.module.eps,
        )  # fmt: skip
        if keep:
            self.training = training
            self.kept = x, weight, mean, spread
        return apart(out, models)

    def backward(self, slope: Tensor) -> Tensor:
        models = len(slope)
        x, weight, mean, spread = self.kept
        into, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            grouped(slope), x, weight, self.mean.view(-1), self.var.view(-1), mean, spread,
            self.training, self.module.eps, [True, True, True],
        )  # fmt: skip
        self.weight.put(of_weight.view(models, -1))
        self.bias.put(of_bias.view(models, -1))
        return apart(into, models)


class ExampleNorm(Part):
    """Layer norm or group norm: torch's own kernels, network by network, without autograd's books.

    One kernel for all networks knows no weights for each, and to weigh afterward rounds otherwise.
    """

    def __init__(
        self, modules: Sequence[LayerNorm | GroupNorm], weight: Weight, bias: Weight
    ) -> None:
        self.module = modules[0]
        self.weight, self.bias = weight, bias
        self.x: Tensor
        self.kept: list[tuple[Tensor, Tensor]] = []

    def forward(self, x_MNF: Tensor, keep: bool) -> Tensor:
        found = [
            self.ahead(x.contiguous(), weight, bias)
            for x, weight, bias in zip(x_MNF, self.weight.value, self.bias.value, strict=True)
        ]
        if keep:
            self.x, self.kept = x_MNF, [one[1:] for one in found]
        return torch.stack([one[0] for one in found])

    def ahead(self, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, F) to (N, F), the means and one by the deviations."""
        one, (count, features) = self.module, x.shape
        if isinstance(one, LayerNorm):
            return torch.native_layer_norm(x, [features], weight, bias, one.eps)
        return torch.native_group_norm(x, weight, bias, count, features, 1, one.num_groups, one.eps)

    def backward(self, slope_MNF: Tensor) -> Tensor:
        into = []
        rows = zip(slope_MNF, self.x, self.kept, self.weight.value, self.bias.value, strict=True)
        slopes = []
        for slope, x, (mean, spread), weight, bias in rows:
            one, (count, features) = self.module, x.shape
            slope, x = slope.contiguous(), x.contiguous()
            if isinstance(one, LayerNorm):
                found = torch.ops.aten.native_layer_norm_backward(
                    slope, x, [features], mean, spread, weight, bias, [True, True, True]
                )
            else:
                found = torch.ops.aten.native_group_norm_backward(
                    slope, x, mean, spread, weight, count, features, 1, one.num_groups,
                    [True, True, True],
                )  # fmt: skip
            into.append(found[0])
            slopes.append(found[1:])
        self.weight.put(torch.stack([one[0] for one in slopes]))
        self.bias.put(torch.stack([one[1] for one in slopes]))
        return torch.stack(into)


def rows_of(buffers: Sequence[Tensor]) -> Tensor:
    """One tensor of which these become the rows."""
    together = torch.stack(list(buffers))
    for one, row in zip(buffers, together, strict=True):
        one.data = row
    return together
