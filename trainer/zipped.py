"""Images out of a zip file that somebody brought: read one by one, never unpacked to a disk."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from trainer.datasets import DataError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from trainer.datasets import Array, DataSet, Say

MOST_BYTES = 100_000  # of one image of 32 x 32 in a file; a JPEG of it has about 1,000
# What zipfile and Pillow say of files that are cut off, broken, encrypted, or no images.
BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, RuntimeError, NotImplementedError, IndexError,
    KeyError, TypeError, OverflowError, struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


def images(path: Path, data: DataSet, say: Say) -> tuple[Array, Array, Array, Array]:
    """The images ``train/<class>/*.jpg`` and ``test/<class>/*.jpg``; classes are sorted by name.

    Raises:
        DataError: the file is not that; the text says what was found, and where.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = sorted_out(archive, path, data)
            classes = sorted({name.split("/")[1] for names in parts for name in names})
            arrays: list[Array] = []
            for names, part in zip(parts, ("train", "test"), strict=True):
                arrays += read(archive, names, classes, part, path, data, say)
    except BROKEN as error:
        raise DataError(f"{path} is no whole zip file: {error}. {remedy(path)}") from error
    return arrays[0], arrays[1], arrays[2], arrays[3]


def sorted_out(archive: zipfile.ZipFile, path: Path, data: DataSet) -> tuple[list[str], list[str]]:
    """The names of the images for training and for the test, sorted.

    Raises:
        DataError: they are not as many as the data set has, or have not its classes.
    """
    known = sorted(one for one in archive.namelist() if one.endswith(".jpg"))
    parts = tuple([one for one in known if fits(one, part)] for part in ("train", "test"))
    for names, part, count in zip(
        parts, ("train", "test"), (data.train_size, data.test_size), strict=True
    ):
        classes = len({one.split("/")[1] for one in names})
        if len(names) != count or classes != data.classes:
            raise DataError(
                f"{path} holds {len(names):,} images of {classes} classes in {part}/<class>/, and "
                f"{count:,} of {data.classes} are needed. {remedy(path)}"
            )
    return parts[0], parts[1]


def fits(name: str, part: str) -> bool:
    """Whether a member is an image in a folder of a class."""
    way = name.split("/")
    return len(way) == 3 and way[0] == part and way[1] not in ("", ".", "..") and way[2] != ".jpg"


def read(
    archive: zipfile.ZipFile, names: list[str], classes: list[str], part: str, path: Path,
    data: DataSet, say: Say,
) -> tuple[Array, Array]:  # fmt: skip
    """The images and labels of one part, (N, channels, height, width) and (N,)."""
    import numpy as np

    found = np.empty((len(names), *data.image), np.uint8)
    for i, name in enumerate(names):
        found[i] = decoded(archive, name, path, data)
        if i % 2000 == 0:
            say(f"Reading {path.name}, {part} image {i:,} of {len(names):,}")
    place = {name: i for i, name in enumerate(classes)}
    labels = [place[one.split("/")[1]] for one in names]
    return found, np.asarray(labels, dtype=np.uint8)


def decoded(archive: zipfile.ZipFile, name: str, path: Path, data: DataSet) -> np.ndarray:
    """One image, (channels, height, width). Its size is known before a pixel of it is unpacked.

    Raises:
        DataError: it is no JPEG of the data set's size, or unpacks to far more than one.
    """
    import numpy as np
    from PIL import Image

    _, height, width = data.image
    try:
        with archive.open(name) as packed:
            raw = packed.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise ValueError(f"it unpacks to over {MOST_BYTES:,} bytes")
        with Image.open(io.BytesIO(raw), formats=["JPEG"]) as picture:
            if picture.size != (width, height):
                raise ValueError(f"it is {picture.width} × {picture.height}")
            return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise DataError(
            f"{name[:80]} in {path} is no JPEG of {width} × {height}: {error}. {remedy(path)}"
        ) from error


def remedy(path: Path) -> str:
    return f"Put a whole {path.name} there and run it again; digits and shapes need no file."
