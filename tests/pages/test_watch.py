"""The lab while watching: the results, the words, and what the page offers in every state."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import home as pages_home
from pages.parts import words
from pages.parts.forest import Scale, table
from pages.parts.progress import progress_words, time_left
from pages.parts.results import results
from tests.pages.bench import curves, plan
from trainer import workers
from trainer.experiment import parse, unpack
from trainer.store import WorkerRow

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"


@pytest.fixture
def watch(home, monkeypatch):
    """Opens the lab at an experiment; no worker is started."""
    st.cache_resource.clear()
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)
    monkeypatch.setattr(pages_home, "worker", lambda: ("ready", None))

    def open_at(**params: str) -> AppTest:
        page = AppTest.from_file(str(FRAME), default_timeout=60)
        for name, value in params.items():
            page.query_params[name] = value
        return rerun(page)

    yield open_at
    st.cache_resource.clear()


def rerun(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception, page.exception[0].message
    return page


def text(page: AppTest) -> str:
    """Everything in words on the page."""
    parts = [one.value for one in [*page.title, *page.header, *page.markdown, *page.caption]]
    parts += [f"{one.proto.title} {one.value}" for one in [*page.error, *page.warning]]
    return "\n".join([*parts, *(one.proto.body for one in page.get("html"))])


# Results.


def test_the_table_says_what_the_runs_say(bench):
    bench.launch(plan(arms=("baseline", "dropout", "mixup"), seeds=8))
    bench.train_all()
    look = bench.look()
    known = results(look)
    assert known.comparisons[0].verdict == "better"
    assert known.sentence.startswith("**Dropout** is better than the baseline.")
    html = table(look, known, slots=2)
    assert html.count("<tr>") == 5
    assert html.count("class='dot'") == 16
    assert re.search(r"<b>better</b><small>p = \.\d{3}</small>", html)
    assert re.search(r"<b>\+(9|10)\.\d</b><small>\+\d+\.\d to \+\d+\.\d</small>", html)
    assert "Holm over 2 comparisons" in html and "Gray zone: ± 2.2 points" in html
    data, charts = curves(look)
    assert data["state"] == "done"
    assert "95 % interval" in charts["accuracy"]["alt"] and "n = 8" in charts["accuracy"]["alt"]


def test_a_loss_is_judged_in_its_own_unit(bench):
    bench.launch(plan(seeds=6, metric="test_loss"))
    bench.train_all()
    look = bench.look()
    known = results(look)
    assert known.comparisons[0].verdict == "better"  # its loss is lower
    html = table(look, known, slots=2)
    assert "test loss above or below the baseline" in html
    assert re.search(r"<b>−0\.\d{3}</b>", html)
    assert "Gray zone" not in html


def test_names_are_text_not_markup(bench):
    experiment = plan(arms=("baseline", "dropout"), seeds=1).dump()
    experiment["arms"][1]["name"] = "<b onclick=x>"
    bench.launch(parse(experiment))
    look = bench.look()
    assert "<b onclick" not in table(look, results(look), slots=1)


def test_the_scale_has_zero_and_round_ticks():
    empty = Scale([], 100.0)
    assert 0.0 in empty.ticks()
    assert empty(0.0) == "50.00%"


# Words.


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.31, "0.3 s"), (2.4, "2.4 s"), (40, "40 s"), (200, "3 min 20 s"), (7800, "2 h 10 min")],
)
def test_durations(seconds, said):
    assert words.seconds(seconds) == said


def test_numbers_in_words():
    assert words.points(0.093, unit=True) == "+9.3 points"
    assert words.points(-0.0031) == "−0.3"
    assert words.points(-0.0001) == "0.0"
    assert words.percent(0.831) == "83.1 %"
    assert (words.p_sentence(0.0234), words.p_sentence(1e-5)) == ("p = .023", "p < .001")
    assert words.seeds(range(8)) == "0 to 7"
    assert words.seeds([3, 5]) == "3 and 5"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.plain("*a*") == r"\*a\*"


def test_runs_that_train_together_end_together(bench, monkeypatch):
    """Each takes its share of the time, and the rest of one is the rest of all."""
    bench.launch(plan(arms=("baseline",), seeds=6))
    worker = WorkerRow(
        slots=2, busy=2, state="ready", heartbeat=time.time(), pid=1, devices=("auto", "cpu")
    )
    monkeypatch.setattr("pages.parts.progress.run_seconds", lambda look: 2.0)
    first = bench.queue.claim_together("w", "auto", "cpu", room=2)
    second = bench.queue.claim_together("w", "auto", "cpu", room=1)
    assert (len(first), len(second)) == (3, 3)
    for claim in second:
        bench.queue.finish(claim, state="stopped")
    look = bench.look(("busy", worker))
    assert time_left(look) == pytest.approx(6.0)  # one process, however many slots there are


def test_progress_in_words(bench, monkeypatch):
    bench.launch(plan(seeds=4))
    worker = WorkerRow(
        slots=2, busy=0, state="starting", heartbeat=time.time(), pid=1, devices=None
    )
    assert progress_words(bench.look(("starting", worker))) == (
        "**0 of 8 runs done**, 8 waiting. Starting the worker, about 3 s the first time."
    )
    claim = bench.claim()
    bench.queue.write(claim, message="Downloading cifar10, 62 of 170 MB")
    look = bench.look(("busy", worker))
    assert progress_words(look).endswith("Downloading cifar10, 62 of 170 MB.")
    bench.train(claim)
    monkeypatch.setattr("pages.parts.progress.run_seconds", lambda look: 4.0)
    bench.train(bench.claim())
    look = bench.look(("busy", worker))
    assert time_left(look) == pytest.approx(12.0)  # 6 runs of 4 s, two at a time
    assert progress_words(look) == "**2 of 8 runs done**, 6 waiting. About **12 s** left."


# The page.


def test_an_unknown_experiment_is_told_of(watch):
    page = watch(experiment="3f9a")
    assert "There is no experiment `3f9a` in this store." in text(page)
    assert "All runs" in [one.proto.label for one in page.get("page_link")]


def test_a_running_experiment_can_be_stopped_and_go_on(watch, bench):
    bench.launch(plan(seeds=4))
    for _ in range(3):
        bench.train(bench.claim())
    page = watch(experiment=bench.id)
    assert page.title[0].value == r"Which \*one\* wins?"
    assert "Too early for a verdict: 1 of 4 seeds is complete in every arm." in text(page)
    assert "**3 of 8 runs done**, 5 waiting." in text(page)
    assert "320 examples" in text(page)

    page.button(key="stop").click()
    rerun(page)
    assert {row.state for row in bench.store.runs(bench.id)} == {"done", "stopped"}
    assert "Stopped: 1 of 4 seeds is complete. No verdict." in text(page)
    assert not [one for one in page.button if one.key == "stop"]

    page.button(key="go_on").click()
    rerun(page)
    assert {row.state for row in bench.store.runs(bench.id)} == {"done", "waiting"}
    assert page.button(key="stop").label == "Stop"

    page.button(key="pause").click()
    rerun(page)
    assert {row.state for row in bench.store.runs(bench.id)} == {"done", "paused"}
    assert "Paused: 1 of 4 seeds is complete. No verdict." in text(page)
    page.button(key="go_on").click()
    rerun(page)
    assert {row.state for row in bench.store.runs(bench.id)} == {"done", "waiting"}


def test_a_finished_experiment_has_a_verdict_and_no_buttons(watch, bench):
    bench.launch(plan(seeds=8))
    bench.train_all()
    page = watch(experiment=bench.id)
    assert "**Dropout** is better than the baseline." in text(page)
    assert "runs done" not in text(page)
    assert not {"stop", "go_on"} & {one.key for one in page.button}
    assert not page.dataframe
    page.session_state["table"] = True
    rerun(page)
    numbers = page.dataframe[0].value
    assert list(numbers["arm"]) == ["baseline", "dropout"]
    assert list(numbers["n"]) == [8, 8]


def test_failed_and_diverged_runs_are_told_of(watch, bench, home):
    bench.launch(plan(seeds=3))
    bench.train(bench.claim(), state="diverged", text="the loss is not a number at step 144")
    failed = bench.claim()
    bench.queue.finish(failed, state="failed", kind="out_of_memory", text="out of memory")
    (home / "logs").mkdir(exist_ok=True)
    (home / "logs" / f"{failed.run.id}.log").write_text("CUDA said no")
    page = watch(experiment=bench.id)
    assert "**dropout, seed 0 failed:** out of memory. The other runs go on." in text(page)
    assert "**baseline, seed 0 diverged:** the loss is not a number at step 144." in text(page)
    page.button(key="again_0").click()
    rerun(page)
    states = {row.id: row.state for row in bench.store.runs(bench.id)}
    assert states[failed.run.id] == "waiting"


def test_without_data_there_is_a_way_out(watch, bench):
    bench.launch(plan(seeds=1, dataset="cifar10"))
    while claim := bench.claim():
        bench.queue.finish(claim, state="failed", kind="data", text="cifar10 is not here")
    page = watch(experiment=bench.id)
    assert len(page.error) == 1 and "2 runs need it" in page.error[0].value
    page.button(key="digits_0").click()
    rerun(page)
    assert "experiment" not in page.query_params


def test_without_a_worker_it_says_so(watch, bench, monkeypatch):
    bench.launch(plan(seeds=2))
    gone = WorkerRow(
        slots=2, busy=0, state="ready", heartbeat=time.time() - 40, pid=1, devices=None
    )
    monkeypatch.setattr(pages_home, "worker", lambda: ("none", gone))
    started = []
    monkeypatch.setattr(workers, "ensure_worker", started.append)
    page = watch(experiment=bench.id)
    assert "No worker is running" in text(page)
    assert re.search(r"last one was seen 4\d s ago", text(page)) and "4 runs wait" in text(page)
    started.clear()
    page.button(key="start_worker").click()
    rerun(page)
    assert started


def test_the_view_follows_the_address_and_writes_it(watch, bench):
    bench.launch(plan(seeds=1))
    page = watch(experiment=bench.id, axis="seconds", runs="0", smoothing="0.5", logloss="maybe")
    assert page.session_state["view_axis"] == "seconds"
    assert not page.checkbox(key="view_runs").value
    assert page.slider(key="view_smoothing").value == 0.5
    assert not page.checkbox(key="view_logloss").value
    page.checkbox(key="view_logloss").check()
    page.checkbox(key="view_runs").check()
    rerun(page)
    assert page.query_params["logloss"] in ("1", ["1"])
    assert "runs" not in page.query_params


def test_change_and_launch_again_opens_the_plan(watch, bench):
    bench.launch(plan(seeds=2))
    page = watch(experiment=bench.id)
    page.button(key="change").click()
    rerun(page)
    packed = page.query_params["plan"]
    data = unpack(packed[0] if isinstance(packed, list) else packed)
    assert [arm["name"] for arm in data["arms"]] == ["baseline", "dropout"]
    assert "experiment" not in page.query_params


def test_an_a_a_test_is_shown_as_two_arms(watch, bench):
    data = plan(seeds=6).dump()
    data["arms"][1] = {"name": "again", "tricks": []}
    bench.launch(parse(data))
    bench.train_all()
    page = watch(experiment=bench.id)
    assert "**Again**" in text(page)
    known = results(bench.look())
    assert [one.mean for one in known.comparisons] == [0.0]
