"""Training sets that grow, and predictions for examples by networks that never saw them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import one_hot

from tricks.layers.answers import logits_of, steps_of
from tricks.loans import Split

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from tricks.loans import Tools

SHOWN = 24  # examples of a report


def grown(split: Split, x: Tensor, y: Tensor) -> Split:
    """The split and more examples behind it: (M, ...) images and (M,) class indices."""
    if split.y.dim() == 2:
        y = one_hot(y, split.classes).to(split.y.dtype)
    index = split.index
    if index is not None:
        index = torch.cat(
            [index, torch.full((len(y),), -1, dtype=index.dtype, device=index.device)]
        )
    return Split(
        x=torch.cat([split.x, x]), y=torch.cat([split.y, y]), classes=split.classes, index=index
    )


def out_of_fold(split: Split, tools: Tools, rng: Generator, folds: int, passes: int) -> Tensor:
    """(N, C) probabilities of each example by a helper that was trained on the other folds."""
    fold = torch.randperm(len(split.y), generator=rng) % min(folds, len(split.y))
    fold = fold.to(split.x.device)
    found = torch.empty(len(split.y), split.classes, device=split.x.device)
    for one in range(min(folds, len(split.y))):
        rest, held = fold != one, fold == one
        steps = steps_of(passes, int(rest.sum()), tools.batch_size)
        helper = tools.fit(split.x[rest], split.y[rest], rng, steps=steps)
        found[held] = logits_of(helper, split.x[held]).softmax(-1)
    return found


def examples_of(
    split: Split, tools: Tools, which: Tensor, voted: Tensor, agree: Tensor
) -> list[dict[str, Any]]:
    """The flagged examples of a report, the surest first: index, labels, and the picture.

    ``which`` (M,) are positions; ``voted`` (N,) the labels said instead, ``agree`` (N,) how surely.
    """
    which = which[agree[which].argsort(descending=True, stable=True)][:SHOWN]
    pixels = (255 * tools.pixels.to_unit(split.x[which])).round().int().cpu()
    given = split.labels
    index = split.index if split.index is not None else torch.arange(len(split.y))
    return [
        {
            "index": int(index[int(at)]),
            "given": int(given[at]),
            "voted": int(voted[at]),
            "agree": round(float(agree[at]), 3),
            "pixels": (image[0] if len(image) == 1 else image).tolist(),
        }
        for at, image in zip(which, pixels, strict=True)
    ]
