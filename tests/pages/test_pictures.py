"""The previews of the tricks: whole, answering to knobs, and equal to what they draw."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from pages.parts import preview_paths
from pages.parts.previews import DRAWINGS, caption, pictured, preview, readable
from tricks import catalog

TRICKS = list(catalog())
# Their knobs say how often or how exactly; the picture is of what they do.
STILL = {
    "adafactor", "bn_fuse", "fpn", "lbfgs", "linear_lr_scaling", "lsuv", "muon", "pan", "radam",
    "reduce_on_plateau", "spectral_norm",
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("dark", [False, True])
def test_every_trick_has_a_picture_that_is_whole(trick: str, dark: bool) -> None:
    for size in ({}, {"width": 620, "height": 220}):
        svg = preview(trick, {}, dark=dark, **size)
        root = ElementTree.fromstring(svg)
        assert root.get("viewBox") == f"0 0 {size.get('width', 220)} {size.get('height', 64)}"
        assert len(root) >= 2
        assert "nan" not in re.sub(r"base64,[^\"]*", "", svg)
        assert caption(trick, {}, height=64).endswith(".")
    assert pictured(trick)


@pytest.mark.parametrize(
    "trick", [one for one in TRICKS if catalog()[one].knobs() and one not in STILL]
)
def test_a_picture_answers_to_a_knob(trick: str) -> None:
    assert any(
        preview(trick, {knob.name: knob.low}, dark=False)
        != preview(trick, {knob.name: knob.high}, dark=False)
        for knob in catalog()[trick].knobs()
    )


@pytest.mark.parametrize("trick", TRICKS)
def test_a_picture_can_be_drawn_at_every_end_of_every_knob(trick: str) -> None:
    for knob in catalog()[trick].knobs():
        for end in (knob.low, knob.high, None if knob.default is None else knob.default):
            ElementTree.fromstring(preview(trick, {knob.name: end}, dark=True))


def test_pictures_differ_in_dark_and_light() -> None:
    assert preview("mish", {}, dark=True) != preview("mish", {}, dark=False)


def test_every_drawing_belongs_to_a_trick() -> None:
    assert set(DRAWINGS) <= set(catalog())


def test_an_unknown_trick_or_knob_is_an_error() -> None:
    with pytest.raises(KeyError):
        preview("swsh", {}, dark=False)
    with pytest.raises(ValueError, match=r"dropout\.p goes from 0 to 0\.95"):
        preview("dropout", {"p": 1.4}, dark=False)


def test_a_formula_stands_in_as_readable_text() -> None:
    assert readable(r"P(i) \propto \frac{1}{n_{y_i}}") == "P(i) ∝ (1)/(n_y_i)"
    assert readable(r"\tilde J = |J - b| + b") == "J = |J - b| + b"


@pytest.mark.parametrize(
    ("path", "make"),
    [
        ("nesterov", lambda torch, p: torch.optim.SGD([p], lr=0.01, momentum=0.9, nesterov=True)),
        ("adamw", lambda torch, p: torch.optim.AdamW([p], lr=0.01, weight_decay=0.3)),
    ],
)
def test_optimizer_paths_equal_torchs(path: str, make) -> None:
    import torch

    start, curvature = preview_paths.START, torch.tensor(preview_paths.CURVATURE)
    w = torch.tensor(start, requires_grad=True)
    optimizer = make(torch, w)
    for _ in range(30):
        optimizer.zero_grad()
        (curvature * w**2 / 2).sum().backward()
        optimizer.step()
    knob = 0.9 if path == "nesterov" else 0.3
    way = getattr(preview_paths, f"{path}_path")(preview_paths.bowl, start, 0.01, knob, 30)
    np.testing.assert_allclose(way[-1], w.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "trick"), [("kaiming", "init_kaiming"), ("xavier", "init_xavier")]
)
def test_initial_weights_are_as_large_as_the_tricks_own(kind: str, trick: str) -> None:
    import torch

    layer = torch.nn.Linear(400, 200)
    catalog()[trick]().initialize(torch.nn.Sequential(layer), torch.Generator().manual_seed(0))
    mine = preview_paths.weights(kind, 400, 200, np.random.default_rng(0))
    assert mine.std() == pytest.approx(layer.weight.std().item(), rel=0.02)
