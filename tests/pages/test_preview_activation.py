"""Pictures of activations and first weights: drawn from the tricks' own numbers."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from pages.parts.preview_initialization import DEPTH, first_weights, sizes
from pages.parts.previews import caption, pictured, preview
from tricks import catalog

OWN = ("activation", "initialization", "schedule")
TRICKS = [one for one in catalog().values() if one.family() in OWN]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda one: one.id())
def test_each_has_a_picture_at_both_ends_of_its_knobs(trick) -> None:
    assert pictured(trick.id())
    for end in ("default", "low", "high"):
        knobs = {one.name: getattr(one, end) for one in trick.knobs()}
        for height in (64, 180):
            picture = preview(trick.id(), knobs, width=2 * height, height=height, dark=False)
            assert len(ElementTree.fromstring(picture)) > 1
            assert "nan" not in picture and "inf" not in picture
            assert caption(trick.id(), knobs, height=height).endswith(".")


@pytest.mark.parametrize(
    ("trick", "kind", "value"),
    [
        ("init_lecun", "fan", 1.0),
        ("init_kaiming", "fan", 2.0),
        ("init_small", "std", 0.01),
        ("init_too_big", "std", 1.0),
        ("init_orthogonal", "gain", 2**0.5),
    ],
)
def test_weights_drawn_are_as_large_as_the_tricks(trick: str, kind: str, value: float) -> None:
    layer = torch.nn.Linear(64, 128)
    catalog()[trick]().initialize(torch.nn.Sequential(layer), torch.Generator().manual_seed(0))
    drawn = first_weights(kind, value, 64, np.random.default_rng(0))
    assert drawn.std() == pytest.approx(layer.weight.std().item(), rel=0.04)


def test_signals_vanish_stay_or_explode() -> None:
    assert sizes("std", 0.01)[-1] < 1e-6
    assert sizes("std", 1.0)[-1] > 1e6
    assert 0.3 < sizes("fan", 2.0)[-1] < 3
    assert sizes("lsuv", 1.0) == pytest.approx([1.0] * DEPTH, abs=0.15)
