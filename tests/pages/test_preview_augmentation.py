"""The augmentation tricks' pictures: as their code makes them today, in both sizes."""

from __future__ import annotations

import base64
import importlib.util
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pages.parts.preview_augmentation import DRAWS, STRIPS, cells, sheet
from pages.parts.previews import caption, preview
from tricks import catalog

SCRIPT = Path(__file__).parents[1] / "make_previews.py"
spec = importlib.util.spec_from_file_location("make_previews", SCRIPT)
assert spec is not None and spec.loader is not None
make_previews = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_previews)


@pytest.mark.parametrize("trick", STRIPS)
def test_the_committed_picture_is_what_the_code_gives_today(trick: str) -> None:
    """Up to rounding: a level in 255, and a pixel in a thousand that fell to the other side.

    Where a gradient decides with its sign alone, more fall: it is near zero for many pixels, and
    another torch adds in another order.
    """
    today, committed = make_previews.sheet(trick).astype(int), sheet(trick).astype(int)
    assert today.shape == committed.shape, "run python tests/make_previews.py"
    apart = np.abs(today - committed)
    most = 0.1 if trick == "self_adversarial" else 1e-3
    assert (apart > 1).mean() < most, "run python tests/make_previews.py"


def test_every_augmentation_has_a_picture_and_no_picture_is_left_over() -> None:
    family = {one.id() for one in catalog().values() if one.family() == "augmentation"}
    assert set(STRIPS) == family - {"mixup"}  # which draws the blends of its own shares
    folder = make_previews.PICTURES
    assert {file.stem for file in folder.iterdir()} == set(STRIPS)


@pytest.mark.parametrize("trick", STRIPS)
def test_the_stops_are_values_of_the_first_knob_and_hold_its_default(trick: str) -> None:
    strip, knob = STRIPS[trick], catalog()[trick].knobs()[0]
    assert strip.knob == knob.name
    assert (strip.default is None) == (knob.default is not None)
    default = knob.default if strip.default is None else strip.default
    assert default in strip.stops
    assert list(strip.stops) == sorted(strip.stops)
    assert all(knob.check(stop * strip.turned) is None for stop in strip.stops)


@pytest.mark.parametrize("trick", STRIPS)
def test_a_neutral_value_changes_nothing_and_the_default_something(trick: str) -> None:
    strip, knob = STRIPS[trick], catalog()[trick].knobs()[0]
    changed = {
        stop: any(not np.array_equal(row[0], one) for row in cells(trick, strip, i) for one in row)
        for i, stop in enumerate(strip.stops)
    }
    assert changed[knob.default if strip.default is None else strip.default]
    other = [one for one in catalog()[trick].knobs()[1:] if one.neutral is not None]
    if knob.neutral is not None and not other:
        assert not changed[knob.neutral]


@pytest.mark.parametrize("height", [64, 160])
@pytest.mark.parametrize("dark", [False, True])
def test_pictures_are_crisp_and_whole(height: int, dark: bool) -> None:
    svg = preview("rotate", {}, width=3 * height, height=height, dark=dark)
    images = re.findall(r'<image [^>]*style="image-rendering:pixelated"[^>]*base64,([^"]+)"', svg)
    assert len(images) == (2 * (DRAWS + 1) if height == 160 else 3)
    for one in images:
        with Image.open(io.BytesIO(base64.b64decode(one))) as picture:
            assert picture.size == (8, 8) and picture.mode == "RGBA"


def test_words_follow_the_knob() -> None:
    assert "up to 15°" in caption("rotate", {}, height=64)
    assert "up to 90°" in caption("rotate", {"degrees": 80}, height=160)
