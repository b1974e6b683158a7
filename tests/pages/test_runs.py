"""The runs page: what its tables say, the selection in the address, and what one can do."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pages.parts import board, evidence
from trainer.experiment import Experiment, parse
from trainer.queue import Queue
from trainer.store import RunRow, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.testing.v1 import AppTest

DONE = {"test_accuracy": 0.8, "test_loss": 0.5, "train_loss": 0.1, "train_accuracy": 0.99}


def comparison(name: str = "Does dropout help?", seeds: int = 6, **setup) -> Experiment:
    base = {"train_size": 100, "label_noise": 0.3, "steps": 20}
    return parse(
        {
            "name": name,
            "setup": base | setup,
            "arms": [{"name": "baseline"}, {"name": "dropout", "tricks": [{"id": "dropout"}]}],
            "seeds": list(range(seeds)),
        }
    )


@pytest.fixture
def store(home) -> Store:
    return Store(home)


@pytest.fixture
def launched(store) -> Callable[..., str]:
    """Launches an experiment whose first runs end as told; the rest waits."""

    def launch(experiment: Experiment, *ends: str, gain: float = 0.1) -> str:
        id, queue = store.launch(experiment), Queue(store)
        for i, state in enumerate(ends):
            claim = queue.claim("test", "auto", "cpu", id)
            assert claim is not None
            queue.begin(claim, os.getpid(), time.time())
            if state == "running":
                continue
            value = 0.7 + 0.001 * claim.run.seed + 0.0003 * i
            value += gain if claim.run.arm.tricks else 0.0
            queue.finish(
                claim,
                state=state,
                steps=20 if state == "done" else 7,
                seconds=1.5,
                metrics=DONE | {"test_accuracy": value} if state == "done" else {},
                kind="error" if state == "failed" else None,
                text=None if state == "done" else f"it {state} at step 7",
            )
        return id

    return launch


def open_runs(at: AppTest, experiment: str | None = None) -> AppTest:
    if experiment is not None:
        at.query_params["experiment"] = experiment
    at.switch_page("runs.py").run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    kinds = ("title", "header", "markdown", "caption", "code")
    return "\n".join(str(one.value) for kind in kinds for one in at.get(kind))


def table(at: AppTest, i: int = 0):
    return at.dataframe[i].value


# The page.


def test_before_the_first_launch_it_says_what_to_do(app) -> None:
    at = open_runs(app)
    assert "Nothing has been launched here yet." in texts(at)
    assert "Which trick survives wrong labels" in texts(at)
    assert not at.dataframe
    next(one for one in at.button if one.label == "Open the lab").click().run()
    assert not at.exception
    assert "draft" in at.session_state


def test_an_experiment_in_one_line(app, launched) -> None:
    launched(comparison(), *["done"] * 12)
    row = table(open_runs(app)).iloc[0]
    assert row["Experiment"] == "Does dropout help?"
    assert list(row["State"]) == ["done"]
    assert row["Progress"] == 100
    assert row["Runs"] == "12 of 12"
    assert row["Verdict"] == "dropout better, +10.0"
    assert row["Setup"] == "digits, 100 images, 30 % wrong labels, MLP 3 × 128"
    assert row["Started"] == "just now"
    assert row["Time"] == "18 s"


def test_while_it_runs_there_is_no_verdict(app, launched) -> None:
    launched(comparison(), "done", "done", "running")
    row = table(open_runs(app)).iloc[0]
    assert list(row["State"]) == ["running"]
    assert row["Runs"] == "2 of 12"
    assert row["Verdict"] == "too early"


def test_trouble_has_a_badge_and_a_number(app, launched) -> None:
    launched(comparison(seeds=2), "diverged", "done", "failed", "done")
    at = open_runs(app)
    assert list(table(at).iloc[0]["State"]) == ["done", "1 diverged", "1 failed"]


def test_the_address_opens_an_experiment_and_its_runs(app, launched) -> None:
    id = launched(comparison(seeds=2), "diverged", "done", "failed", "done")
    at = open_runs(app, id)
    assert at.header[0].value == "Does dropout help?"
    runs = table(at, 1)
    assert list(runs["Arm"]) == ["baseline", "baseline", "dropout", "dropout"]
    assert list(runs["Seed"]) == [0, 1, 0, 1]
    assert list(runs["Steps"]) == ["7 of 20", "7 of 20", "20 of 20", "20 of 20"]
    assert runs["What happened"][0] == "it diverged at step 7"
    assert math.isnan(runs["Test accuracy, %"][0])
    assert runs["Test accuracy, %"][2] == pytest.approx(80.0, abs=0.2)


def test_an_unknown_experiment_is_told_and_left(app, launched) -> None:
    launched(comparison(seeds=1))
    at = open_runs(app, "3f9a")
    assert "There is no experiment `3f9a` in this store." in texts(at)
    next(one for one in at.button if one.label == "All runs").click().run()
    assert "There is no experiment" not in texts(at)


def test_several_selected_experiments_lead_to_the_comparing_page(app, launched) -> None:
    first = launched(comparison("First", seeds=1), "done", "done")
    second = launched(comparison("Second", seeds=1, steps=21), "done", "done")
    at = open_runs(app, f"{first},{second}")
    assert at.header[0].value == "2 experiments"
    assert "**Second** and **First**" in texts(at)
    at.button(key="compare").click().run()
    assert not at.exception
    assert at.title[0].value == "Compare"
    assert at.query_params["experiments"] == f"{second},{first}"


def test_of_several_experiments_the_missing_ones_are_told(app, launched) -> None:
    first = launched(comparison("First", seeds=1), "done", "done")
    at = open_runs(app, f"{first},3f9a,77aa")
    assert at.header[0].value == "First"
    assert "There are no experiments `3f9a` and `77aa` in this store." in texts(at)


@pytest.mark.parametrize(("query", "found"), [("DROPOUT", 2), ("shapes", 1), ("second", 1)])
def test_search_by_name_data_and_trick(app, launched, query: str, found: int) -> None:
    launched(comparison("The first", seeds=1), "done", "done")
    launched(comparison("The second", seeds=1, dataset="shapes"))
    at = open_runs(app)
    at.text_input(key="runs_search").set_value(query).run()
    assert not at.exception
    assert len(table(at)) == found


def test_search_without_a_hit_can_be_cleared(app, launched) -> None:
    launched(comparison(seeds=1))
    at = open_runs(app)
    at.text_input(key="runs_search").set_value("nothing like it").run()
    assert "No experiment matches this search." in texts(at)
    next(one for one in at.button if one.label == "Clear the search").click().run()
    assert len(table(at)) == 1


def test_the_filter_counts_and_filters(app, launched) -> None:
    launched(comparison("a", seeds=1), "done", "done")
    launched(comparison("b", seeds=1, steps=21), "failed", "failed")
    launched(comparison("c", seeds=1, steps=22))
    at = open_runs(app)
    labels = [option.content for option in at.get("button_group")[0].proto.options]
    assert labels == ["Waiting 1", "Done 1", "Failed 1"]
    at.session_state["runs_kind"] = "failed"
    at.run()
    assert list(table(at)["Experiment"]) == ["b"]


def test_a_failed_run_shows_its_log_and_runs_again(app, launched, store) -> None:
    id = launched(comparison(seeds=1), "failed", "done")
    run = store.runs(id)[0]
    log = store.home / "logs" / f"{run.id}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("Traceback: it broke\n")
    at = open_runs(app, id)
    at.session_state[f"runs-of-{id}"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    at.run()
    assert not at.exception
    assert "Traceback: it broke" in texts(at)
    at.button(key="again").click().run()
    assert not at.exception
    assert store.runs(id)[0].state == "waiting"


def test_the_runs_tell_what_memory_their_processes_took(launched, store) -> None:
    runs = store.runs(launched(comparison(seeds=1), "done", "done"))
    runs[0] = replace(runs[0], memory=41_300_000)
    shown = board.run_columns(comparison(seeds=1), runs)
    assert shown[board.MEMORY] == [41, None] and board.GPU_MEMORY not in shown
    runs[1] = replace(runs[1], gpu_memory=22_000_000)
    shown = board.run_columns(comparison(seeds=1), runs)
    assert shown[board.GPU_MEMORY] == [None, 22]


def test_delete_asks_once_and_deletes(app, launched, store) -> None:
    id = launched(comparison(seeds=2), *["done"] * 4)
    at = open_runs(app, id)
    at.session_state["runs_asked"] = ("Delete", id)
    at.run()
    assert "Delete 4 runs and their curves? This cannot be undone." in texts(at)
    at.button(key="keep").click().run()
    assert store.experiment(id) is not None
    assert "runs_asked" not in at.session_state
    at.session_state["runs_asked"] = ("Delete", id)
    at.run()
    at.button(key="really-delete").click().run()
    assert not at.exception
    assert store.experiment(id) is None
    assert "Nothing has been launched here yet." in texts(at)


def test_delete_says_which_runs_stay(app, launched) -> None:
    first = launched(comparison("first", seeds=2), *["done"] * 4)
    launched(comparison("more seeds", seeds=3))
    at = open_runs(app, first)
    at.session_state["runs_asked"] = ("Delete", first)
    at.run()
    assert "Delete this experiment? This cannot be undone." in texts(at)
    assert "4 runs that other experiments use will stay." in texts(at)


def test_rename(app, launched, store) -> None:
    id = launched(comparison(seeds=1))
    at = open_runs(app, id)
    at.session_state["runs_asked"] = ("Rename", id)
    at.run()
    at.text_input(key=f"rename-{id}").set_value("A better *name*").run()
    next(one for one in at.button if one.label == "Save").click().run()
    assert not at.exception
    assert store.experiment(id).name == "A better *name*"
    assert table(at).iloc[0]["Experiment"] == "A better *name*"


def test_launch_again_fills_the_lab(app, launched) -> None:
    id = launched(comparison(seeds=3), *["done"] * 6)
    at = open_runs(app, id)
    at.button(key="launch-again").click().run()
    assert not at.exception
    assert at.session_state["draft"]["seeds"] == [0, 1, 2]
    assert "dropout" in at.session_state["draft"]["ticked"]


def test_copy_link_gives_results_and_plan(app, launched) -> None:
    id = launched(comparison(seeds=1))
    at = open_runs(app, id)
    at.session_state["runs_asked"] = ("Copy link", id)
    at.run()
    links = [one.value for one in at.code]
    assert links[0].endswith(f"?experiment={id}")
    assert "?plan=" in links[1]


def test_a_name_is_never_read_as_markdown(app, launched) -> None:
    id = launched(comparison("**bold** $x$ :red[no] <b>", seeds=1))
    at = open_runs(app, id)
    assert at.header[0].value == r"\*\*bold\*\* \$x\$ \:red\[no\] \<b\>"


# What a trick did here, for the catalog.


def test_finished_experiments_are_evidence(launched, store) -> None:
    launched(comparison(), *["done"] * 12)
    found = evidence.measured(store)
    assert set(found) == {"dropout"}
    assert found["dropout"].comparison.verdict == "better"
    assert found["dropout"].comparison.mean == pytest.approx(0.1, abs=0.01)
    assert found["dropout"].knobs == {"p": 0.5}


def test_running_or_baseless_experiments_are_not(launched, store) -> None:
    launched(comparison(), *["done"] * 11)
    assert evidence.measured(store) == {}


def test_more_seeds_count_more_than_a_newer_date(launched, store) -> None:
    much = launched(comparison("much"), *["done"] * 12)
    launched(comparison("newer", seeds=2, steps=21), *["done"] * 4, gain=0.0)
    assert evidence.measured(store)["dropout"].experiment_id == much


def test_the_catalog_tells_what_was_measured(app, launched) -> None:
    launched(comparison(), *["done"] * 12)
    at = app
    at.switch_page("catalog.py").run()
    assert "+10.0 points · better" in json.loads(at.get("bidi_component")[0].proto.json)["html"]
    at.query_params["trick"] = "dropout"
    at.run()
    html = "".join(one.proto.body for one in at.get("html"))
    assert "<strong>+10.0 points</strong>, better, 95 % interval" in html
    assert "n = 6; with p 0.5 on digits, 100 images" in html


# Words.


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (20, "just now"),
        (9 * 60 + 30, "9 min ago"),
        (3600 + 5, "1 h ago"),
        (26 * 3600, "yesterday"),
        (5 * 86400, "5 days ago"),
    ],
)
def test_how_long_ago(seconds: float, said: str) -> None:
    noon = time.mktime((2026, 3, 20, 12, 0, 0, 0, 0, -1))
    assert board.ago(noon - seconds, noon) == said


def test_long_ago_is_a_date() -> None:
    noon = time.mktime((2026, 3, 20, 12, 0, 0, 0, 0, -1))
    assert board.ago(noon - 60 * 86400, noon) == "2026-01-19"


def test_a_verdict_in_a_few_words() -> None:
    experiment = comparison()

    def said(*deltas: tuple[str, str, float]) -> str:
        made = [
            evidence.statistics.Comparison(
                arm=arm, n=6, mean=mean, low=0, high=0, p=None, verdict=verdict, seeds=(),
                deltas=(), needed=None, margin=0,
            )
            for arm, verdict, mean in deltas
        ]  # fmt: skip
        return evidence.verdict_words(experiment, made)

    assert said(("a", "better", 0.1), ("b", "worse", -0.02)) == "a better, +10.0; b worse, −2.0"
    assert said(("a", "better", 0.1), ("b", "better", 0.2)) == "a and b better, +10.0 and +20.0"
    assert said(*[(name, "better", 0.1) for name in "abc"]) == "3 better"
    assert said(("a", "not_resolved", 0.1), ("b", "no_difference", 0)) == "not resolved"
    assert said(("a", "anecdote", 0.1)) == "anecdote"
    assert said() == ""


def test_what_is_left_follows_the_speed_so_far() -> None:
    def run(state: str, step: int, seconds: float | None, seed: int) -> RunRow:
        return RunRow(
            id=f"r{seed}", arm=0, arm_name="baseline", seed=seed, state=state, desired="run",
            attempt=1, step=step, steps=100, saved_step=None,
        seconds=seconds, metrics={}, error_kind=None,
            error_text=None, message=None, device=None, created_at=0, started_at=None,
            ended_at=None,
        )  # fmt: skip

    runs = [run("done", 100, 10, 0), run("running", 50, 5, 1), run("waiting", 0, None, 2)]
    assert board.seconds_left(runs) == pytest.approx(15)
    assert board.seconds_left(runs[2:]) is None
