"""The catalog page: search, filters and their address, tiles, a card, what Try it opens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pages.parts import chinese, facts, finder, tiles
from pages.parts.cards import MOMENTS, moments
from pages.parts.finder import Asked
from trainer import regimes
from trainer.experiment import parse
from trainer.statistics import minimum_seeds
from tricks import catalog
from tricks.base import Trick

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

TRICKS = list(catalog())


def texts(at: AppTest) -> str:
    """Everything a person can read on the page, tiles left out."""
    parts = [
        one.value for kind in ("title", "markdown", "caption", "header") for one in at.get(kind)
    ]
    parts += [link.proto.label for link in at.get("page_link")]
    parts += [one.proto.body for one in at.get("html")]
    return "\n".join(str(part) for part in parts)


def open_catalog(at: AppTest, **address: str) -> AppTest:
    for name, value in address.items():
        at.query_params[name] = value
    at.switch_page("catalog.py").run()
    assert not at.exception
    return at


def tile_html(at: AppTest) -> str:
    return json.loads(at.get("bidi_component")[0].proto.json)["html"]


def shown(at: AppTest) -> list[str]:
    """The ids of the tricks that have a tile."""
    return re.findall(r'data-trick="(\w+)"', tile_html(at))


def address(at: AppTest) -> dict[str, str]:
    found = dict(at.query_params)
    return {key: one[0] if isinstance(one, list) else one for key, one in found.items()}


# The grid.


def test_the_catalog_shows_every_trick(app) -> None:
    at = open_catalog(app)
    html = tile_html(at)
    assert sorted(shown(at)) == sorted(catalog())
    for trick in catalog().values():
        assert f"<b>{tiles.escape(trick.card.title)}</b>" in html
        assert tiles.escape(trick.card.title_zh) in html
    assert f"{len(catalog())} tricks" in texts(at)
    assert html.count("not measured yet") == len(catalog())


def test_families_stand_together_under_a_heading_with_their_number(app) -> None:
    at = open_catalog(app)
    sections = tile_html(at).split("<section>")[1:]
    assert [re.search(r'h2 id="(\w+)"', one)[1] for one in sections] == finder.families()
    for one in sections:
        family, count = re.search(r'h2 id="(\w+)".*?<small>(\d+)', one).groups()
        inside = re.findall(r'data-trick="(\w+)"', one)
        assert {catalog()[id].family() for id in inside} == {family}
        assert len(inside) == int(count)


@pytest.mark.parametrize("query", ["mix", "混合", "MIXUP", "mixed labels"])
def test_search_finds_by_name_chinese_id_and_claim(app, query: str) -> None:
    at = open_catalog(app)
    at.text_input(key="catalog_q").set_value(query).run()
    assert "mixup" in shown(at) and "dropout" not in shown(at)
    assert f"{len(shown(at))} of {len(catalog())} tricks" in texts(at)
    assert address(at) == {"q": query}


def test_a_family_filters_and_is_counted(app) -> None:
    at = open_catalog(app)
    pills = next(one for one in at.get("button_group") if one.proto.options[0].content[:3] == "All")
    losses = {one.id() for one in catalog().values() if one.family() == "loss"}
    assert f"Loss {len(losses)}" in [option.content for option in pills.proto.options]
    at.session_state["catalog_family"] = "loss"
    at.run()
    assert set(shown(at)) == losses
    assert address(at) == {"family": "loss"}


def test_an_address_restores_every_filter(app) -> None:
    given = {"q": "a", "family": "optimizer", "cost": "1.3", "network": "cnn", "thread": "1"}
    at = open_catalog(app, **given)
    expected = finder.found(Asked(**given))
    assert expected
    assert shown(at) == [one.id() for one in expected]
    assert address(at) == given
    assert at.text_input(key="catalog_q").value == "a"
    assert at.selectbox(key="catalog_cost").value == "1.3"
    assert at.toggle(key="catalog_thread").value is True
    next(one for one in at.button if one.label == "Clear").click().run()
    assert address(at) == {} and len(shown(at)) == len(catalog())


def test_nonsense_in_the_address_is_not_asked_for(app) -> None:
    at = open_catalog(app, family="nothing", cost="-1", lang="fr", thread="maybe")
    assert len(shown(at)) == len(catalog())
    assert address(at) == {}


def test_every_filter_keeps_its_promise() -> None:
    every = catalog().values()
    for cost in ("free", "1.3", "2", "more"):
        for one in finder.found(Asked(cost=cost)):
            growth = finder.factor(one.card.cost)
            assert growth > 2 if cost == "more" else growth <= (1.02 if cost == "free" else growth)
    widest = len(finder.found(Asked(cost="2"))) + len(finder.found(Asked(cost="more")))
    assert widest == len(every)
    sizes = [len(finder.found(Asked(cost=cost))) for cost in ("free", "1.3", "2")]
    assert 0 < sizes[0] < sizes[1] < sizes[2]
    named = [one for one in every if one.card.thread]
    assert len(finder.found(Asked(thread="1"))) == len(named) > 10
    assert {one.id() for one in finder.found(Asked(network="mlp"))} == {
        one.id() for one in every if "mlp" in one.kinds
    }


@pytest.mark.parametrize(
    ("cost", "growth"),
    [
        ("nothing", 1.0),
        ("less than nothing: at p 0.15 a network sees 28 % fewer pixels", 1.0),
        ("5 passes for every answer, 10 with mirror images; nothing in training", 1.0),
        ("1.02 times the time of a step", 1.02),
        ("one more copy of the weights", 1.1),
        ("1.1 to 1.3 times the time of a step", 1.3),
        ("1.4 to 1.6 times ReLU", 1.6),
        ("about twice the time: another forward and backward pass", 2.0),
        ("a look at the unlabeled images up to 20 times; the steps stay the same", 1.1),
        ("k + 1 times the time of a step", float("inf")),
        ("a helper network before training", float("inf")),
    ],
)
def test_the_words_on_the_cost_are_read_by_the_rule(cost: str, growth: float) -> None:
    assert finder.factor(cost) == growth


def test_no_hit_offers_what_was_meant(app) -> None:
    at = open_catalog(app)
    at.text_input(key="catalog_q").set_value("swsh").run()
    assert "No trick matches “swsh”. Did you mean **Swish (SiLU)**?" in texts(at)
    assert [link.proto.label for link in at.get("page_link")] == ["Swish (SiLU)"]
    next(one for one in at.button if one.label == "Clear the search").click().run()
    assert not at.exception
    assert "mixup" in shown(at)


def test_no_hit_for_something_like_nothing(app) -> None:
    at = open_catalog(app)
    at.text_input(key="catalog_q").set_value("zzzzqqq").run()
    assert "No trick matches “zzzzqqq”." in texts(at)
    assert "Did you mean" not in texts(at)


def test_an_unknown_trick_in_the_address_is_told(app) -> None:
    at = open_catalog(app, trick="mixp")
    assert "There is no trick “mixp” in this catalog" in texts(at)
    assert "Did you mean **Mixup**?" in texts(at)
    assert "All tricks" in texts(at)


def test_a_script_in_a_card_is_only_text() -> None:
    card = catalog()["mixup"].card
    hostile = type("Mixup", (catalog()["mixup"],), {
        "card": type(card)(**{**vars(card), "claim": "<script>alert(1)</script>."}),
        "__module__": "tricks.augmentation.mixup",
    })  # fmt: skip
    assert "<script>" not in tiles.tile(hostile, None, "en", dark=False)


# Chinese.


def test_the_grid_speaks_chinese(app) -> None:
    at = open_catalog(app, lang="zh")
    html = tile_html(at)
    assert at.title[0].value == "技巧目录"
    for trick in catalog().values():
        assert f"<b>{tiles.escape(trick.card.title_zh)}</b>" in html
        if trick.card.zh:
            assert tiles.escape(trick.card.zh.claim) in html
    assert "not measured yet" not in html and address(at) == {"lang": "zh"}


def test_the_card_speaks_chinese_and_keeps_both_titles(app) -> None:
    at = open_catalog(app, trick="mixup", lang="zh")
    card = catalog()["mixup"].card
    read = texts(at)
    for part in (card.title, card.title_zh, card.zh.claim, card.zh.when, card.zh.watch_out):
        assert part in read
    assert "何时使用" in read and card.when not in read
    assert {"试一试", "加入实验"} <= {one.label for one in at.button}


def test_every_label_has_chinese(app) -> None:
    """A label without a translation raises; so draw everything once."""
    at = open_catalog(app, lang="zh")
    for more in ({"q": "swsh"}, {"trick": "nnn"}, *({"trick": one} for one in TRICKS)):
        for name in [*at.query_params]:
            del at.query_params[name]
        for name, value in {**more, "lang": "zh"}.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception, (more, at.exception[0].message)


def test_a_label_without_chinese_cannot_pass() -> None:
    with pytest.raises(KeyError):
        chinese.words("zh")("Something new")
    assert chinese.words("en")("Something new") == "Something new"


def test_a_text_without_chinese_is_shown_in_english() -> None:
    card = catalog()["mixup"].card
    bare = type(card)(**{**vars(card), "zh": None})
    assert chinese.sentence(bare, "when", "zh") == card.when


# One card.


def test_every_card_says_everything(app) -> None:
    names = [
        "Use it when", "Watch out", "Costs", "Works in", "Published", "Measured here", "Paper",
        "Not with", "Try it opens",
    ]  # fmt: skip
    at = open_catalog(app)
    for trick in catalog().values():
        at.query_params["trick"] = trick.id()
        at.run()
        assert not at.exception, trick.id()
        read, card = texts(at).replace("\\", ""), trick.card
        assert re.findall(r"<dt>(.*?)</dt>", read) == names
        assert card.title in read and card.title_zh in read
        assert at.get("image")
        code = at.code[0].value
        assert "from tricks.base import" in code and card.title in code
        if card.thread:
            assert card.thread.splitlines()[0] in read and "Zhihu question 30712664" in read
        if card.paper.url:
            assert card.paper.url in read


def test_moving_a_knob_redraws_the_picture(app) -> None:
    at = open_catalog(app, trick="dropout")
    before = at.get("image")[0].proto.imgs[0].url
    at.slider(key="card-dropout-p").set_value(0.9).run()
    assert not at.exception
    assert at.get("image")[0].proto.imgs[0].url != before
    assert "90 % of the units are off" in texts(at)


@pytest.mark.parametrize("trick", TRICKS)
def test_try_it_is_an_experiment_with_enough_seeds(trick: str) -> None:
    own = catalog()[trick]
    regime = own.card.regime
    data = regimes.try_it(own, {})
    design = data.pop("design")
    experiment = parse(data)
    under = list(regime.baseline) if regime else []
    assert design == ("free" if under else "alone")
    for arm in experiment.arms:
        assert [one.id for one in arm.tricks[: len(under)]] == under
    ids = [arm.tricks[-1].id for arm in experiment.arms[1:]]
    assert len(experiment.seeds) == minimum_seeds(len(ids))
    beside = list(regime.beside) if regime else []
    if own.is_default:
        assert trick not in ids and ids == (beside or regimes.rivals(own))
    else:
        assert ids == [trick, *beside]
        turned = experiment.arms[1].tricks[-1].knobs
        assert turned == (dict(regime.knobs) if regime else {})


def test_a_card_without_a_regime_shows_where_its_family_does() -> None:
    def bare(id: str) -> type[Trick]:
        card = type(catalog()[id].card)(**{**vars(catalog()[id].card), "regime": None})
        return type(
            "Bare", (catalog()[id],), {"card": card, "__module__": catalog()[id].__module__}
        )

    assert regimes.setup(bare("mish"))["network"]["depth"] == 8
    assert regimes.setup(bare("dropout"))["label_noise"] == 0.3
    assert regimes.setup(bare("drsn_cs"))["network"]["kind"] in bare("drsn_cs").kinds


def test_knobs_that_were_turned_stay_as_they_are() -> None:
    mixup = catalog()["mixup"]
    assert regimes.turned(mixup, {"alpha": 0.2}) == dict(mixup.card.regime.knobs)
    assert regimes.turned(mixup, {"alpha": 0.7}) == {"alpha": 0.7}


def test_try_it_is_told_in_words() -> None:
    said = facts.in_words(catalog()["mixup"])
    assert said.startswith("Baseline and mixup with alpha 1 on digits")
    assert re.search(r"60 epochs, 6 seeds\.$", said)


def test_the_moments_are_the_hooks_of_the_base_class() -> None:
    named = {name for part in MOMENTS.values() for name in part}
    own = {"id", "family", "knobs", "values", "changes", "remake"}
    own |= {"acted", "report", "response", "loss_at"}
    hooks = {name for name in vars(Trick) if callable(getattr(Trick, name)) and name[0] != "_"}
    assert named == hooks - own
    assert "- **batch: " in moments(catalog()["mixup"])
    assert moments(catalog()["mixup"]).count("**") == 2


def test_not_with_names_the_slot_and_the_rules_of_both_cards() -> None:
    mish = facts.not_with(catalog()["mish"], "en")
    assert "One activation in an arm: not together with" in mish and "more" in mish
    titles = [one.title for one in facts.conflicts(catalog()["label_smoothing"])]
    own = [one for one in titles if "Flooding" in one]
    assert own and any("Mixup" in one for one in titles), "rules of the others' cards"
    flooding = facts.conflicts(catalog()["flooding"])
    assert any("Smoothing with ε 0.1 keeps the loss above 0.50" in one.reason for one in flooding)
    for trick in catalog().values():
        for one in facts.conflicts(trick):
            assert "{" not in one.title + one.reason, (trick.id(), one)


def test_try_it_opens_the_lab_with_the_plan(app) -> None:
    at = open_catalog(app, trick="dropout")
    at.button(key="card-try").click().run()
    assert not at.exception
    assert "dropout" in at.session_state["draft"]["ticked"]
    assert at.session_state["draft"]["name"] == "What does dropout do?"


def test_add_to_my_experiment_keeps_the_others(app) -> None:
    at = open_catalog(app, trick="ema")
    at.slider(key="card-ema-decay").set_value(0.9).run()
    at.button(key="card-add").click().run()
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
