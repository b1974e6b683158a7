"""The networks, built from a frozen spec whose slots the tricks have filled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Generator, Tensor

    from tricks.base import NetworkSpec


class Skip(nn.Module):
    """``x + scale * branch(x)``; He et al. 2015, arXiv 1512.03385, equation 1."""

    def __init__(self, branch: nn.Module, scale: float) -> None:
        super().__init__()
        self.branch = branch
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.branch(x)
        return x + (out if self.scale == 1.0 else self.scale * out)


class Block(nn.Module):
    """Two 3x3 convolutions, plain or with a skip around them, (N, C, H, W) to (N, C', H', W').

    Where the shape changes the skip strides and fills new channels with zeros (option A of the
    paper), so a net with skips has exactly the weights of the plain one.
    """

    def __init__(self, spec: NetworkSpec, channels: int, features: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *convolution(spec, channels, features, stride),
            spec.activation(),
            *convolution(spec, features, features, 1),
        )
        self.activation = spec.activation()
        self.skip, self.scale = spec.skip, spec.skip_scale
        self.stride, self.new = stride, features - channels

    def forward(self, x_NCHW: Tensor) -> Tensor:
        out: Tensor = self.branch(x_NCHW)
        if self.skip:
            if self.scale != 1.0:
                out = self.scale * out
            if self.stride != 1:
                x_NCHW = x_NCHW[:, :, :: self.stride, :: self.stride]
            if self.new:
                x_NCHW = nn.functional.pad(x_NCHW, (0, 0, 0, 0, 0, self.new))
            out = out + x_NCHW
        result: Tensor = self.activation(out)
        return result


def convolution(
    spec: NetworkSpec, channels: int, features: int, stride: int
) -> Iterator[nn.Module]:
    """A 3x3 convolution and its normalization; the normalization has the bias, if there is one."""
    bias = spec.normalization is None
    yield nn.Conv2d(channels, features, 3, stride=stride, padding=1, bias=bias)
    if spec.normalization:
        yield spec.normalization(features, True)


def build(spec: NetworkSpec) -> nn.Module:
    """The network of a spec: (N, channels, height, width) images to (N, classes) logits."""
    return {"mlp": mlp, "cnn": cnn, "resnet": resnet}[spec.kind](spec)


def mlp(spec: NetworkSpec) -> nn.Module:
    """``depth`` hidden layers; a skip goes around every one that keeps its width."""
    layers: list[nn.Module] = [nn.Flatten()]
    features = math.prod(spec.image)
    for _ in range(spec.depth):
        hidden: list[nn.Module] = [nn.Linear(features, spec.width, bias=not spec.normalization)]
        if spec.normalization:
            hidden.append(spec.normalization(spec.width, False))
        hidden.append(spec.activation())
        if spec.dropout:
            hidden.append(spec.dropout())
        if spec.skip and features == spec.width and len(layers) > 1:
            layers.append(Skip(nn.Sequential(*hidden), spec.skip_scale))
        else:
            layers += hidden
        features = spec.width
    return nn.Sequential(*layers, nn.Linear(features, spec.classes))


def cnn(spec: NetworkSpec) -> nn.Module:
    """``depth`` convolutions, pooled after the first two; a skip goes around every later one."""
    layers: list[nn.Module] = []
    channels, height, width = spec.image
    for i in range(spec.depth):
        features = spec.width if i == 0 else 2 * spec.width
        hidden = [*convolution(spec, channels, features, 1), spec.activation()]
        if spec.skip and channels == features and i > 1:
            layers.append(Skip(nn.Sequential(*hidden), spec.skip_scale))
        else:
            layers += hidden
        if i < 2 and min(height, width) >= 4:
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
        channels = features
    layers.append(nn.Flatten())
    if spec.dropout:
        layers.append(spec.dropout())
    return nn.Sequential(*layers, nn.Linear(channels * height * width, spec.classes))


def resnet(spec: NetworkSpec) -> nn.Module:
    """``depth`` blocks in up to three stages; each stage doubles the channels, halves the map."""
    channels, height, width = spec.image
    layers: list[nn.Module] = [*convolution(spec, channels, spec.width, 1), spec.activation()]
    channels, side = spec.width, min(height, width)
    stages = min(3, spec.depth)
    for stage in range(stages):
        features = spec.width * 2**stage
        blocks = spec.depth // stages + (stage < spec.depth % stages)
        for i in range(blocks):
            stride = 2 if stage and i == 0 and side >= 4 else 1
            layers.append(Block(spec, channels, features, stride))
            channels, side = features, -(-side // stride)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if spec.dropout:
        layers.append(spec.dropout())
    return nn.Sequential(*layers, nn.Linear(channels, spec.classes))


def kaiming(network: nn.Module, rng: Generator) -> None:
    """The baseline's first weights: normal with variance 2 / inputs, no bias.

    He et al. 2015, arXiv 1502.01852, equation 10. torch's own default leaves a deep plain net
    untrained, so an arm never starts from it unless it asks to.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def multiply_adds(network: nn.Module, image: tuple[int, int, int]) -> int:
    """Multiplications of one image's way through the linear and convolutional layers."""
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        total += weight.numel() * (output.shape[2:].numel() if output.dim() == 4 else 1)

    layers = [one for one in network.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
    hooks = [one.register_forward_hook(count) for one in layers]
    was = network.training
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, *image))
    network.train(was)
    for hook in hooks:
        hook.remove()
    return total
