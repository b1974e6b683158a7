"""Hiding parts of images: where the holes are, how large, how often, and what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torchvision.transforms.v2 import functional

from trainer.checks import notices
from trainer.experiment import Setup
from tricks import catalog
from tricks.augmentation.cutout import Cutout
from tricks.augmentation.gridmask import Gridmask, gridmask
from tricks.augmentation.hide_and_seek import HideAndSeek, patches
from tricks.augmentation.random_erasing import RandomErasing, rectangles
from tricks.layers.images import boxes, erased

if TYPE_CHECKING:
    from tricks.base import Trick

ONES = torch.ones(2000, 1, 8, 8)


def each(*values: int) -> torch.Tensor:
    return torch.tensor(values)[:, None, None, None]


def dice() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def holes(trick: Trick, x: torch.Tensor = ONES) -> torch.Tensor:
    """(N, H, W) booleans: what the trick wiped out."""
    new, _ = trick.batch(x, x, dice())
    assert set(new.unique().tolist()) <= {0.0, 1.0}
    return new[:, 0] == 0


def test_boxes_are_erased_as_torchvision_erases() -> None:
    x = torch.rand(3, 2, 6, 7, generator=dice())
    top, left, height, width = each(0, 2, 3), each(1, 0, 4), each(2, 4, 3), each(3, 1, 3)
    mine = erased(x, boxes(x, top, left, height, width))
    for i in range(3):
        box = [int(one[i]) for one in (top, left, height, width)]
        theirs = functional.erase(x[i], *box, torch.zeros(1, 1, 1))
        torch.testing.assert_close(mine[i], theirs)


def test_cutout_centers_a_square_on_any_pixel_and_cuts_it_off_at_the_border() -> None:
    """3 x 3 of 8 x 8: a corner's square keeps 4 pixels, an edge's 6, the others' 9."""
    areas = holes(Cutout(size=0.375)).sum((1, 2))
    assert set(areas.tolist()) == {4, 6, 9}
    expected = (4 * 4 + 24 * 6 + 36 * 9) / 64
    assert areas.float().mean().item() == pytest.approx(expected, rel=0.03)


def test_rectangles_have_the_area_and_the_ratio_of_the_paper() -> None:
    top, left, height, width = (one.flatten() for one in rectangles(4000, 64, 64, 0.33, dice()))
    area, ratio = height * width / 64**2, height / width
    assert 0.015 < area.min() < 0.03 and 0.3 < area.max() < 0.35
    assert ratio.max() < 3.3 * 1.15 and ratio.min() > 1 / (3.3 * 1.15)
    assert (top >= 0).all() and (left >= 0).all()
    assert (top + height <= 64).all() and (left + width <= 64).all()
    # torchvision's, drawn the same way from its own numbers.
    from torchvision.transforms import v2

    torch.manual_seed(0)
    image = torch.zeros(1, 64, 64)
    theirs = [v2.RandomErasing(p=1.0).make_params([image]) for _ in range(1500)]
    mean = sum(one["h"] * one["w"] for one in theirs) / len(theirs) / 64**2
    assert area.mean().item() == pytest.approx(mean, rel=0.05)


def test_erasing_happens_to_its_share_and_never_to_a_whole_image() -> None:
    hidden = holes(RandomErasing(p=0.3))
    assert hidden.any(2).any(1).float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert not holes(RandomErasing(p=1.0, scale=1.0)).all(2).all(1).any()


def test_a_grid_by_hand() -> None:
    """Units of 4 with holes of 2, begun one column in: columns 0, 3, 4, 7 and rows 0, 1, 4, 5."""
    mask = gridmask(8, 8, each(4), each(1), each(0), ratio=0.5)[0, 0]
    rows = torch.tensor([1, 1, 0, 0, 1, 1, 0, 0], dtype=torch.bool)
    columns = torch.tensor([1, 0, 0, 1, 1, 0, 0, 1], dtype=torch.bool)
    assert torch.equal(mask, rows[:, None] & columns)


def test_gridmask_hides_the_square_of_what_it_does_not_keep() -> None:
    hidden = holes(Gridmask(ratio=0.5, p=1.0), torch.ones(2000, 1, 64, 64)).float()
    assert hidden.mean().item() == pytest.approx(0.25, rel=0.05)
    share = holes(Gridmask(p=0.4), torch.ones(2000, 1, 32, 32)).any(2).any(1).float().mean()
    assert share.item() == pytest.approx(0.4, abs=0.04)


def test_patches_are_whole_and_hidden_each_for_itself() -> None:
    grid = torch.tensor([[[True, False], [False, True]]])
    expected = torch.kron(grid[0].float(), torch.ones(3, 4)).bool()
    assert torch.equal(patches(grid, 6, 8)[0, 0], expected)
    hidden = holes(HideAndSeek(p=0.3)).reshape(-1, 4, 2, 4, 2)
    assert torch.equal(hidden.any(4).any(2), hidden.all(4).all(2))
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert hidden[:, 0, 0, 0, 0].float().mean().item() == pytest.approx(0.3, abs=0.04)


PAIRS = [
    ("cutout", "random_erasing"),
    ("cutout", "dropblock"),
    ("cutmix", "cutout"),
    ("cutmix", "random_erasing"),
    ("cutmix", "dropblock"),
    ("random_erasing", "dropblock"),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_two_that_hide_are_too_many_in_a_short_run(pair: tuple[str, str]) -> None:
    def warned(steps: int, **knobs: float) -> bool:
        setup = Setup.model_validate({"steps": steps, "network": {"kind": "cnn"}})
        arm = [catalog()[pair[0]](**knobs), catalog()[pair[1]]()]
        found = [one for one in notices(setup, arm) if "hide too much" in one.title]
        assert all(set(one.tricks) == set(pair) and one.kind == "warning" for one in found)
        return bool(found)

    first = catalog()[pair[0]].knobs()[0]
    assert warned(200)
    assert not warned(20_000)
    assert not warned(200, **{first.name: 0.0})
