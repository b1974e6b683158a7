"""The catalog page: search, cards, a card's page, the pictures, and what Try it opens."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

from pages.parts import preview_paths, regimes
from pages.parts.cards import MOMENTS, moments, not_with
from pages.parts.previews import DRAWINGS, caption, pictured, preview, readable
from trainer.experiment import parse
from trainer.statistics import minimum_seeds
from tricks import catalog
from tricks.base import Trick

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

TRICKS = list(catalog())


def texts(at: AppTest) -> str:
    """Everything a person can read on the page."""
    parts = [
        one.value for kind in ("title", "markdown", "caption", "header") for one in at.get(kind)
    ]
    parts += [link.proto.label for link in at.get("page_link")]
    parts += [one.proto.body for one in at.get("html")]
    return "\n".join(str(part) for part in parts)


def open_catalog(at: AppTest, trick: str | None = None) -> AppTest:
    if trick is not None:
        at.query_params["trick"] = trick
    at.switch_page("catalog.py").run()
    assert not at.exception
    return at


def linked(at: AppTest) -> list[str]:
    """The labels of the cards' links."""
    return [link.proto.label for link in at.get("page_link")]


# Pictures.


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


@pytest.mark.parametrize("trick", TRICKS)
def test_a_picture_answers_to_its_first_knob(trick: str) -> None:
    for knob in catalog()[trick].knobs()[:1]:
        ends = {preview(trick, {knob.name: end}, dark=False) for end in (knob.low, knob.high)}
        assert len(ends) == 2


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


# The grid.


def test_the_catalog_shows_every_trick(app) -> None:
    at = open_catalog(app)
    shown = linked(at)
    for trick in catalog().values():
        assert trick.card.title in shown
        assert trick.card.title_zh in texts(at)
    assert f"{len(catalog())} tricks" in texts(at)
    assert texts(at).count("not measured yet") == len(catalog())


@pytest.mark.parametrize("query", ["mix", "混合", "MIXUP", "mixed labels"])
def test_search_finds_by_name_chinese_id_and_claim(app, query: str) -> None:
    at = open_catalog(app)
    at.text_input(key="catalog_search").set_value(query).run()
    assert "Mixup" in linked(at)
    assert "Dropout" not in linked(at)


def test_a_family_filters_and_is_counted(app) -> None:
    at = open_catalog(app)
    pills = at.get("button_group")[0]
    labels = [option.content for option in pills.proto.options]
    losses = [one for one in catalog().values() if one.family() == "loss"]
    assert f"Loss {len(losses)}" in labels
    at.session_state["catalog_family"] = "loss"
    at.run()
    assert {one.card.title for one in losses} <= set(linked(at))
    assert "Mixup" not in linked(at)


def test_no_hit_offers_what_was_meant(app) -> None:
    at = open_catalog(app)
    at.text_input(key="catalog_search").set_value("swsh").run()
    assert "No trick matches “swsh”. Did you mean **Swish (SiLU)**?" in texts(at)
    assert linked(at) == ["Swish (SiLU)"]
    at.button[0].click().run()
    assert not at.exception
    assert "Mixup" in linked(at)


def test_no_hit_for_something_like_nothing(app) -> None:
    at = open_catalog(app)
    at.text_input(key="catalog_search").set_value("zzzzqqq").run()
    assert "No trick matches “zzzzqqq”." in texts(at)
    assert "Did you mean" not in texts(at)


def test_an_unknown_trick_in_the_address_is_told(app) -> None:
    at = open_catalog(app, "mixp")
    assert "There is no trick “mixp” in this catalog" in texts(at)
    assert "Did you mean Mixup?" in linked(at)
    assert "All tricks" in linked(at)


# One card.


def test_every_card_says_everything(app) -> None:
    names = ["Use it when", "Watch out", "Costs", "Published", "Measured here", "Paper", "Not with"]
    at = open_catalog(app)
    for trick in catalog().values():
        at.query_params["trick"] = trick.id()
        at.run()
        assert not at.exception, trick.id()
        read, card = texts(at), trick.card
        assert re.findall(r"<dt>(.*?)</dt>", read) == names
        assert card.title in read and card.title_zh in read
        assert at.get("image")
        code = at.code[0].value
        assert "from tricks.base import" in code and card.title in code
        if card.thread:
            assert card.thread in read and "Zhihu question 30712664" in read
        if card.paper.url:
            assert card.paper.url in read


def test_moving_a_knob_redraws_the_picture(app) -> None:
    at = open_catalog(app, "dropout")
    before = at.get("image")[0].proto.imgs[0].url
    at.slider(key="card-dropout-p").set_value(0.9).run()
    assert not at.exception
    assert at.get("image")[0].proto.imgs[0].url != before
    assert "90 % of the units are off" in texts(at)


@pytest.mark.parametrize("trick", TRICKS)
def test_try_it_is_an_experiment_with_enough_seeds(trick: str) -> None:
    data = regimes.try_it(catalog()[trick], {})
    design = data.pop("design")
    experiment = parse(data)
    assert design == "alone"
    assert not experiment.baseline.tricks
    ids = [arm.tricks[0].id for arm in experiment.arms[1:]]
    assert len(experiment.seeds) == minimum_seeds(len(ids))
    if catalog()[trick].is_default:
        assert trick not in ids and ids
    else:
        assert ids == [trick, *regimes.BESIDE.get(trick, [])]


def test_the_moments_are_the_hooks_of_the_base_class() -> None:
    named = {name for part in MOMENTS.values() for name in part}
    own = {"id", "family", "knobs", "values", "changes"}
    hooks = {name for name in vars(Trick) if callable(getattr(Trick, name)) and name[0] != "_"}
    assert named == hooks - own
    assert "- **batch: " in moments(catalog()["mixup"])
    assert moments(catalog()["mixup"]).count("**") == 2


def test_not_with_names_the_slot_and_the_rules_of_both_cards() -> None:
    assert "ReLU" in not_with(catalog()["mish"]) and "activation" in not_with(catalog()["mish"])
    both = "Flooding and Focal loss (with care); Mixup (a hint)"
    assert not_with(catalog()["label_smoothing"]) == both
    assert not_with(catalog()["grad_clip"]) == "Nothing in this catalog."


def test_try_it_opens_the_lab_with_the_plan(app) -> None:
    at = open_catalog(app, "dropout")
    next(one for one in at.button if one.label == "Try it").click().run()
    assert not at.exception
    assert "dropout" in at.session_state["draft"]["ticked"]
    assert at.session_state["draft"]["name"] == "What does dropout do?"


def test_add_to_my_experiment_keeps_the_others(app) -> None:
    at = open_catalog(app, "ema")
    at.slider(key="card-ema-decay").set_value(0.9).run()
    next(one for one in at.button if one.label == "Add to my experiment").click().run()
    assert not at.exception
    ticked = at.session_state["draft"]["ticked"]
    assert "ema" in ticked and "mixup" in ticked


def test_the_catalog_imports_no_torch() -> None:
    code = (
        "import sys; import pages.parts.cards, pages.parts.previews as p\n"
        "from tricks import catalog\n"
        "for one in catalog(): p.preview(one, {}, dark=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
