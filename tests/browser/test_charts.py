"""What a chart gives away in a real browser: pictures, numbers, its table, the whole screen."""

from __future__ import annotations

import csv
import io
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.pages.bench import Bench, plan
from tests.pages.test_charts import combinations
from tests.pages.test_diagnosis import report

READY = """() => [...document.querySelectorAll(".tb-plot")].every(plot => plot.data)
  && document.querySelectorAll(".tb-plot").length > 3"""
SVG = "{http://www.w3.org/2000/svg}"


def opened(page, server, experiment, more=""):
    """The page of an experiment whose runs are done."""
    bench = Bench(server.home)
    bench.launch(experiment)
    while claim := bench.claim():
        bench.train(claim, report=report())
    page.goto(f"{server.url}/?experiment={bench.id}{more}")
    page.wait_for_function(READY, timeout=90_000)
    return bench.look()


def taken(page, figure, kind):
    """A file that the figure's menu gives: its name and its bytes."""
    figure.get_by_role("button", name="Chart menu").click()
    with page.expect_download() as download:
        figure.get_by_role("menuitem", name=kind).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def words(svg):
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return " ".join("".join(one.itertext()) for one in root.iter(f"{SVG}text"))


@pytest.mark.timeout(300)
def test_what_the_menus_give_away(page, server):
    look = opened(page, server, plan(seeds=6))
    curve = page.locator("[data-chart=accuracy]")
    name, data = taken(page, curve, "CSV")
    assert name == "Which-one-wins_Test-accuracy.csv"
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert list(rows[0]) == ["arm", "kind", "x", "y", "low", "high"]
    (last,) = [row for row in rows if row["arm"] == "dropout" and row["kind"] == "mean"
               and row["x"] == "4"]  # fmt: skip
    ends = [run.metrics["test_accuracy"] for run in look.runs if run.arm_name == "dropout"]
    assert float(last["y"]) == pytest.approx(100 * sum(ends) / 6, rel=1e-3)
    assert float(last["low"]) < float(last["y"]) < float(last["high"])
    assert {row["kind"] for row in rows} == {"mean", *(f"run, seed {i}" for i in range(6))}

    name, data = taken(page, curve, "SVG")
    said = words(data.decode())
    assert "Test accuracy" in said and "95 % t band, n = 6" in said and "Which *one* wins?" in said
    assert said.count("dropout") == 1, "the legend names every arm once"
    name, data = taken(page, curve, "PNG")
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and name.endswith(".png")
    assert struct.unpack(">II", data[16:24]) == (1920, 1200)

    page.locator(".tb-card").nth(1).click()
    name, data = taken(page, curve, "CSV")
    assert b"dropout" not in data, "what is hidden is left out"

    forest = page.locator(".tb-forest figure")
    said = words(taken(page, forest, "SVG")[1].decode())
    assert "dropout" in said and "95 % t interval of the mean paired difference" in said
    rows = list(csv.DictReader(io.StringIO(taken(page, forest, "CSV")[1].decode())))
    assert [row["x"] for row in rows] == ["0", "1", "2", "3", "4", "5", ""]

    matrix = page.locator(".tb-sheet figure").filter(has_text="Called what")
    data = taken(page, matrix, "CSV")[1].decode().splitlines()
    assert data == [",0,1", "0,4.0,1.0", "1,2.0,3.0"]
    assert taken(page, matrix, "PNG")[1][:4] == b"\x89PNG"
    sure = page.locator(".tb-sheet figure").filter(has_text="How sure, how right")
    assert "n = 6" in words(taken(page, sure, "SVG")[1].decode())


@pytest.mark.timeout(300)
def test_the_menu_by_keyboard_the_table_and_the_whole_screen(page, server):
    opened(page, server, plan(seeds=6))
    curve = page.locator("[data-chart=difference]")
    button = curve.get_by_role("button", name="Chart menu: Accuracy minus baseline")
    button.focus()
    page.keyboard.press("ArrowDown")
    expect(curve.get_by_role("menu")).to_be_visible()
    expect(curve.get_by_role("menuitem", name="PNG")).to_be_focused()
    page.keyboard.press("Escape")
    expect(curve.get_by_role("menu")).to_have_count(0)
    expect(button).to_be_focused()

    page.keyboard.press("ArrowUp")
    expect(curve.get_by_role("menuitemcheckbox", name="Table")).to_be_focused()
    page.keyboard.press("Enter")
    table = curve.get_by_role("table")
    expect(table).to_contain_text("Accuracy minus baseline: points, 95 % t band, n = 6.")
    expect(table.get_by_role("columnheader")).to_have_text(["epoch", "dropout"])
    expect(table.get_by_role("row")).to_have_count(6)
    expect(curve.locator(".tb-plot")).to_be_hidden()
    button.click()
    curve.get_by_role("menuitemcheckbox", name="Table").click()
    expect(table).to_have_count(0)

    button.click()
    curve.get_by_role("menuitem", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement?.dataset.chart === 'difference'")
    legend = curve.locator(".legendtext")
    expect(legend).to_have_text(["dropout"])
    page.evaluate("document.exitFullscreen()")
    expect(legend).to_have_count(0)


@pytest.mark.timeout(300)
def test_effects_are_drawn_and_taken_away(page, server):
    opened(page, server, combinations(2, 6))
    heat = page.locator(".tb-heat")
    expect(heat.get_by_role("row")).to_have_count(3)
    rows = list(csv.DictReader(io.StringIO(taken(page, heat, "CSV")[1].decode())))
    assert [row["arm"] for row in rows] == ["dropout", "mixup", "dropout × mixup"]
    said = words(taken(page, page.locator(".tb-effects"), "SVG")[1].decode())
    assert "dropout × mixup" in said and "Holm over 3 effects" in said


@pytest.mark.timeout(300)
def test_presenting_fits_on_one_screen_and_escape_leaves(page, server):
    page.set_viewport_size({"width": 1280, "height": 720})
    opened(page, server, plan(arms=("baseline", "dropout", "mixup", "one_cycle"), seeds=6),
           "&present=1")  # fmt: skip
    size = page.evaluate("() => getComputedStyle(document.documentElement).fontSize")
    assert size == "19px"
    for hidden in ("stSidebar", "stHeader"):
        expect(page.get_by_test_id(hidden)).not_to_be_visible()
    for chart in ("accuracy", "loss", "rate"):
        box = page.locator(f"[data-chart={chart}] .tb-plot").bounding_box()
        assert box["height"] >= 180 and box["y"] + box["height"] <= 720
    curve = page.locator("[data-chart=accuracy]")
    curve.get_by_role("button", name="Chart menu").click()
    page.keyboard.press("Escape")
    expect(curve.get_by_role("menu")).to_have_count(0)
    assert "present=1" in page.url, "this Escape closed the menu"
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    page.wait_for_url(lambda url: "present" not in url)
    page.get_by_role("button", name="Present").click()
    page.wait_for_url(lambda url: "present=1" in url)
