"""The main journey as a person goes it: launch, watch, reload, stop, and a server that dies."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

LAUNCH = re.compile(r"^Launch\b")  # its name goes on with the shortcut
ENDED = {"done", "diverged", "failed", "stopped"}

# Everything that the charts hold: numbers, not gaps between runs.
DRAWN = """() => [...document.querySelectorAll(".tb-live .js-plotly-plot")]
  .flatMap(plot => plot.data ?? []).flatMap(trace => [...(trace.y ?? [])])
  .filter(Number.isFinite).length"""


def drawn(page) -> int:
    """How many points all charts hold now."""
    return page.evaluate(DRAWN)


def launch(page, server, until) -> str:
    """Open the lab and press Launch, nothing else; the experiment's id."""
    page.goto(server.url)
    page.get_by_role("button", name=LAUNCH).click()
    page.wait_for_url(re.compile(r"[?&]experiment="))
    experiment = re.search(r"experiment=(\w+)", page.url)[1]
    first_point(page, server, until, experiment)
    return experiment


def first_point(page, server, until, experiment) -> None:
    """Wait for it; if it does not come, tell what the page, the store and the worker say."""
    try:
        until(lambda: drawn(page) > 0, 180, "a point is drawn")
    except pytest.fail.Exception as missing:
        runs = [(run.state, run.step) for run in server.store.runs(experiment)]
        logs = [file.read_text()[-2000:] for file in server.home.rglob("*.log")]
        shown = page.locator("section.main, .stMain").first.inner_text()
        found = [str(missing), shown, str(runs), str(server.store.worker()), *logs]
        pytest.fail("\n\n".join(found))


def stop_button(page):
    """Ours: Streamlit has one of its own in the corner."""
    return page.locator(".st-key-stop").get_by_role("button")


def states(server, experiment) -> set[str]:
    return {run.state for run in server.store.runs(experiment)}


def steps(server, experiment) -> int:
    return sum(run.step for run in server.store.runs(experiment))


@pytest.mark.timeout(600)
def test_from_the_first_visit_to_a_verdict(page, server, until, capsys):
    began = time.monotonic()
    page.goto(server.url)
    button = page.get_by_role("button", name=LAUNCH)
    expect(button).to_be_enabled()
    planned = time.monotonic()
    button.click()
    page.wait_for_url(re.compile(r"[?&]experiment="))
    experiment = re.search(r"experiment=(\w+)", page.url)[1]
    first_point(page, server, until, experiment)
    first = time.monotonic()

    # A reload in mid-run loses nothing.
    until(lambda: drawn(page) > 100, 90, "a hundred points are drawn")
    assert not states(server, experiment) <= ENDED
    before = drawn(page)
    page.reload()
    until(lambda: drawn(page) >= before, 60, f"the {before} points are drawn again")
    expect(page.get_by_text("Too early for a verdict")).to_be_visible()
    assert not states(server, experiment) <= ENDED

    until(lambda: states(server, experiment) <= ENDED, 400, "all runs have ended")
    ended = time.monotonic()
    results = page.locator(".st-key-results")
    expect(results.get_by_role("table")).to_be_visible()
    runs = server.store.runs(experiment)
    assert {run.state for run in runs} == {"done"}
    arms = server.store.experiment(experiment).experiment.arms
    assert len(arms) == 4
    for arm in arms:
        row = results.get_by_role("row", name=re.compile(rf"^{arm.name}\b", re.I))
        expect(row).to_be_visible()
    expect(page.get_by_text("Too early for a verdict")).to_have_count(0)
    expect(stop_button(page)).to_have_count(0)
    with capsys.disabled():
        print(
            f"\nthe lab after {planned - began:.1f} s; after Launch the first point in "
            f"{first - planned:.1f} s, {len(runs)} runs done in {ended - planned:.0f} s"
        )


@pytest.mark.timeout(400)
def test_stop_keeps_what_was_drawn(page, server, until):
    experiment = launch(page, server, until)
    until(lambda: drawn(page) > 50, 60, "fifty points are drawn")
    stop_button(page).click()
    until(lambda: states(server, experiment) <= ENDED, 15, "all runs have stopped")
    assert "stopped" in states(server, experiment)
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    kept, done = drawn(page), steps(server, experiment)
    assert kept > 50
    page.reload()
    until(lambda: drawn(page) >= kept, 60, f"the {kept} points are drawn again")
    assert steps(server, experiment) == done


@pytest.mark.timeout(400)
def test_runs_go_on_while_the_server_is_away(page, server, until):
    experiment = launch(page, server, until)
    server.end()
    left = steps(server, experiment)
    until(lambda: steps(server, experiment) > left, 30, "runs go on without a server")
    before = drawn(page)
    server.start()
    page.goto(f"{server.url}/?experiment={experiment}")
    until(lambda: drawn(page) >= before, 60, "the curves are drawn by the new server")
