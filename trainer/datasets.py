"""The data sets: what each is, and its images as plain arrays that runs map from the home.

A data set is made or downloaded once, by the first run that needs it, and written as four arrays;
after that a run needs neither scikit-learn nor torchvision. This file imports no torch.
"""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.home import NO_ROOM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

    Say = Callable[[str], None]
    Array = np.ndarray

FILES = ("train_x", "train_y", "test_x", "test_y")


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set before it is read.

    ``image`` is channels, height, width; ``top`` the largest pixel value; ``difficulty`` the
    default of that knob where there is one; ``host`` is where a download comes from. A change named
    in ``symmetries`` leaves every label true: a digit may be shifted, not mirrored.
    """

    name: str
    title: str
    image: tuple[int, int, int]
    train_size: int
    test_size: int
    classes: int = 10
    top: int = 255
    difficulty: float | None = None
    symmetries: tuple[str, ...] = ("shift",)
    download_mb: int | None = None
    host: str | None = None


DATASETS = {
    one.name: one
    for one in (
        DataSet(
            name="digits",
            title="handwritten digits",
            image=(1, 8, 8),
            train_size=1347,
            test_size=450,
            top=16,
        ),
        DataSet(
            name="shapes",
            title="drawn shapes",
            image=(3, 32, 32),
            train_size=10_000,
            test_size=2_000,
            difficulty=0.5,
            symmetries=("shift", "hflip"),
        ),
        DataSet(
            name="mnist",
            title="MNIST digits",
            image=(1, 28, 28),
            train_size=60_000,
            test_size=10_000,
            download_mb=12,
            host="ossci-datasets.s3.amazonaws.com",
        ),
        DataSet(
            name="fashion_mnist",
            title="pictures of clothes",
            symmetries=("shift", "hflip"),
            image=(1, 28, 28),
            train_size=60_000,
            test_size=10_000,
            download_mb=31,
            host="fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        ),
        DataSet(
            name="kmnist",
            title="handwritten kana",
            image=(1, 28, 28),
            train_size=60_000,
            test_size=10_000,
            download_mb=21,
            host="codh.rois.ac.jp",
        ),
        DataSet(
            name="cifar10",
            title="small photographs",
            symmetries=("shift", "hflip"),
            image=(3, 32, 32),
            train_size=50_000,
            test_size=10_000,
            download_mb=170,
            host="www.cs.toronto.edu",
        ),
        DataSet(
            name="cifar10_jpg",
            title="small photographs (JPEG)",
            symmetries=("shift", "hflip"),
            image=(3, 32, 32),
            train_size=50_000,
            test_size=10_000,
        ),
    )
}


class DataError(Exception):
    """A data set that is not there: what happened, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """Images (N, channels, height, width) and labels (N,), both uint8, mapped from files."""

    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array


def load(name: str, home: Path, *, difficulty: float | None, say: Say) -> Arrays:
    """A data set as arrays; made, converted or downloaded first if this home has none of it.

    Raises:
        DataError: it is not on this machine and could not be had; the text says why.
    """
    import numpy as np
    from filelock import FileLock

    folder = home / "data" / (name if difficulty is None else f"{name}-{difficulty:g}")
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                write(folder, make(name, home / "data", difficulty, say))
    return Arrays(**{file: np.load(folder / f"{file}.npy", mmap_mode="r") for file in FILES})


def write(folder: Path, arrays: tuple[Array, Array, Array, Array]) -> None:
    """All four files or none: written beside, then renamed."""
    import numpy as np

    beside = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    for file, array in zip(FILES, arrays, strict=True):
        np.save(beside / f"{file}.npy", np.ascontiguousarray(array))
    beside.rename(folder)


def make(
    name: str, data: Path, difficulty: float | None, say: Say
) -> tuple[Array, Array, Array, Array]:
    """The four arrays of a data set, from wherever it comes."""
    if name == "digits":
        return digits()
    if name == "shapes":
        from trainer.shapes import shapes

        assert difficulty is not None
        say("Drawing shapes")
        return shapes(DATASETS[name].train_size, DATASETS[name].test_size, difficulty)
    if name == "cifar10_jpg":
        return cifar10_jpg(say)
    return from_torchvision(name, data, say)


def digits() -> tuple[Array, Array, Array, Array]:
    """scikit-learn's 1,797 digits; 450 of them, the same share of each class, are the test.

    Read from the file that scikit-learn brings: to import it takes longer than a first run.
    """
    import numpy as np

    library = find_spec("sklearn")
    if library is None or library.origin is None:
        raise DataError("scikit-learn is not installed: pip install -r requirements.txt")
    table = np.loadtxt(
        Path(library.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=","
    )
    images, labels = table[:, :64].reshape(-1, 1, 8, 8).astype(np.uint8), table[:, 64]
    test_size = DATASETS["digits"].test_size
    order = np.random.RandomState(0).permutation(len(labels))  # this generator never changes
    in_class = np.argsort(labels[order], kind="stable")
    test = np.zeros(len(labels), bool)
    test[order[in_class[np.linspace(0, len(labels) - 1, test_size).round().astype(int)]]] = True
    rest = order[~test[order]]
    held = order[test[order]]
    labels = labels.astype(np.uint8)
    return images[rest], labels[rest], images[held], labels[held]


def given_root() -> Path | None:
    """The folder of data sets that TRICKBOARD_DATA names; it is only read."""
    named = os.environ.get("TRICKBOARD_DATA")
    return Path(named) if named else None


def from_torchvision(name: str, data: Path, say: Say) -> tuple[Array, Array, Array, Array]:
    """A data set of torchvision's: from TRICKBOARD_DATA if it is there, else downloaded."""
    import numpy as np
    from torchvision import datasets

    kind = {
        "mnist": datasets.MNIST,
        "fashion_mnist": datasets.FashionMNIST,
        "kmnist": datasets.KMNIST,
        "cifar10": datasets.CIFAR10,
    }[name]
    parts = None
    root = given_root()
    if root is not None:
        try:
            parts = [kind(root, train=train, download=False) for train in (True, False)]
        except RuntimeError:
            say(f"{name} is not in {root}")  # torchvision's way of saying so; download it then
    if parts is None:
        parts = download(name, kind, data / "torchvision", say)
    say(f"Converting {name}")
    arrays: list[Array] = []
    for part in parts:
        images = np.asarray(part.data)
        images = images.transpose(0, 3, 1, 2) if images.ndim == 4 else images[:, None]
        arrays += [images, np.asarray(part.targets, dtype=np.uint8)]
    return arrays[0], arrays[1], arrays[2], arrays[3]


def download(name: str, kind: Callable[..., Any], root: Path, say: Say) -> list[Any]:
    """Both parts of a data set from the network, telling how far it is."""
    import socket

    data = DATASETS[name]
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)  # a connection that says nothing must not hold a run for ever
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(name, root, done, say), daemon=True)
    watcher.start()
    try:
        return [kind(root, train=train, download=True) for train in (True, False)]
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torchvision's has several lines
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise DataError(
                f"{name} needs {data.download_mb} MB and more when it is unpacked, and there is no "
                f"room for it in {root}. Free some space, or name a folder that has it by "
                "TRICKBOARD_DATA."
            ) from error
        raise DataError(
            f"{name} is not on this machine and could not be downloaded. No connection to "
            f"{data.host} ({reason}). digits and shapes need none; a folder that has it can be "
            "named by TRICKBOARD_DATA."
        ) from error
    finally:
        done.set()
        watcher.join()
        socket.setdefaulttimeout(before)


def watch(name: str, root: Path, done: threading.Event, say: Say) -> None:
    """Say every half second how much of a download has arrived."""
    total = DATASETS[name].download_mb
    while not done.wait(0.5):
        arrived = sum(file.stat().st_size for file in archives(root)) / 1e6
        say(f"Downloading {name}, {min(arrived, total or arrived):.0f} of {total} MB")


def archives(root: Path) -> Iterator[Path]:
    for file in root.rglob("*"):
        if file.name.endswith(("gz", "tmp", "part")) and file.is_file():
            yield file


def cifar10_jpg(say: Say) -> tuple[Array, Array, Array, Array]:
    """CIFAR-10 as JPEG, ``train/<class>/*.jpg`` and ``test/<class>/*.jpg`` in one zip."""
    from trainer.zipped import images

    root = given_root()
    path = None if root is None else root / "cifar10-jpg.zip"
    if path is None or not path.is_file():
        where = "TRICKBOARD_DATA names no folder" if root is None else f"{root} does not have it"
        raise DataError(
            f"cifar10_jpg reads the file cifar10-jpg.zip in the folder that TRICKBOARD_DATA names; "
            f"{where}. digits and shapes need no file."
        )
    return images(path, DATASETS["cifar10_jpg"], say)
