"""The zip file of images that somebody brings: read in bounds, or refused with a sentence."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.faults.hostile import word
from trainer.datasets import DATASETS, DataError, load
from trainer.zipped import images

SMALL = replace(DATASETS["cifar10_jpg"], train_size=4, test_size=2, classes=2)
FILES = 1_600  # generated
ENTRY = 46  # bytes of an entry of the directory before its name


def quiet(_: str) -> None:
    """Nobody listens."""


def jpeg(size=(32, 32), kind="JPEG", mode="RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 128).save(file, kind)
    return file.getvalue()


PICTURE = jpeg()
MEMBERS = {
    f"{part}/{label}/{i}.jpg": PICTURE
    for part, count in (("train", 2), ("test", 1))
    for label in ("cat", "dog")
    for i in range(count)
}


def packed(members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tried(folder, raw: bytes) -> str:
    """The sentence with which it is refused; empty if it is read."""
    path = folder / "cifar10-jpg.zip"
    path.write_bytes(raw)
    before = sorted(folder.parent.rglob("*"))
    try:
        found = images(path, SMALL, quiet)
    except DataError as error:
        assert str(path) in str(error) and "digits and shapes need no file" in str(error)
        return str(error)
    finally:
        assert sorted(folder.parent.rglob("*")) == before, "nothing was unpacked to the disk"
    assert [one.shape for one in found] == [(4, 3, 32, 32), (4,), (2, 3, 32, 32), (2,)]
    assert all(one.dtype == np.uint8 for one in found)
    return ""


@pytest.fixture
def folder(home):
    one = home / "data"
    one.mkdir()
    return one


def test_a_whole_one_is_read(folder):
    assert tried(folder, packed(MEMBERS)) == tried(folder, packed(MEMBERS, zipfile.ZIP_LZMA)) == ""
    assert (
        tried(folder, packed(MEMBERS | {"README.txt": b"", "train/": b"", "__MACOSX/x": b""})) == ""
    )


TRAIN = "train/cat/0.jpg"
REFUSED = {
    "no zip at all": (b"PK no", "is no whole zip file"),
    "an empty file": (b"", "is no whole zip file"),
    "cut off": (packed(MEMBERS)[:-30], "is no whole zip file"),
    "no images": (packed({"a.txt": b""}), "0 images of 0 classes in train/"),
    "without folders": (
        packed({"x.jpg": PICTURE, "train/y.jpg": PICTURE}),
        "0 images of 0 classes",
    ),
    "one is missing": (packed({k: v for k, v in MEMBERS.items() if k != TRAIN}), "3 images of 2"),
    "one too many": (packed(MEMBERS | {"train/cat/9.jpg": PICTURE}), "5 images of 2 classes"),
    "another class": (packed(MEMBERS | {"test/frog/1.jpg": PICTURE}), "3 images of 3 classes"),
    "a way up": (packed({f"../../{k}": v for k, v in MEMBERS.items()}), "0 images of 0 classes"),
    "a way up inside": (
        packed({k.replace("cat", ".."): v for k, v in MEMBERS.items()}),
        "2 images",
    ),
    "from the root": (packed({f"/{k}": v for k, v in MEMBERS.items()}), "0 images of 0 classes"),
    "no picture": (packed(MEMBERS | {TRAIN: b"no picture"}), "is no JPEG of 32 × 32"),
    "half a picture": (packed(MEMBERS | {TRAIN: PICTURE[:200]}), "is no JPEG of 32 × 32"),
    "another format": (packed(MEMBERS | {TRAIN: jpeg(kind="PNG")}), "is no JPEG of 32 × 32"),
    "another size": (packed(MEMBERS | {TRAIN: jpeg((32, 33))}), "it is 32 × 33"),
    "nothing": (packed(MEMBERS | {TRAIN: b""}), "is no JPEG of 32 × 32"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_what_is_wrong_is_told(which, folder):
    raw, said = REFUSED[which]
    assert said in tried(folder, raw)


def huge_jpeg() -> bytes:
    """A JPEG of few bytes that says it is 65,000 pixels wide and high."""
    raw = bytearray(PICTURE)
    frame = raw.index(b"\xff\xc0")
    raw[frame + 5 : frame + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(raw)


def lying(raw: bytes, name: str, size: int) -> bytes:
    """The same file; its directory says that a member unpacks to so many bytes."""
    found = bytearray(raw)
    at = found.index(name.encode(), found.index(b"PK\x01\x02")) - ENTRY
    found[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(found)


BOMB = packed(MEMBERS | {TRAIN: b"\0" * 200_000_000}, zipfile.ZIP_DEFLATED)
BOMBS = {
    "a large member": (BOMB, "it unpacks to over 100,000 bytes"),
    "one that says it is small": (lying(BOMB, TRAIN, 900), "is no JPEG"),
    "one that says it is huge": (lying(packed(MEMBERS), TRAIN, 2**32 - 2), ""),
    "a large picture": (packed(MEMBERS | {TRAIN: huge_jpeg()}), "is no JPEG of 32 × 32"),
}


@pytest.mark.parametrize("which", BOMBS)
def test_a_bomb_takes_no_memory(which, folder):
    raw, said = BOMBS[which]
    tracemalloc.start()
    try:
        assert said in tried(folder, raw)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("seed", range(4))
def test_any_changed_file_is_read_or_refused(seed, folder):
    rng = random.Random(seed)
    answers = []
    for _ in range(FILES // 4):
        members = dict(MEMBERS)
        for _ in range(rng.randint(0, 2)):
            old = rng.choice(list(members))
            new = word(rng, 12).encode("utf-8", "replace").decode().replace("\0", "") or "x"
            name = rng.choice((new, f"train/{new}.jpg", f"test/cat/{new}.jpg", old))
            members[name] = members.pop(old)
        kind = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # two members of one name
            raw = bytearray(packed(members, kind))
        for _ in range(rng.choice((0, 1, 1, 4))):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        answers.append(tried(folder, bytes(raw[: len(raw) - rng.choice((0, 0, 0, 7))])))
    assert any(answers) and not all(answers)


def test_the_data_set_goes_through_the_same_door(folder, monkeypatch):
    """And what was refused leaves nothing behind that looks like the data set."""
    monkeypatch.setenv("TRICKBOARD_DATA", str(folder))
    (folder / "cifar10-jpg.zip").write_bytes(packed(MEMBERS))
    with pytest.raises(DataError, match=r"4 images of 2 classes.*50,000 of 10 are needed"):
        load("cifar10_jpg", folder.parent, difficulty=None, say=quiet)
    assert not (folder / "cifar10_jpg").exists()


def test_a_known_checksum_is_no_way_around(folder):
    """What a member really holds is compared with what its entry says."""
    raw = packed(MEMBERS)
    other = bytearray(raw)
    at = other.index(PICTURE) + len(PICTURE) // 2
    other[at] ^= 1
    assert zlib.crc32(PICTURE) != zlib.crc32(bytes(other[at - 10 : at + 10]))
    assert "is no JPEG" in tried(folder, bytes(other))
