"""Linear layers and convolutions as a product of two thinner ones."""

from __future__ import annotations

from torch import Tensor, nn
from torch.linalg import svd


def factors(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """``U`` (out, rank) and ``V`` (rank, in), the best product of that rank for (out, in) weights.

    The truncated singular value decomposition, its values shared evenly (Eckart and Young 1936).
    """
    left, values, right = svd(weight, full_matrices=False)
    root = values[:rank].sqrt()
    return left[:, :rank] * root, root[:, None] * right[:rank]


def linear(layer: nn.Linear, rank: int) -> nn.Sequential:
    """The layer through ``rank`` features."""
    thin = nn.Linear(layer.in_features, rank, bias=False)
    wide = nn.Linear(rank, layer.out_features, bias=layer.bias is not None)
    u, v = factors(layer.weight.detach(), rank)
    thin.weight.data.copy_(v)
    wide.weight.data.copy_(u)
    if layer.bias is not None:
        wide.bias.data.copy_(layer.bias.data)
    return nn.Sequential(thin, wide)


def convolution(layer: nn.Conv2d, rank: int) -> nn.Sequential:
    """The convolution through ``rank`` channels; a 1x1 convolution makes all of them."""
    side, stride, padding = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    thin = nn.Conv2d(layer.in_channels, rank, side, stride, padding, bias=False)
    wide = nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None)
    u, v = factors(layer.weight.detach().flatten(1), rank)
    thin.weight.data.copy_(v.view_as(thin.weight))
    wide.weight.data.copy_(u.view_as(wide.weight))
    if layer.bias is not None and wide.bias is not None:
        wide.bias.data.copy_(layer.bias.data)
    return nn.Sequential(thin, wide)


def factorize(network: nn.Module, share: float) -> nn.Module:
    """Every layer but the last, in place, at that share of the full rank.

    Layers with groups have too few inputs to save anything, and stay.
    """
    last = [one for one in network.modules() if isinstance(one, nn.Linear)][-1]
    done: dict[nn.Module, nn.Sequential] = {}  # a layer that stands twice is one pair
    for name, layer in list(network.named_modules(remove_duplicate=False)):
        if layer is last or not isinstance(layer, nn.Linear | nn.Conv2d):
            continue
        full = min(layer.weight.shape[0], layer.weight[0].numel())
        rank = max(1, round(share * full))
        if rank == full or (isinstance(layer, nn.Conv2d) and layer.groups > 1):
            continue
        if layer not in done:
            if isinstance(layer, nn.Linear):
                done[layer] = linear(layer, rank)
            else:
                done[layer] = convolution(layer, rank)
        network.set_submodule(name, done[layer])
    return network
