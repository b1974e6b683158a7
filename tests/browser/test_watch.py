"""The live charts in a real browser: what a person did to them outlives every update."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from trainer.experiment import parse

PLOT = ".tb-chart[data-chart=accuracy] .tb-plot"
RANGES = f"""() => {{
  const {{ xaxis, yaxis }} = document.querySelector("{PLOT}")._fullLayout;
  return [...xaxis.range, ...yaxis.range].map(one => +one.toFixed(6));
}}"""
DATA = f"""() => JSON.stringify(document.querySelector("{PLOT}")?.data?.map(one => one.y) ?? [])"""
SHOWN = f"""() => document.querySelector("{PLOT}").data
  .filter(one => one.uid.endsWith("-1") && one.visible).length"""
COLORS = f"""() => document.querySelector("{PLOT}").data
  .filter(one => one.uid.startsWith("mean-")).map(one => one.line.color)"""
FIGURES = """() => JSON.stringify([...document.querySelectorAll(".tb-plot")].map(plot =>
  [plot.data.map(one => [one.uid, one.y]), plot.layout.xaxis.type, plot.layout.yaxis.type,
   plot.layout.xaxis.title.text]))"""

ALL_DRAWN = """() => [...document.querySelectorAll(".tb-plot")].every(plot => plot.data)"""


def experiment(seeds: int, **budget):
    return parse(
        {
            "name": "A live one",
            "setup": {"train_size": 400, "network": {"kind": "mlp", "depth": 2}} | budget,
            "arms": [
                {"name": "baseline", "tricks": []},
                {"name": "dropout", "tricks": [{"id": "dropout"}]},
            ],
            "seeds": list(range(seeds)),
        }
    )


def watched(page, server, until, experiment_id: str, more: str = "") -> None:
    page.goto(f"{server.url}/?experiment={experiment_id}{more}")
    expect(page.locator(f"{PLOT} .main-svg").first).to_be_visible(timeout=60_000)
    until(lambda: len(page.evaluate(DATA)) > 100, 90, "curves are drawn")


def state(page) -> str:
    return page.locator(".tb-live").get_attribute("data-state")


@pytest.mark.timeout(300)
def test_zoom_and_hidden_arms_outlive_updates_and_a_reload(page, server, until):
    id = server.store.launch(experiment(8, epochs=400))
    watched(page, server, until, id)
    page.evaluate(f'window.kept = document.querySelector("{PLOT} .main-svg")')

    box = page.locator(PLOT).bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 160, steps=5)
    page.mouse.up()
    page.mouse.move(box["x"] + 100, box["y"] - 30)
    arm = page.locator(".tb-card").nth(1)
    arm.click()
    expect(arm).to_have_attribute("aria-pressed", "false")
    page.wait_for_function(f"({SHOWN})() === 0")
    zoom = page.evaluate(RANGES)
    assert zoom[0] > 0 and zoom[1] < 400

    seen = set()

    def five_updates() -> bool:
        seen.add(page.evaluate(DATA))
        assert page.evaluate(RANGES) == zoom
        assert page.evaluate(SHOWN) == 0
        return len(seen) > 5

    until(five_updates, 120, "five updates came")
    assert state(page) == "running"
    assert page.evaluate(f'window.kept === document.querySelector("{PLOT} .main-svg")')

    page.reload()
    until(lambda: len(page.evaluate(DATA)) > 100, 90, "curves are drawn again")
    assert page.evaluate(RANGES) == zoom
    assert page.evaluate(SHOWN) == 0

    page.locator(PLOT).dblclick(position={"x": 200, "y": 100})
    until(lambda: page.evaluate(RANGES)[:2] == [0, 400], 10, "the first zoom is back")
    arm.click()
    until(lambda: page.evaluate(SHOWN) > 0, 10, "the arm is shown again")
    page.locator(".st-key-stop button").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible(timeout=30_000)


@pytest.mark.timeout(300)
def test_a_finished_one_in_another_browser_and_another_theme(page, server, browser, until):
    id = server.store.launch(experiment(3, epochs=4))
    watched(page, server, until, id, "&axis=step&runs=0&smoothing=0.5&bands=perhaps")
    # The page turns to its finished face by itself.
    until(lambda: state(page) == "done", 120, "all runs have ended")
    results = page.locator(".st-key-results")
    expect(results.get_by_role("row", name=re.compile("^dropout"))).to_be_visible()
    sentence = page.locator(".st-key-verdict")
    expect(sentence).to_contain_text("Too few seeds for a verdict: 3 of the 6")

    page.get_by_text("Log loss", exact=True).click()
    page.wait_for_url(re.compile("logloss=1"))
    loss = 'document.querySelector("[data-chart=loss] .tb-plot").layout.yaxis.type'
    until(lambda: page.evaluate(loss) == "log", 20, "the loss is logarithmic")
    until(lambda: page.evaluate(ALL_DRAWN), 20, "the charts below are drawn too")
    drawn = page.evaluate(FIGURES)
    assert "single-" not in drawn and "raw-0" in drawn and "high-0" in drawn
    other = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    other.goto(page.url)
    expect(other.locator(f"{PLOT} .main-svg").first).to_be_visible(timeout=60_000)
    until(lambda: other.evaluate(ALL_DRAWN), 30, "the other page draws all of them")
    until(
        lambda: other.evaluate(FIGURES) == page.evaluate(FIGURES), 30, "the same picture is drawn"
    )
    other.context.close()

    page.emulate_media(color_scheme="light")
    until(lambda: page.evaluate(COLORS) == ["#3F474F", "#1F5FD0"], 20, "the colors of the day")
    page.emulate_media(color_scheme="dark")
    until(lambda: page.evaluate(COLORS) == ["#868E96", "#3A9DFF"], 20, "the colors of the night")
