"""The networks, built from a frozen spec whose slots the tricks have filled."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from trainer.blocks import Block, Skip, Stages, linear, tie
from tricks.layers.convolution import activation, convolution
from tricks.layers.first_weights import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Generator, Tensor

    from tricks.base import NetworkSpec


def build(spec: NetworkSpec) -> nn.Module:
    """The network of a spec: (N, channels, height, width) images to (N, classes) logits."""
    return {"mlp": mlp, "cnn": cnn, "resnet": resnet}[spec.kind](spec)


def mlp(spec: NetworkSpec) -> nn.Module:
    """``depth`` hidden layers; a skip goes around every one that keeps its width."""
    features = math.prod(spec.image)
    layers: list[nn.Module] = [nn.Flatten(), *hidden_layer(spec, features)]
    for i in range(1, spec.depth):
        layers += in_a_row(spec, partial(hidden_layer, spec, spec.width), i - 1, spec.depth - 1)
    return nn.Sequential(*layers, nn.Linear(spec.width, spec.classes))


def hidden_layer(spec: NetworkSpec, features: int) -> Iterator[nn.Module]:
    """A linear layer with its activation."""
    yield from linear(spec, features, spec.width)
    yield spec.activation()
    if spec.dropout:
        yield spec.dropout()


def cnn(spec: NetworkSpec) -> nn.Module:
    """``depth`` convolutions, pooled after the first two; a skip goes around every later one."""
    layers: list[nn.Module] = []
    channels, height, width = spec.image
    for i in range(spec.depth):
        features = spec.width if i == 0 else 2 * spec.width
        hidden = partial(hidden_map, spec, channels, features)
        row = in_a_row(spec, hidden, i - 2, spec.depth - 2) if i > 1 else list(hidden())
        if i < 2 and min(height, width) >= 4:
            row = pooled(row, spec.downsample(features) if spec.downsample else nn.MaxPool2d(2))
            height, width = height // 2, width // 2
        layers += row
        channels = features
    layers.append(nn.Flatten())
    if spec.dropout:
        layers.append(spec.dropout())
    return nn.Sequential(*layers, nn.Linear(channels * height * width, spec.classes))


def pooled(layers: list[nn.Module], pool: nn.Module) -> list[nn.Module]:
    """Layers with their pooling, which goes in front of a plain ReLU.

    The largest of four values is rectified then instead of all four: the same answers and
    gradients to the last bit, in less time (docs/speed.md).
    """
    if type(pool) is nn.MaxPool2d and type(layers[-1]) is nn.ReLU:
        return [*layers[:-1], pool, layers[-1]]
    return [*layers, pool]


def hidden_map(spec: NetworkSpec, channels: int, features: int) -> Iterator[nn.Module]:
    """A convolution with its activation."""
    yield from convolution(spec, channels, features)
    yield from activation(spec)
    if spec.attention:
        yield spec.attention(features)


def in_a_row(
    spec: NetworkSpec, make: Callable[[], Iterable[nn.Module]], place: int, places: int
) -> list[nn.Module]:
    """A layer that keeps its shape, as often as the spec says, each with its skip.

    ``place`` counts from 0 where in the network it stands.
    """
    layers = [nn.Sequential(*make()) for _ in range(spec.repeats)]
    if spec.tied:
        tie(layers)
    if spec.skip:
        return [
            Skip(layer, spec, (place + i / spec.repeats) / places)
            for i, layer in enumerate(layers, 1)
        ]
    return [module for layer in layers for module in layer]


def resnet(spec: NetworkSpec) -> nn.Module:
    """``depth`` blocks in up to three stages; each stage doubles the channels, halves the map."""
    channels, height, width = spec.image
    stem: list[nn.Module] = []
    for _ in range(spec.stem):
        stem += [*convolution(spec, channels, spec.width), spec.activation()]
        channels = spec.width
    side, place, stages = min(height, width), 0, min(3, spec.depth)
    rows: list[list[nn.Module]] = []
    for stage in range(stages):
        features = spec.width * 2**stage
        blocks = spec.depth // stages + (stage < spec.depth % stages)
        rows.append([])
        for i in range(blocks):
            stride = 2 if stage and i == 0 and side >= 4 else 1
            times = spec.repeats if channels == features and stride == 1 else 1
            parts = [(place + (k + 1) / times) / spec.depth for k in range(times)]
            row = [Block(spec, channels, features, stride, part) for part in parts]
            if spec.tied:
                tie(row)
            rows[-1] += row
            channels, side, place = features, -(-side // stride), place + 1
    layers = [*stem, *(block for row in rows for block in row)]
    if spec.fusion:
        fusion = spec.fusion([spec.width * 2**stage for stage in range(stages)])
        layers = [Stages(stem, rows, fusion)]
        channels = int(fusion.features)  # type: ignore[arg-type]
    else:
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if spec.dropout:
        layers.append(spec.dropout())
    return nn.Sequential(*layers, nn.Linear(channels, spec.classes))


def kaiming(network: nn.Module, rng: Generator) -> None:
    """The baseline's first weights: normal with variance 2 / inputs, no bias.

    He et al. 2015, arXiv 1502.01852, equation 10. torch's own default leaves a deep plain net
    untrained, so an arm never starts from it unless it asks to.
    """
    fill(
        network, lambda weight: nn.init.kaiming_normal_(weight, generator=rng, nonlinearity="relu")
    )


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
