"""A server that is killed, two servers on one store, and a port that is taken."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, Server
from tests.browser.test_journey import DRAWN
from tests.faults.crew import plan
from trainer.workers import is_locked


@pytest.fixture
def second(server):
    """Another server with the same home."""
    one = Server(server.home)
    one.start()
    yield one
    one.end()


def states(server, experiment):
    return [run.state for run in server.store.runs(experiment)]


def steps(server, experiment):
    return sum(run.step for run in server.store.runs(experiment))


@pytest.mark.timeout(600)
def test_a_server_that_is_killed_takes_no_run_with_it(page, server, until):
    experiment = server.store.launch(plan(2, steps=12_000))
    page.goto(f"{server.url}/?experiment={experiment}")  # a page that is open starts the worker
    until(lambda: steps(server, experiment) > 0, 180, "a run makes steps")
    worker = server.store.worker().pid
    family = psutil.Process(server.process.pid).children(recursive=True)
    server.process.kill()
    server.process.wait(15)
    left = steps(server, experiment)
    until(lambda: steps(server, experiment) > left, 30, "runs go on without a server")
    server.start()
    page.goto(f"{server.url}/?experiment={experiment}")
    until(lambda: set(states(server, experiment)) == {"done"}, 180, "all runs are done")
    expect(page.get_by_role("heading", name="Faults")).to_be_visible()
    assert {run.attempt for run in server.store.runs(experiment)} == {1}
    assert server.store.worker().pid == worker in {one.pid for one in family}


@pytest.mark.timeout(600)
def test_two_servers_share_a_store_and_its_one_worker(page, server, second, until):
    other = page.context.new_page()
    page.goto(server.url)
    other.goto(second.url)
    until(lambda: is_locked(server.home), 180, "there is a worker")
    experiment = server.store.launch(plan(2, first=10, steps=3_000))
    page.goto(f"{server.url}/?experiment={experiment}")
    other.goto(f"{second.url}/?experiment={experiment}")
    until(lambda: set(states(server, experiment)) == {"done"}, 180, "all runs are done")
    for one in (page, other):
        expect(one.get_by_role("heading", name="Faults")).to_be_visible()
        until(lambda one=one: one.evaluate(DRAWN) > 100, 60, "the curves are drawn")
    workers = [
        one
        for one in psutil.process_iter(["cmdline"])
        if {"worker", str(server.store.path)} <= set(one.info["cmdline"] or [])
    ]
    assert len(workers) == 1
    assert {run.attempt for run in server.store.runs(experiment)} == {1}


def test_a_port_that_is_taken_is_told_and_the_first_server_stays(server):
    """Streamlit's own words; the README says which port to name instead."""
    options = [f"--server.port={server.port}", "--server.headless=true"]
    second = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", *options],
        cwd=ROOT, env=os.environ | {"TRICKBOARD_HOME": str(server.home)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert second.returncode != 0
    assert f"Port {server.port} is not available" in second.stdout + second.stderr
    assert "Traceback" not in second.stdout + second.stderr
    assert server.answers()
