"""CutMix against torchvision's, mosaic by hand, and what mixed labels do to other tricks."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import one_hot

from trainer.checks import notices
from trainer.experiment import Setup
from tricks.augmentation.cutmix import Cutmix, box_of, cutmix, floor
from tricks.augmentation.mixup import Mixup
from tricks.augmentation.mosaic import Mosaic, mosaic
from tricks.loss.flooding import Flooding
from tricks.loss.focal_loss import FocalLoss

X = torch.rand(6, 3, 8, 10, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])
Y = one_hot(LABELS, 5).float()


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("share", "row", "column"), [(0.0, 4, 5), (0.3, 0, 9), (0.75, 7, 2), (1.0, 1, 1)]
)
def test_cutmix_is_torchvisions(
    share: float, row: int, column: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.transforms import v2

    reference = v2.CutMix(alpha=1.0, num_classes=5)
    monkeypatch.setattr(reference._dist, "sample", lambda *size: torch.tensor(share))
    drawn = iter([column, row])
    monkeypatch.setattr(torch, "randint", lambda *args, **kwargs: torch.tensor([next(drawn)]))
    theirs_x, theirs_y = reference(X, LABELS)
    x, y = cutmix(X, Y, box_of(share, row, column, 8, 10))
    torch.testing.assert_close(x, theirs_x)
    torch.testing.assert_close(y, theirs_y)


def test_labels_are_the_areas() -> None:
    """An image painted with its own label tells how much of it is where."""
    painted = Y[:, :, None, None].expand(6, 5, 8, 10)
    for seed in range(20):
        for trick in (Cutmix(), Mosaic(p=1.0)):
            x, y = trick.batch(painted, Y, dice(seed))
            torch.testing.assert_close(x.mean((2, 3)), y)


def test_four_images_meet_with_their_inner_corners() -> None:
    x = torch.stack([torch.arange(16.0).reshape(1, 4, 4) + 100 * k for k in range(4)])
    new, y = mosaic(x, torch.eye(4), 1, 3)
    expected = torch.tensor([[13, 14, 15, 312], [201, 202, 203, 100], [205, 206, 207, 104],
                             [209, 210, 211, 108]])  # fmt: skip
    torch.testing.assert_close(new[0, 0], expected.float())
    torch.testing.assert_close(y[0], torch.tensor([3, 3, 9, 1]) / 16)


def test_mosaic_happens_to_its_share_of_the_batches() -> None:
    rng = dice()
    hit = [not torch.equal(Mosaic(p=0.3).batch(X, Y, rng)[0], X) for _ in range(1000)]
    assert sum(hit) / 1000 == pytest.approx(0.3, abs=0.05)


def test_those_that_mix_take_turns() -> None:
    assert Mixup.alternates and Cutmix.alternates and Mosaic.alternates


def found(*tricks: object) -> list[str]:
    setup = Setup.model_validate({"epochs": 2})
    return [f"{one.kind}: {one.title}" for one in notices(setup, tricks)]


def test_turns_are_hinted_at() -> None:
    assert found(Cutmix(), Mixup()) == ["hint: CutMix and Mixup take turns"]
    assert found(Cutmix(), Mosaic()) == ["hint: CutMix and Mosaic take turns"]
    assert found(Mosaic(), Mixup()) == ["hint: Mosaic and Mixup take turns"]
    assert found(Cutmix(alpha=0), Mixup()) == found(Mosaic(p=0), Mixup()) == []


def test_the_floor_of_the_loss_is_the_entropy_of_the_labels_it_makes() -> None:
    rng, labels = dice(), torch.eye(2)
    entropies = []
    for _ in range(1500):
        _, y = Cutmix().batch(torch.zeros(2, 1, 64, 64), labels, rng)
        entropies.append(-torch.special.xlogy(y[0], y[0]).sum().item())
    assert sum(entropies) / 1500 == pytest.approx(floor(1.0), abs=0.02)
    assert floor(0.05) < floor(1.0) < math.log(2)


def test_flooding_below_the_floor_is_warned_of() -> None:
    low = floor(1.0)
    assert found(Cutmix(), Flooding(level=low - 0.05)) == [
        "warning: Flooding hardly acts on CutMix's labels"
    ]
    assert found(Cutmix(), Flooding(level=low + 0.05)) == []


def test_focal_loss_on_mixed_labels_is_warned_of() -> None:
    warning = "warning: Focal loss does not ask for CutMix's labels"
    assert found(Cutmix(), FocalLoss()) == [warning]
    assert found(Cutmix(), FocalLoss(gamma=0)) == []
