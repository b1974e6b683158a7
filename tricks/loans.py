"""What a hook is given: the training set, the network before it is built, the engine's tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor
    from torch.nn import Module
    from torch.optim import Optimizer


class Fit(Protocol):
    """See :class:`Tools`."""

    def __call__(
        self, x: Tensor, y: Tensor, rng: Generator, *, steps: int, width: int | None = None
    ) -> Module: ...


@dataclass(frozen=True, kw_only=True)
class Split:
    """The training set of one run, on its device.

    ``x`` is (N, channels, height, width), preprocessed; ``y`` is (N,) class indices as the run
    sees them, wrong ones included, or (N, C) probabilities. Clean labels are not here: a trick may
    not peek. ``index`` (N,) says which example of the drawn training set each one is, -1 for one
    that was added; whoever drops, repeats or relabels examples keeps it in step, so that the run
    can be told afterwards how many wrong labels were found.
    """

    x: Tensor
    y: Tensor
    classes: int
    index: Tensor | None = None

    @property
    def labels(self) -> Tensor:
        """The class index of each example, (N,); of probabilities the likeliest."""
        return self.y.argmax(dim=-1) if self.y.is_floating_point() else self.y

    @property
    def counts(self) -> Tensor:
        """How many examples each class has, (C,); of probabilities their sum."""
        if self.y.is_floating_point():
            return self.y.sum(dim=0)
        return self.y.bincount(minlength=self.classes)

    def subset(self, which: Tensor) -> Split:
        """These examples, by position (M,) or mask (N,)."""
        index = None if self.index is None else self.index[which.to(self.index.device)]
        return Split(x=self.x[which], y=self.y[which], classes=self.classes, index=index)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """What the data set has beyond the drawn training set: images without labels.

    ``images(which)`` are preprocessed, (M, channels, height, width), for positions (M,) on the
    CPU, 0 to ``size`` - 1. ``labels(which)`` asks an annotator, who errs as often as the training
    set's did; what was asked for is counted in the run's report.
    """

    size: int
    images: Callable[[Tensor], Tensor]
    labels: Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """How the inputs of a run become pixels again: per channel, (channels, 1, 1)."""

    mean: Tensor
    spread: Tensor

    def to_unit(self, x: Tensor) -> Tensor:
        """(..., channels, height, width) inputs as brightness 0 to 1, noise clipped away."""
        return (x * self.spread + self.mean).clamp(0, 1)

    def from_unit(self, x: Tensor) -> Tensor:
        """Brightness 0 to 1 as inputs."""
        return (x - self.mean) / self.spread


@dataclass(kw_only=True)
class Tools:
    """What the engine lends to the tricks of a run. ``network``, ``optimizer``: from ``begin`` on.

    ``fit(x, y, rng, steps, width=None)`` trains a plain network of its own on (N, ...) images and
    labels, indices or probabilities, and returns it in eval mode; its steps are counted in the
    run's report as extra work. ``restart(k)`` gives the network the first weights of its k-th
    life and the optimizer an empty memory. ``steps`` is None for a budget in seconds;
    ``progress()`` goes from 0 to 1 in any case. Assign ``split`` to train on other examples from
    the next epoch on.
    """

    steps: int | None
    batch_size: int
    lr: float
    pixels: Pixels
    pool: Pool
    split: Split
    fit: Fit
    progress: Callable[[], float]
    network: Module = field(init=False)
    optimizer: Optimizer = field(init=False)
    restart: Callable[[int], None] = field(init=False)

    @property
    def epoch_steps(self) -> int:
        """Steps of one pass through the training set as it is now."""
        return max(1, len(self.split.y) // self.batch_size)


class Acted(NamedTuple):
    """How often a trick changed something: 0 of 1,560 "steps with a loss below 0.1"."""

    times: int
    of: int
    what: str


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """A network before it is built: its shape, and the slots that tricks fill.

    ``activation()`` and ``normalization(features, images)`` make modules; ``images`` says whether
    they see (N, C, H, W) or (N, C). ``dropout()`` modules stand after hidden activations
    of an MLP and before the last layer of the convolutional networks. Of the rest each says which
    networks know it; (N, C, H, W) maps go in and come out.

    attention(features)           cnn, resnet: at the end of a branch, before the skip is added
    map_dropout()                 cnn: after an activation; resnet: between two convolutions
    drop_path(part)               any with skips: on the branch; ``part`` is depth l/L, 0 to 1
    downsample(features)          halves the map; cnn: instead of a pooling, rounded down;
                                  resnet: instead of a stride of 2, rounded up
    convolution(C, C', k, stride, bias)   cnn, resnet: instead of nn.Conv2d
    block(spec, C, C', stride)    resnet: instead of a block's two convolutions; the skip,
                                  the attention and the last activation stay around it
    fusion(channels of stages)    resnet: the maps of all stages to (N, F); has ``features`` = F
    """

    kind: str
    depth: int
    width: int
    image: tuple[int, int, int]
    classes: int
    activation: Callable[[], Module]
    normalization: Callable[[int, bool], Module] | None = None
    dropout: Callable[[], Module] | None = None
    skip: bool = False
    skip_scale: float = 1.0
    attention: Callable[[int], Module] | None = None
    map_dropout: Callable[[], Module] | None = None
    drop_path: Callable[[float], Module] | None = None
    downsample: Callable[[int], Module] | None = None
    convolution: Callable[[int, int, int, int, bool], Module] | None = None
    block: Callable[[NetworkSpec, int, int, int], Module] | None = None
    fusion: Callable[[list[int]], Module] | None = None
    kernel: int = 3  # cnn, resnet: side of the convolutions
    pieces: int = (
        1  # linear layers and convolutions give so many outputs, of which the largest counts
    )
    repeats: int = 1  # how often each layer or block that keeps its shape stands in a row
    tied: bool = False  # the repeated ones share their weights
    stem: int = 1  # resnet: convolutions before the first block
    shortcut: Literal["stride", "pool"] = "stride"  # resnet: how a skip gets smaller
