"""The data: what a seed draws, what the knobs do, what happens without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from trainer import datasets
from trainer.datasets import DATASETS, DataError, load
from trainer.experiment import parse
from trainer.shapes import shapes
from trainer.tasks.classification import Classification

if TYPE_CHECKING:
    from pathlib import Path


def quiet(text: str) -> None:
    """Nobody listens."""


def task(home: Path, seed: int = 0, **setup: Any) -> Classification:
    data = {
        "name": "data",
        "setup": {"dataset": "digits", "train_size": 400, "steps": 1, **setup},
        "arms": [{"name": "baseline"}],
        "seeds": [seed],
    }
    return Classification(parse(data).runs()[0], home=home, device="cpu", say=quiet)


def test_digits_are_as_described(home: Path) -> None:
    arrays = load("digits", home, difficulty=None, say=quiet)
    about = DATASETS["digits"]
    assert arrays.train_x.shape == (about.train_size, *about.image)
    assert arrays.test_x.shape == (about.test_size, *about.image)
    assert arrays.train_x.max() == about.top
    seen = {image.tobytes() for image in arrays.train_x}
    assert not [image for image in arrays.test_x if image.tobytes() in seen]
    assert set(np.bincount(arrays.test_y)) <= {43, 44, 45, 46, 47}


def test_digits_are_scikit_learns(home: Path) -> None:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    arrays = load("digits", home, difficulty=None, say=quiet)
    ours = [
        (image.tobytes(), int(label))
        for x, y in ((arrays.train_x, arrays.train_y), (arrays.test_x, arrays.test_y))
        for image, label in zip(x, y, strict=True)
    ]
    theirs = [(i.astype(np.uint8).tobytes(), int(y)) for i, y in zip(images, labels, strict=True)]
    assert sorted(ours) == sorted(theirs)


def test_a_data_set_is_made_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load("digits", home, difficulty=None, say=quiet)
    monkeypatch.setattr(datasets, "make", lambda *args: pytest.fail("made again"))
    load("digits", home, difficulty=None, say=quiet)


def test_the_plain_task_is_standardized(home: Path) -> None:
    x = task(home).split.x
    assert x.shape == (400, 1, 8, 8)
    assert x.mean().item() == pytest.approx(0, abs=1e-5)
    assert x.std().item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("how", "top"), [("raw", 16), ("scale", 1)])
def test_other_preprocessing(home: Path, how: str, top: float) -> None:
    x = task(home, preprocessing=how).split.x
    assert x.min() == 0
    assert x.max() == top


def test_exactly_the_share_of_labels_is_wrong(home: Path) -> None:
    clean, noisy = task(home), task(home, label_noise=0.3)
    assert (clean.split.y != noisy.split.y).sum() == 120
    assert torch.equal(clean.split.x, noisy.split.x)
    wrong = noisy.split.y[clean.split.y != noisy.split.y]
    assert len(wrong.unique()) == 10


def test_the_slices_that_judge_have_true_labels(home: Path) -> None:
    clean, noisy = task(home), task(home, label_noise=0.9)
    assert torch.equal(clean.slice_y, noisy.slice_y)


def test_imbalance_makes_the_upper_half_of_the_classes_rare(home: Path) -> None:
    counts = torch.bincount(task(home, train_size=500, imbalance=20).split.y)
    assert counts.min() >= 1
    assert (counts[:5] >= 15 * counts[5:]).all()


def test_input_noise_is_in_deviations_and_the_same_on_every_test(home: Path) -> None:
    plain, noisy, other = task(home), task(home, input_noise=2.0), task(home, 1, input_noise=2.0)
    assert (noisy.split.x - plain.split.x).std().item() == pytest.approx(2.0, rel=0.02)
    one, two = (x.test_x * 1.0 for x in (noisy, other))
    assert (one - two).abs().mean() < 0.2 * (one - plain.test_x[:]).abs().mean()


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_test_images_made_one_by_one_are_those_made_all_at_once(home: Path, kind: str) -> None:
    made = task(home, network={"kind": kind})
    every = made.test_x[:]
    assert len(made.test_x) == len(every) == len(made.test_y)
    for some in (slice(7, 30), torch.tensor([3, 1, 440])):
        assert torch.equal(made.test_x[some], every[some])
        assert made.test_x[some].stride() == every[some].stride()


def test_a_seed_draws_its_own_examples(home: Path) -> None:
    assert not torch.equal(task(home, 0).split.y, task(home, 1).split.y)
    assert torch.equal(task(home, 1).split.x, task(home, 1).split.x)


def test_batches_are_full_and_cover_the_order(home: Path) -> None:
    one = task(home)
    order = torch.arange(400)
    batches = list(one.batches(order, one.split, 32, soft=True))
    assert [len(x) for x, _ in batches] == [32] * 12
    assert torch.equal(torch.cat([y for _, y in batches]).argmax(-1), one.split.y[:384])


def test_shapes_come_from_a_seed_and_get_harder() -> None:
    easy = shapes(200, 50, 0.0)
    assert easy[0].shape == (200, 3, 32, 32)
    assert np.bincount(easy[1]).tolist() == [20] * 10
    again = shapes(200, 50, 0.0)
    assert all(np.array_equal(a, b) for a, b in zip(easy, again, strict=True))
    hard = shapes(200, 50, 1.0)

    def grain(images: np.ndarray) -> float:
        return float(np.abs(np.diff(images.astype(float), axis=-1)).mean())

    assert grain(hard[0]) > 3 * grain(easy[0])


def test_a_nearest_neighbor_tells_easy_shapes_apart() -> None:
    train_x, train_y, test_x, test_y = shapes(1000, 200, 0.0)
    a, b = (
        np.abs(np.diff(x.astype(float), axis=-1)).sum(1).reshape(len(x), -1)
        for x in (train_x, test_x)
    )
    nearest = ((b[:, None] - a[None]) ** 2).sum(-1).argmin(1)
    assert (train_y[nearest] == test_y).mean() > 0.6


def test_without_a_network_the_error_says_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRICKBOARD_DATA", raising=False)

    def offline(*args: object, **kwargs: object) -> None:
        raise OSError("Temporary failure in name resolution")

    from torchvision.datasets import CIFAR10

    monkeypatch.setattr(CIFAR10, "download", offline)
    with pytest.raises(DataError, match=r"cifar10 is not on this machine.*www\.cs\.toronto\.edu"):
        load("cifar10", home, difficulty=None, say=quiet)
    assert not (home / "data" / "cifar10").exists()


def test_cifar10_jpg_says_where_it_looked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRICKBOARD_DATA", str(home))
    with pytest.raises(DataError, match=r"cifar10-jpg\.zip.*does not have it"):
        load("cifar10_jpg", home, difficulty=None, say=quiet)


def test_mnist_is_read_where_it_lies(
    home: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRICKBOARD_DATA", str(shared_data))
    arrays = load("mnist", home, difficulty=None, say=quiet)
    assert arrays.train_x.shape == (60_000, 1, 28, 28)
    assert arrays.test_y[:5].tolist() == [7, 2, 1, 0, 4]


def test_cifar10_jpg_is_read_from_its_zip(
    home: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRICKBOARD_DATA", str(shared_data))
    said: list[str] = []
    arrays = load("cifar10_jpg", home, difficulty=None, say=said.append)
    assert arrays.train_x.shape == (50_000, 3, 32, 32)
    assert np.bincount(arrays.test_y).tolist() == [1000] * 10
    assert said
