"""The list of tricks in the lab: folded families, search, filters, marks, tricks of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import tricks
from pages.parts.finder import families
from trainer import workers
from tricks import catalog

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"


@pytest.fixture
def lab(home, monkeypatch) -> AppTest:
    st.cache_resource.clear()
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)
    page = AppTest.from_file(str(FRAME), default_timeout=60).run()
    assert not page.exception
    return page


def ticks(page: AppTest) -> set[str]:
    """The ids of the tricks that have a row."""
    return {one.key.removeprefix("tick_").split("__")[0] for one in page.checkbox}


def of(*names: str) -> set[str]:
    return {one.id() for one in catalog().values() if one.family() in names}


def headings(page: AppTest) -> list[str]:
    return [one.label for one in page.expander if one.label.split()[0].lower() in families()]


def test_families_are_folded_but_those_in_use(lab):
    assert ticks(lab) == of("augmentation", "regularization", "loss")
    shown = headings(lab)
    assert [one.split()[0].lower() for one in shown] == families()
    assert f"Loss {len(of('loss'))} · **1 chosen**" in shown
    assert f"Schedule {len(of('schedule'))}" in shown


def test_a_search_unfolds_what_it_finds_and_nothing_else(lab):
    lab.text_input(key="search").set_value("cosine").run()
    found = ticks(lab)
    assert "cyclic_cosine" in found and "dropout" not in found
    assert not headings(lab), "what was found stands open"
    lab.text_input(key="search").set_value("").run()
    assert ticks(lab) == of("augmentation", "regularization", "loss")


def test_chosen_shows_the_ticked_ones_alone(lab):
    lab.session_state["filter"] = "Chosen"
    lab.run()
    assert ticks(lab) == {"mixup", "dropout", "label_smoothing"}


def test_a_ticked_trick_keeps_its_family_open(lab):
    opened = lab.session_state["opened_families"]
    lab.session_state["opened_families"] = opened | {"schedule": True}
    lab.run()
    next(one for one in lab.checkbox if one.key.startswith("tick_one_cycle")).check().run()
    assert of("schedule") <= ticks(lab)
    assert f"Schedule {len(of('schedule'))} · **1 chosen**" in headings(lab)


def test_a_family_that_was_folded_by_hand_stays_folded(lab):
    opened = lab.session_state["opened_families"]
    lab.session_state["opened_families"] = opened | {"loss": False}
    lab.run()
    assert not of("loss") & ticks(lab)
    assert f"Loss {len(of('loss'))} · **1 chosen**" in headings(lab), "and says what it holds"


def test_ones_own_tricks_have_a_family_and_a_filter(lab, home):
    def filters() -> list[str]:
        groups = [[o.content for o in one.proto.options] for one in lab.get("button_group")]
        return next(one for one in groups if "Network" in one)

    assert "Own" not in filters()
    (home / "tricks").mkdir()
    file = home / "tricks" / "twice_as_much.py"
    file.write_text(
        "from dataclasses import dataclass\n"
        "from tricks.base import Card, Paper, Trick\n\n"
        "@dataclass(kw_only=True)\n"
        "class TwiceAsMuch(Trick):\n"
        "    card = Card(title='Twice as much', title_zh='Twice', claim='More.', claimed_by='me',\n"
        "        when='Now.', watch_out='It.', formula='2g', cost='nothing',\n"
        "        paper=Paper(authors='Me', year=2025, title='An idea', where='this file'))\n",
        encoding="utf-8",
    )
    tricks.LOOKS.clear()
    lab.run()
    assert "Own" in filters() and "Own 1" in headings(lab)
    lab.session_state["filter"] = "Own"
    lab.session_state["opened_families"] = {"own": True}
    lab.run()
    assert ticks(lab) == {"twice_as_much"}
    file.unlink()
    tricks.LOOKS.clear()
