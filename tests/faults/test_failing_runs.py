"""What goes wrong inside one run ends that run alone; the page says what, and shows its log."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.faults.crew import READY, TINY, Crew, plan, until
from trainer import workers
from trainer.experiment import parse

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"

TRICK = """
import os
import sys
from dataclasses import dataclass

from tricks.base import Card, Paper, Trick


@dataclass(kw_only=True)
class {name}(Trick):
    card = Card(
        title="Goes wrong",
        title_zh="会出错",
        claim="It goes wrong at its first gradient.",
        claimed_by="me",
        when="Never.",
        watch_out="It goes wrong.",
        formula="x",
        cost="the run",
        paper=Paper(authors="Me", year=2025, title="An idea", where="this file"),
    )

    def gradients(self, network):
        import torch

        for weights in network.parameters():
            {does}
"""

# name -> what it does, how its run ends, what the page says, what stands in its log
FAULTS = {
    "raises": (
        'raise ValueError("a bad <b>number</b>")',
        ("failed", "error"),
        "ValueError at step",
        "ValueError: a bad <b>number</b>",
    ),
    "has_no_memory": (
        'raise MemoryError("no room")',
        ("failed", "out_of_memory"),
        "out of memory at step",
        "MemoryError: no room",
    ),
    "takes_too_much": (  # the system itself refuses 32 TB
        "torch.empty(1 << 45, dtype=torch.uint8)",
        ("failed", "out_of_memory"),
        "out of memory at step",
        "can't allocate memory",
    ),
    "fills_the_card": (  # as PyTorch says it where a card has no more room
        'raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")',
        ("failed", "out_of_memory"),
        "out of memory at step 0: make the network or the batches smaller",
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
    ),
    "crashes": (
        "os.kill(os.getpid(), 11)",
        ("failed", "killed"),
        "its process was killed (SIGSEGV), 5 times; this run was given up. Its log may say more",
        'crashes.py", line',  # where it was
    ),
    "is_killed": (
        "os.kill(os.getpid(), 9)",
        ("failed", "killed"),
        "(SIGKILL), 5 times; this run was given up. A system kills what takes too much memory",
        "attempt 5 on cpu",
    ),
    "quits": (
        "os._exit(3)",
        ("failed", "killed"),
        "its process ended with status 3, 5 times; this run was given up. Its log may say more",
        "attempt 5 on cpu",
    ),
    "leaves": (
        "sys.exit(3)",
        ("failed", "error"),
        "sys.exit(3) at step 0",
        "SystemExit: 3",
    ),
    "diverges": (
        "weights.grad.fill_(float('nan'))",
        ("diverged", None),
        "the loss is not a number",
        "attempt 1 on cpu",
    ),
}


# Goes wrong in about every second run after some hundred steps: if the first weight is positive.
SOMETIMES = """self.calls = getattr(self, "calls", 0) + 1
            if weights.shape == (8, 64) and self.calls > 1000 and float(weights.flatten()[0]) > 0:
                raise ValueError("not this one")"""


def class_name(name):
    return "".join(part.capitalize() for part in name.split("_"))


@pytest.fixture(scope="module")
def crew(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "tricks").mkdir()
    for name, (does, *_) in FAULTS.items():
        text = TRICK.format(name=class_name(name), does=does)
        (home / "tricks" / f"{name}.py").write_text(text, encoding="utf-8")
    text = TRICK.format(name="Sometimes", does=SOMETIMES)
    (home / "tricks" / "sometimes.py").write_text(text, encoding="utf-8")
    one = Crew(home)
    with pytest.MonkeyPatch.context() as patch:
        for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            patch.setenv(proxy, "http://127.0.0.1:9")  # nobody listens there
        patch.setenv("TRICKBOARD_OWN_TRICKS", "1")
        yield one
    one.end()


@pytest.fixture
def here(crew, monkeypatch):
    """This process looks for tricks and data where the worker does."""
    monkeypatch.setenv("TRICKBOARD_HOME", str(crew.home))
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)
    st.cache_resource.clear()
    yield crew
    st.cache_resource.clear()


def work(crew):
    """Have a worker, the last test's if it is still there."""
    if not crew.started or crew.started[-1].poll() is not None:
        crew.start()
    crew.store.note("page_seen", time.time())  # else it ends while a page is drawn slowly


def watched(id):
    page = AppTest.from_file(str(FRAME), default_timeout=60)
    page.query_params["experiment"] = id
    page.run()
    assert not page.exception, page.exception[0].message
    return page


def unescaped(text):
    return text.replace("\\", "")


def ended(crew, id, seconds=READY):
    until(lambda: not {"waiting", "running"} & crew.counted(id).keys(), seconds, "all has ended")
    return crew.store.runs(id)


def test_each_fault_ends_its_own_run_and_the_page_tells(here):
    arms = [{"name": name, "tricks": [{"id": name}]} for name in FAULTS]
    experiment = parse(
        {
            "name": "Faults",
            "setup": {**TINY, "steps": 30},
            "arms": [{"name": "baseline"}, *arms],
            "seeds": [0],
        }
    )
    work(here)
    id = here.store.launch(experiment)
    baseline, *rows = ended(here, id)
    assert baseline.state == "done" and baseline.attempt == 1
    for row in rows:
        _, how, text, _ = FAULTS[row.arm_name]
        assert (row.state, row.error_kind) == how and text in row.error_text, row
    page = watched(id)
    told = unescaped("\n".join(one.value for one in [*page.error, *page.warning]))
    for row in rows[:3]:  # of one kind three are told in full
        assert f"**{row.arm_name}, seed 0 failed:** {row.error_text.rstrip('.')}." in told
    assert "**diverges, seed 0 diverged:** the loss is not a number" in told
    assert any(one.value.startswith("5 more runs failed") for one in page.caption)
    for row in rows:
        _, (_, kind), _, logged = FAULTS[row.arm_name]
        assert logged in here.log(row.id)
        assert row.attempt == (5 if kind == "killed" else 1)
    page.session_state["log_failure_0"] = True
    page.run()
    (shown,) = page.code
    assert shown.value.endswith("ValueError: a bad <b>number</b>")


def test_of_runs_that_are_trained_together_those_that_go_wrong_fail_and_the_others_go_on(here):
    id = here.store.launch(plan(8, first=500, tricks=[{"id": "sometimes"}], steps=1500))
    work(here)
    rows = ended(here, id)
    failed = [row for row in rows if row.state == "failed"]
    done = [row for row in rows if row.state == "done"]
    assert len(failed) >= 2 and len(done) >= 2 and len(failed) + len(done) == 8
    for row in failed:
        assert row.error_kind == "error" and "ValueError at step" in row.error_text
        assert "it failed among others, and waits to be trained alone" in here.log(row.id)
    for row in done:
        assert row.attempt == 1 and here.store.report(row.id)["stacked"] == 4
    assert set(here.deaths()[row.id] for row in rows) == {0}


def test_a_download_that_is_dead_fails_the_runs_that_need_it_alone(here):
    work(here)
    needs = here.store.launch(plan(2, dataset="kmnist", train_size=100, steps=20))
    other = here.store.launch(plan(1, first=70, steps=20))
    rows = ended(here, needs)
    here.all_done(other)
    for row in rows:
        assert (row.state, row.error_kind) == ("failed", "data")
        assert "kmnist is not on this machine and could not be downloaded" in row.error_text
        assert "Connection refused" in here.log(row.id)
    page = watched(needs)
    (message,) = [one.value for one in page.error]
    assert "could not be downloaded" in unescaped(message) and "2 runs need it" in message
    assert page.button(key="digits_0").label == "Use digits"


def test_a_device_that_is_gone_fails_what_asks_for_it_and_not_what_takes_any(here):
    """Runs that had begun on a card, before the machine was started again without it."""
    from trainer.queue import Queue

    here.command("stop")
    queue = Queue(here.store)
    named = here.store.launch(plan(1, first=80, steps=20, device="cuda:7"))
    either = here.store.launch(plan(1, first=81, steps=20, device="auto"))
    for wish in ("cuda:7", "auto"):
        claim = queue.claim("gone", wish, "cuda:7")
        queue.begin(claim, 1, 1.0)  # that process is long dead
    here.start()
    (row,) = ended(here, named)
    assert row.state == "failed" and row.error_text.startswith("There is no cuda:7 on this machine")
    (message,) = [one.value for one in watched(named).error]
    assert "There is no cuda:7 on this machine; it has auto, cpu" in unescaped(message)
    (row,) = ended(here, either)
    assert row.state == "done" and row.attempt == 2
