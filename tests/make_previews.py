"""The augmentation tricks' pictures, made by their own code: ``python tests/make_previews.py``.

Writes a sheet for each trick to ``pages/parts/pictures``; ``preview_augmentation.py`` reads them,
and a test compares them with what the code gives today.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pages.parts.preview_augmentation import DRAWS, PICTURES, STRIPS  # noqa: E402
from trainer.datasets import digits  # noqa: E402
from trainer.shapes import draw  # noqa: E402
from tricks import catalog  # noqa: E402
from tricks.base import Pixels, Split  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

DIGITS = (3, 7, 0, 4)  # the four of the batch; the first two are pictured
SHAPES = (4, 9, 7, 5)  # star, angle, moon, plus
CLEAN = -0.0999  # a little below the easiest: noise that no byte can hold


@cache
def training(data: str) -> tuple[Tensor, Tensor]:
    """Images of brightness 0 to 1 and their labels."""
    if data == "digits":
        x, y, _, _ = digits()
        return torch.from_numpy(x / np.float32(16)), torch.from_numpy(y).long()
    y = np.arange(400, dtype=np.uint8) % 10
    x = draw(y, CLEAN, np.random.default_rng(7))
    return torch.from_numpy(x / np.float32(255)), torch.from_numpy(y).long()


def classifier(x: Tensor, y: Tensor) -> torch.nn.Module:
    """The nearest class mean as a linear layer: the same on every machine, with no training."""
    means = torch.stack([x[y == label].flatten(1).mean(0) for label in range(10)])
    linear = torch.nn.Linear(means.shape[1], 10)
    with torch.no_grad():
        linear.weight.copy_(means)
        linear.bias.copy_(-means.square().sum(1) / 2)
    return torch.nn.Sequential(torch.nn.Flatten(), linear)


def sheet(trick_id: str) -> np.ndarray:
    """Two rows for each stop: an image as it is, then its draws. Bytes, gray or RGBA."""
    strip = STRIPS[trick_id]
    unit, y = training(strip.data)
    mean, spread = unit.mean((0, 2, 3)), unit.std((0, 2, 3))
    pixels = Pixels(mean=mean[:, None, None], spread=spread[:, None, None])
    chosen = DIGITS if strip.data == "digits" else SHAPES
    at = torch.stack([(y == label).nonzero()[0, 0] for label in chosen])
    x, targets = pixels.from_unit(unit), torch.eye(10)[y]
    rows = []
    for stop in strip.stops:
        trick = catalog()[trick_id](**{strip.knob: stop * strip.turned, **strip.fixed})
        trick.tools = SimpleNamespace(pixels=pixels, network=classifier(x, y))
        if trick.changes("dataset"):
            trick.dataset(Split(x=x, y=y, classes=10), torch.Generator().manual_seed(0))
        rng = torch.Generator().manual_seed(1)
        draws = [trick.batch(x[at], targets[at], rng)[0] for _ in range(DRAWS)]
        for i in (0, 1):
            images = [unit[at[i]], *(pixels.to_unit(one[i]) for one in draws)]
            rows.append(np.concatenate([placed(one, strip.cell) for one in images], 1))
    return np.concatenate(rows)


def placed(image: Tensor, cell: int) -> np.ndarray:
    """An image (channels, height, width) in the middle of its place; around it nothing is drawn."""
    values = (image * 255).round().byte().permute(1, 2, 0).numpy()
    if values.shape[2] == 1:
        return values[:, :, 0]
    side = cell or 32
    place = np.zeros((side, side, 4), np.uint8)
    top, left = (side - values.shape[0]) // 2, (side - values.shape[1]) // 2
    inside = place[top : top + values.shape[0], left : left + values.shape[1]]
    inside[..., :3], inside[..., 3] = values, 255
    return place


def main() -> None:
    from PIL import Image

    PICTURES.mkdir(exist_ok=True)
    for trick in STRIPS:
        Image.fromarray(sheet(trick)).save(PICTURES / f"{trick}.png", optimize=True)
        print(f"{trick}.png")


if __name__ == "__main__":
    main()
