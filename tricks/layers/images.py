"""Batches of images for the augmentation tricks: brightness, warps, blur, masks, library objects.

Images are (..., N, channels, height, width) inputs of a network. What is drawn for an example is
(N, ...): several models that share a batch see the same change.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import affine_grid, grid_sample, pad

from tricks.base import Pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor

    from tricks.base import Trick


def pixels_of(trick: Trick) -> Pixels:
    """How inputs become brightness; a trick that was lent no tools has inputs from 0 to 1."""
    tools = getattr(trick, "tools", None)
    if tools is None:
        return Pixels(mean=torch.zeros(1, 1, 1), spread=torch.ones(1, 1, 1))
    pixels: Pixels = tools.pixels
    return pixels


def black(pixels: Pixels) -> Tensor:
    """What brightness 0 is as an input, (channels, 1, 1)."""
    return pixels.from_unit(torch.zeros_like(pixels.mean))


def uniform(x: Tensor, low: float, high: float, rng: Generator) -> Tensor:
    """A number for each example, (N, 1, 1, 1), on the images' device."""
    count = x.shape[-4]
    return (low + (high - low) * torch.rand(count, 1, 1, 1, generator=rng)).to(x)


# Warps: where an output pixel is read from, in pixels from the middle of the image.


def inverse_affine(
    degrees: Tensor | float = 0.0,
    *,
    scale: Tensor | float = 1.0,
    shear: Tensor | float = 0.0,
    shift: tuple[Tensor | float, Tensor | float] = (0.0, 0.0),
) -> Tensor:
    """(N, 2, 3): the inverse of shearing, enlarging, turning clockwise and shifting by (x, y)."""
    given = [torch.as_tensor(one).flatten().double() for one in (degrees, scale, shear, *shift)]
    count = max(len(one) for one in given)
    turn, size, slant, x, y = (one.expand(count) for one in given)
    turn, slant = turn.deg2rad(), slant.deg2rad().tan()
    cos, sin = turn.cos(), turn.sin()
    forward = torch.stack([cos, -cos * slant - sin, sin, cos - sin * slant], -1)
    back = torch.linalg.inv(size[:, None, None] * forward.reshape(-1, 2, 2))
    away = back @ torch.stack([x, y], -1)[:, :, None]
    return torch.cat([back, -away], -1).float()


def warp(x: Tensor, matrices: Tensor, fill: Tensor | float, *, edge: str = "zeros") -> Tensor:
    """Read each example through its matrix of ``matrices`` (N, 2, 3), between pixels linearly."""
    count, channels, height, width = x.shape[-4:]
    stretch = torch.tensor([[1, height / width, 2 / width], [width / height, 1, 2 / height]])
    grid = affine_grid(
        (matrices * stretch).to(x), [count, channels, height, width], align_corners=False
    )
    return read(x, grid, fill, edge=edge)


def read(x: Tensor, grid: Tensor, fill: Tensor | float, *, edge: str = "zeros") -> Tensor:
    """Read each example at the points of ``grid`` (N, height, width, 2), which go from -1 to 1."""
    flat = (x - fill).reshape(-1, *x.shape[-3:])
    grid = grid.repeat(len(flat) // len(grid), 1, 1, 1)
    read: Tensor = grid_sample(flat, grid, padding_mode=edge, align_corners=False)
    return read.reshape(x.shape) + fill


def blurred(x: Tensor, sigma: Tensor, reach: int) -> Tensor:
    """Gaussian blur with a deviation for each example, ``sigma`` (N, 1, 1, 1), in pixels.

    The kernel has ``2 * reach + 1`` weights that sum to 1; beyond the border the image is mirrored.
    """
    at = torch.arange(-reach, reach + 1, device=x.device)
    weights = (-((at / sigma) ** 2) / 2).softmax(-1)  # (N, 1, 1, taps)
    height, width = x.shape[-2:]
    flat = x.reshape(-1, *x.shape[-3:])
    wide = pad(flat, (reach, reach, reach, reach), mode="reflect")
    wide = wide.reshape(*x.shape[:-2], *wide.shape[-2:])
    rows = weights[..., :1] * wide[..., :height, :]
    for k in range(1, 2 * reach + 1):
        rows = rows + weights[..., k : k + 1] * wide[..., k : k + height, :]
    both = weights[..., :1] * rows[..., :width]
    for k in range(1, 2 * reach + 1):
        both = both + weights[..., k : k + 1] * rows[..., k : k + width]
    return both


# Masks, (N, 1, height, width).


def boxes(x: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """True inside a box of each example; what reaches over the border is cut off."""
    row = torch.arange(x.shape[-2], device=x.device)[:, None]
    column = torch.arange(x.shape[-1], device=x.device)
    inside = (row >= top) & (row < top + height) & (column >= left) & (column < left + width)
    return inside


def erased(x: Tensor, mask: Tensor) -> Tensor:
    """The images with zeros where the mask is true: the mean, once inputs are standardized."""
    return x.masked_fill(mask, 0.0)


# Color, (..., 3, height, width) brightness.


def rgb_to_hsv(x: Tensor) -> Tensor:
    """Hue, saturation and value, each 0 to 1, as in Python's colorsys."""
    high, low = x.amax(-3), x.amin(-3)
    range_ = high - low
    safe = torch.where(range_ > 0, range_, 1.0)
    red, green, blue = ((high - one) / safe for one in x.unbind(-3))
    hue = torch.where(
        x.select(-3, 0) == high,
        blue - green,
        torch.where(x.select(-3, 1) == high, 2 + red - blue, 4 + green - red),
    )
    saturation = range_ / torch.where(high > 0, high, 1.0)
    return torch.stack([hue / 6 % 1, saturation, high], -3)


def hsv_to_rgb(x: Tensor) -> Tensor:
    """The inverse of :func:`rgb_to_hsv`."""
    hue, saturation, value = x.unbind(-3)

    def channel(n: int) -> Tensor:
        k = (n + hue * 6) % 6
        return value - value * saturation * torch.minimum(k, 4 - k).clamp(0, 1)

    return torch.stack([channel(5), channel(3), channel(1)], -3)


def by_library(
    x: Tensor, pixels: Pixels, transform: Callable[[Any], Any], rng: Generator, p: float = 1.0
) -> Tensor:
    """A torchvision object applied to a share ``p`` of the examples, one by one, as 8-bit images.

    ``x`` is (N, channels, height, width). Gray images are shown to it in three equal channels. The
    numbers that it draws come from torch's global generator, which is put back afterwards.
    """
    channels = x.shape[-3]
    gray = channels == 1
    chosen = torch.rand(len(x), generator=rng) < p
    seed = int(torch.randint(2**62, (), generator=rng))
    images = (pixels.to_unit(x) * 255).round().to("cpu", torch.uint8)
    images = images.expand(-1, 3, -1, -1) if gray else images
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        changed = [transform(one) if hit else one for one, hit in zip(images, chosen, strict=True)]
    new = pixels.from_unit(torch.stack(changed)[:, :channels].to(x) / 255)
    return torch.where(chosen[:, None, None, None].to(x.device), new, x)


def taps(sigma: float, side: int) -> int:
    """How far a blur of that deviation reaches, as far as the image can be mirrored."""
    return max(1, min(math.ceil(3 * sigma), side - 1))
