"""The addresses of all pages, with anything in them: a page that says so, and never a traceback."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING

import pytest
import streamlit as st

from pages.parts import compare_address, finder, view, words
from pages.parts.compare_scene import experiments_of
from tests.faults.hostile import HOST, NAMES, NUMBERS, word
from tests.faults.markdown import marks
from tests.pages.bench import Bench, plan
from tests.pages.conftest import app as app
from trainer.experiment import pack
from trainer.store import Store
from tricks import catalog

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

PURE = 2_000  # of one case
DRAWN = 25  # pages of one case
VIEW = ("axis", "curves", "smoothing", "runs", "bands", "logloss", "logstep")
FIELDS = {
    "lab.py": ("experiment", "plan", "embed"),
    "watch": ("closer", "closer", "present", *VIEW),
    "runs.py": ("experiment",),
    "compare.py": (
        "group", "base", "metric", "data", "network", "trick", "text", "state", "apart", "only",
        "experiments", *VIEW,
    ),
    "catalog.py": ("trick", "q", "family", "cost", "network", "task", "thread", "lang"),
}  # fmt: skip
EVERY = tuple(field for fields in FIELDS.values() for field in fields)
ALWAYS = {"watch": "experiment", "compare.py": "experiments"}  # else there is little to draw
MEANT = (
    "1", "0", "true", "seconds", "epoch", "train", "0.5", "nan", "inf", "-1", "1e999", "latest",
    "all", "arm", "lr", "dropout.p", "experiment", "test_loss", "digits", "mlp", "dropout", "done",
    "zh", "en", "free", "loss", "9" * 5_000, "²", "٣", "x" * 20_000, "a," * 5_000, "," * 999,
    f"a\n\n![x](http://{HOST}/x.png)", f"`![x](http://{HOST}/x.png)`", "\0", "\u202e",
)  # fmt: skip


def address(
    rng: random.Random, *ids: str, fields: tuple[str, ...] = EVERY, most: int = 6
) -> dict[str, str]:
    """Some fields with what they may mean, what they may not, and what is made up."""
    fields = (*rng.choices(fields, k=rng.randint(1, most)), rng.choice(EVERY), word(rng, 8))
    values = (*MEANT, *ids, *NAMES, *map(repr, NUMBERS[:17]))
    return {
        field: ",".join(rng.choices(values, k=rng.choice((1, 1, 1, 3))))
        if rng.random() < 0.8
        else word(rng, 30)
        for field in fields
    }


@pytest.mark.parametrize("seed", range(3))
def test_every_address_means_something(seed):
    rng = random.Random(seed)
    titles = [one.card.title for one in catalog().values()]
    for _ in range(PURE):
        given = address(rng, "abcd1234")
        shown = view.read(given)
        assert view.read(view.written(shown)) == shown
        wish = compare_address.read(given)
        assert experiments_of(wish, []).rows == [] and wish.metric in ("", *compare_address.METRICS)
        asked = finder.Asked.read(given)
        assert finder.Asked.read(asked.address()) == asked
        if rng.random() < 0.05:
            assert set(finder.found(asked)) <= set(catalog().values())
            guess = finder.nearest(asked.q)
            assert guess is None or guess.card.title in titles


@pytest.mark.parametrize("seed", range(2))
def test_what_an_address_says_is_code_when_a_page_repeats_it(seed):
    rng = random.Random(seed)
    for _ in range(PURE):
        text = rng.choice(MEANT + NAMES) if rng.random() < 0.5 else word(rng)
        assert marks(f"There is none {words.code(text)} here") == ["code_inline"]
        assert marks(f"No trick matches “{words.plain(text)}” here") == []


@pytest.fixture
def bench(home):
    """A store with an experiment that is done and one that waits."""
    st.cache_resource.clear()
    one = Bench(home)
    first = one.launch(plan(seeds=2, name="Done"))
    one.train_all()
    one.ids = (first, one.launch(plan(seeds=3, name="Waits")))
    return one


@pytest.mark.parametrize("page", FIELDS)
def test_every_address_draws_a_page(app: AppTest, bench: Bench, page: str):
    rng = random.Random(page)
    plans = pack({"name": "A plan", "arms": [{"name": "baseline"}, {"name": NAMES[1]}]})
    before = {id: len(bench.store.run_ids(id)) for id in bench.ids}
    app.switch_page("lab.py" if page == "watch" else page)
    ids = (*bench.ids, plans, "dropout")
    every = [dict.fromkeys(FIELDS[page], text) for text in MEANT]
    every += [address(rng, *ids, fields=FIELDS[page], most=3) for _ in range(DRAWN)]
    for given in every:
        if page in ALWAYS and rng.random() < 0.9:
            given[ALWAYS[page]] = rng.choice(bench.ids)
        app.query_params.clear()
        for name, text in given.items():
            if name and not set(name) - set(string.ascii_lowercase):
                app.query_params[name] = drawable(text)
        app.run()
        assert not app.exception, (
            dict(given),
            app.exception[0].message,
            app.exception[0].stack_trace,
        )
        images = [mark for one in app.markdown for mark in marks(one.value) if mark == "image"]
        assert images == []
    after = Store(bench.store.home)
    assert {id: len(after.run_ids(id)) for id in bench.ids} == before
    after.close()


def drawable(text: str) -> str:
    """Without halves of characters: a browser cannot send them."""
    return text.encode("utf-8", "replace").decode()
