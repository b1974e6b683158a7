"""*Take away* on the watching page: what the menu offers, and what each dialog holds."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import home as pages_home
from pages.parts import takeaway
from tests.faults.crew import until
from tests.pages.bench import plan
from trainer import workers
from trainer.experiment import parse, unpack
from trainer.export import FORMATS, archive, script

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"


@pytest.fixture
def watch(home, bench, monkeypatch):
    """Opens the watching page and picks from the menu what is named; no worker is started.

    Gives the page, and what its download buttons give by the names of the files.
    """
    st.cache_resource.clear()
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)
    monkeypatch.setattr(pages_home, "worker", lambda: ("ready", None))
    real, given = st.download_button, {}

    def button(label, *, data, file_name, **more):
        given[file_name] = data
        return real(label, data=data, file_name=file_name, **more)

    monkeypatch.setattr(takeaway.st, "download_button", button)

    def open_at(picked=None, **params):
        page = AppTest.from_file(str(FRAME), default_timeout=60)
        for name, value in ({"experiment": bench.id} | params).items():
            page.query_params[name] = value
        page.run()
        if picked:
            page.menu_button(key="take_away").click(picked)
            page.run()
        assert not page.exception, page.exception[0].message
        return page, given

    yield open_at
    st.cache_resource.clear()


def menus(page):
    return [one for one in page.menu_button if one.label == "Take away"]


def test_the_menu_comes_with_the_first_finished_run(watch, bench):
    bench.launch(plan(seeds=2))
    page, _ = watch()
    assert not menus(page)
    bench.train(bench.claim())
    (menu,) = until(lambda: menus(watch()[0]), 20, "the page has read that a run is done")
    assert len(menu.options) == len(FORMATS) + 1
    assert set(takeaway.FORMATS) == {"link", *FORMATS}


def test_who_presents_takes_nothing_away(watch, bench):
    bench.launch(plan(seeds=2))
    bench.train_all()
    page, _ = watch(present="1")
    assert not menus(page)


def test_the_link_opens_the_same_view_and_the_same_plan(watch, bench):
    bench.launch(plan(seeds=2))
    bench.train_all()
    page, _ = watch("link", smoothing="0.5", axis="step")
    view, again = (urlsplit(one.value) for one in page.code)
    asked = {"experiment": [bench.id], "smoothing": ["0.5"], "axis": ["step"]}
    assert parse_qs(view.query) == asked
    (packed,) = parse_qs(again.query)["plan"]
    assert parse(unpack(packed)).dump() == bench.store.experiment(bench.id).experiment.dump()


@pytest.mark.parametrize("format", ["csv", "parquet", "tensorboard"])
def test_files_are_made_when_they_are_asked_for(watch, bench, format):
    bench.launch(plan(seeds=2))
    bench.train_all()
    _, buttons = watch(format)
    ((name, make),) = buttons.items()
    assert name == f"which-one-wins-{bench.id}-{format}.zip"
    packed = zipfile.ZipFile(io.BytesIO(make()))
    assert (
        packed.namelist()
        == zipfile.ZipFile(io.BytesIO(archive(bench.store, bench.id, format))).namelist()
    )
    if format == "csv":
        assert packed.read("points.csv").startswith(b"experiment,arm,seed,run,key,step,value\n")


def test_the_report_is_one_page(watch, bench):
    bench.launch(plan(seeds=2))
    bench.train_all()
    _, buttons = watch("html")
    ((name, make),) = buttons.items()
    assert name.endswith(".html") and make().startswith(b"<!doctype html>")


def test_what_still_runs_is_told(watch, bench):
    bench.launch(plan(seeds=2))
    bench.train(bench.claim())
    page, _ = watch("csv")
    assert "3 runs are not at an end yet. What they have so far is in it." in [
        one.value for one in page.caption
    ]


def test_a_script_of_the_chosen_arm_and_seed(watch, bench):
    bench.launch(plan(seeds=2))
    bench.train_all()
    page, buttons = watch("script")
    page.selectbox(key="script_arm").select("dropout")
    page.selectbox(key="script_seed").select(1)
    page.menu_button(key="take_away").click("script")  # AppTest runs more than the dialog again
    page.run()
    assert not page.exception
    (shown,) = [one.value for one in page.code]
    compile(shown, "dropout.py", "exec")
    assert "seed 1" in shown and "dropout" in shown
    assert buttons["dropout.py"].strip() == shown


def test_an_arm_without_a_script_is_told_of(watch, bench, monkeypatch):
    def refuse(*given, **more):
        raise script.Unsupported("It needs *more* than one file.")

    monkeypatch.setattr(script, "script", refuse)
    bench.launch(plan(seeds=2))
    bench.train_all()
    page, buttons = watch("script")
    assert [one.value for one in page.info] == [r"It needs \*more\* than one file."]
    assert not buttons and not page.code


TAKE = """
from tests.pages.bench import Bench, plan
from trainer.export import FORMATS, archive
from pathlib import Path
import sys
bench = Bench(Path(sys.argv[1]))
bench.launch(plan(seeds=2))
bench.train_all()
for format in FORMATS:
    assert archive(bench.store, bench.id, format)
print(*({"torch", "torchvision", "sklearn"} & sys.modules.keys()))
"""


def test_taking_away_brings_no_torch_into_the_server(home):
    done = subprocess.run(
        [sys.executable, "-c", TAKE, str(home)],
        cwd=FRAME.parents[1], capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
