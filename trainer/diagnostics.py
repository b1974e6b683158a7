"""What a trained network tells when it is asked: pure functions of outputs, weights, gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import get_total_norm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.nn import Module, Parameter

BINS = 15
SAME = 1e-6  # of its largest value: a unit that varies less than this is constant, but for rounding
ALIKE = 1e-4  # of probability: answers that differ by less are one answer
# Leaf modules without weights of their own that are no activation, by a part of their name.
PLUMBING = ("drop", "pool", "norm", "flatten", "identity", "pad", "pyramid", "upsample", "depth")


class Bin(NamedTuple):
    """The predictions of one range of confidence; NaN where there are none."""

    confidence: float  # their mean
    accuracy: float
    images: int


class Calibration(NamedTuple):
    ece: float
    bins: list[Bin]


class Layer(NamedTuple):
    """What one hidden activation gives over some images. ``dead`` is a share of ``units``."""

    name: str
    scale: float
    dead: float
    units: int


def calibration(probabilities: Tensor, y: Tensor, bins: int = BINS) -> Calibration:
    """The expected calibration error of (N, C) probabilities for labels (N,), and its bins.

    Predictions are binned by their confidence, the largest probability, in ``bins`` equal ranges
    that are open below; the error is the mean distance of accuracy and confidence, weighted by
    the predictions in each. Guo et al. 2017, arXiv 1706.04599, equation 3.
    """
    confidence, right, which = binned(probabilities, y, bins)
    count = torch.bincount(which, minlength=bins)
    sure = torch.bincount(which, weights=confidence, minlength=bins) / count
    accuracy = torch.bincount(which, weights=right, minlength=bins) / count
    told = torch.stack([sure, accuracy, count.to(sure.dtype)], dim=1).tolist()
    error = calibration_error(probabilities, y, bins).item()
    return Calibration(error, [Bin(a, b, int(n)) for a, b, n in told])


def calibration_error(probabilities: Tensor, y: Tensor, bins: int = BINS) -> Tensor:
    """The error of :func:`calibration` alone, a scalar: cheap enough for every point of a curve."""
    confidence, right, which = binned(probabilities, y, bins)
    return torch.bincount(which, weights=right - confidence, minlength=bins).abs().sum() / len(y)


def binned(probabilities: Tensor, y: Tensor, bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """Confidence, correctness (0 or 1) and the number of its bin of each prediction, all (N,)."""
    confidence, predicted = probabilities.max(dim=-1)
    edges = torch.linspace(0, 1, bins + 1, device=y.device)[1:-1].to(confidence.dtype)
    which = torch.bucketize(confidence, edges)  # a value on an edge belongs below it
    return confidence, (predicted == y).to(confidence.dtype), which


def confusion(predicted: Tensor, y: Tensor, classes: int) -> Tensor:
    """How many images of each class (rows) were called what (columns): (classes, classes)."""
    flat = torch.bincount(y * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def recall(matrix: Tensor) -> Tensor:
    """The share of each class that was found, (C,); NaN for a class without images."""
    return matrix.diagonal() / matrix.sum(dim=1)


def balanced_accuracy(matrix: Tensor) -> float:
    """The mean recall of the classes that occur: rare ones count as much as common ones."""
    return recall(matrix).nanmean().item()


def is_activation(name: str, module: Module) -> bool:
    """Whether a module's outputs are hidden units.

    It has no parts, holds no numbers (but the slopes of PReLU), and is no dropout, pooling,
    normalization or reshaping.
    """
    kind = type(module).__name__.lower()
    if any(module.children()) or ".parametrizations." in f".{name}.":
        return False
    if kind == "prelu":
        return True
    holds = any(True for _ in module.parameters()) or any(True for _ in module.buffers())
    return not holds and not any(word in kind for word in PLUMBING)


class Watched:
    """The extremes of the units of one activation, and the moments of all their values."""

    def __init__(self, out: Tensor) -> None:
        self.low = out.new_full((out.shape[1],), torch.inf)
        self.high = torch.full_like(self.low, -torch.inf)
        self.parts: list[tuple[int, Tensor, Tensor]] = []  # count, mean, squares around it

    def add(self, out: Tensor) -> None:
        """Take in (N, units, ...) values; a unit of maps is a channel, over all its places.

        Image by image first: extremes over the first dimension of a matrix are quick, over the
        places of maps in their own layout they take longer than the convolution did.
        """
        rows = out.movedim(1, -1).flatten(1)
        low, high = (end.view(-1, out.shape[1]) for end in (rows.amin(dim=0), rows.amax(dim=0)))
        self.low = torch.minimum(self.low, low.amin(dim=0))
        self.high = torch.maximum(self.high, high.amax(dim=0))
        mean = rows.mean()
        self.parts.append((rows.numel(), mean, (rows - mean).square_().sum()))

    def told(self, name: str) -> Layer:
        found = [[count, float(mean), float(squares)] for count, mean, squares in self.parts]
        count, mean, squares = torch.tensor(found, dtype=torch.double).T
        apart = mean - (count * mean).sum() / count.sum()
        variance = (squares + count * apart.square()).sum() / count.sum()
        largest = torch.maximum(self.low.abs(), self.high.abs())
        dead = self.high - self.low <= SAME * largest
        return Layer(name, variance.sqrt().item(), dead.float().mean().item(), len(dead))


def layers(network: Module, x: Tensor, chunk: int = 500) -> tuple[list[Layer], Tensor]:
    """What every hidden activation gives for (N, ...) images, in forward order, and the outputs.

    Of each the standard deviation and the dead units. A unit is dead if it gives the same value for
    every image: zero for a ReLU that never opens, the end of its range for a saturated sigmoid. A
    module that is used twice counts twice.
    """
    seen: dict[str, Watched] = {}
    calls: list[str] = []

    def watch(module: Module, _: object, out: Tensor) -> None:
        if not isinstance(out, torch.Tensor) or not out.is_floating_point() or out.dim() < 2:
            return
        name = f"{type(module).__name__} {len(calls) + 1}"
        calls.append(name)
        if name not in seen:
            seen[name] = Watched(out)
        seen[name].add(out)

    hooks = [
        module.register_forward_hook(watch)
        for name, module in network.named_modules()
        if is_activation(name, module)
    ]
    logits = []
    try:
        with torch.inference_mode():
            for part in torch.split(x, chunk):
                calls.clear()
                logits.append(network(part))
    finally:
        for hook in hooks:
            hook.remove()
    return [watched.told(name) for name, watched in seen.items()], torch.cat(logits)


def dead_units(found: Sequence[Layer]) -> float:
    """The share of all hidden units that are dead; 0 without any."""
    units = sum(one.units for one in found)
    return sum(one.dead * one.units for one in found) / units if units else 0.0


def killed(found: Sequence[Layer], logits: Tensor) -> str | None:
    """Why a network cannot tell images apart, with the number; None if it can.

    ``logits`` is (N, C): what the layers ``found`` lead to. A dead layer alone kills nothing: a
    skip may lead around it, and a side branch may well be constant.
    """
    probabilities = logits.double().softmax(dim=-1)
    spread = (probabilities.amax(dim=0) - probabilities.amin(dim=0)).max().item()
    if spread >= ALIKE:
        return None
    images = f"{len(logits):,} images"
    for one in found:
        if one.dead == 1:
            return f"all {one.units:,} units of {one.name} give the same value for all {images}"
    return f"the answers to {images} are the same: no probability differs by more than {spread:.1g}"


def matrices(network: Module) -> list[Parameter]:
    """The weights of linear layers and convolutions, in order; no biases, no single factors."""
    return [one for one in network.parameters() if one.dim() > 1 and one.numel() > len(one)]


def weight_norm(weights: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all these weights together, a scalar."""
    norms = [torch.linalg.vector_norm(one.detach()) for one in weights]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return norm


def gradient_ends(weights: Sequence[Tensor]) -> tuple[float, float] | None:
    """The norm of the gradient of the first and of the last of some weights.

    None without gradients: before the first step, or where they were cleared.
    """
    held = [one.grad for one in weights if one.grad is not None]
    if not held:
        return None
    both = torch.stack([torch.linalg.vector_norm(one) for one in (held[0], held[-1])])
    first, last = both.tolist()
    return (first, last) if first or last else None


def sharpness(
    network: Module,
    x: Tensor,
    y: Tensor,
    rho: float,
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
) -> float:
    """How much the loss rises a distance ``rho`` uphill: ``L(w + rho g / |g|) - L(w)``.

    Foret et al. 2021, arXiv 2010.01412, equation 2. The weights, their gradients and the mode of
    the network are as before afterward; call it in eval mode.
    """
    weights = [one for one in network.parameters() if one.requires_grad]
    with torch.enable_grad():
        here = loss(network(x), y)
        slopes = torch.autograd.grad(here, weights, allow_unused=True)
    steps = [torch.zeros_like(w) if g is None else g for w, g in zip(weights, slopes, strict=True)]
    length = get_total_norm(steps)
    if not length > 0:
        return 0.0
    before = [one.detach().clone() for one in weights]
    with torch.no_grad():
        try:
            for weight, step in zip(weights, steps, strict=True):
                weight.add_(step, alpha=float(rho / length))
            there = loss(network(x), y)
        finally:
            for weight, old in zip(weights, before, strict=True):
                weight.copy_(old)
    return float(there - here.detach())
