"""What is taken away, in a real browser: the report opens without a network, by day and night."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from trainer.experiment import parse
from trainer.queue import Queue

GROUND = "getComputedStyle(document.body).backgroundColor"
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
CLIPPED = """() => [...document.querySelectorAll("figure .lines path.mean")]
  .filter(one => one.getBoundingClientRect().width < 50).length"""


def train(store) -> str:
    """A finished experiment: nothing was really trained."""
    plan = {
        "name": "A report?",
        "setup": {"steps": 40, "train_size": 320},
        "arms": [
            {"name": "baseline", "tricks": []},
            {"name": "mixup", "tricks": [{"id": "mixup"}, {"id": "one_cycle"}]},
        ],
        "seeds": list(range(8)),
    }
    id = store.launch(parse(plan))
    queue = Queue(store)
    while claim := queue.claim("bench", "auto", "cpu"):
        best = 0.7 + 0.1 * bool(claim.run.arm.tricks) + claim.run.seed / 1000
        points = [
            (step, key, value)
            for step in range(0, 41, 10)
            for key, value in (
                ("test_accuracy", 0.1 + (best - 0.1) * step / 40),
                ("test_loss", 2.3 - step / 40),
                ("seconds", step / 10),
            )
        ]
        metrics = {"test_accuracy": best, "test_loss": 1.3}
        queue.finish(claim, points, state="done", steps=40, seconds=4.0, metrics=metrics)
    return id


@pytest.mark.timeout(300)
def test_the_report_opens_without_a_network(page, server, browser, tmp_path):
    id = train(server.store)
    page.goto(f"{server.url}/?experiment={id}")
    page.get_by_role("button", name="Take away").click(timeout=60_000)
    page.get_by_role("menuitem", name="Report (HTML)").click()
    with page.expect_download(timeout=60_000) as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    assert download.value.suggested_filename == f"a-report-{id}.html"
    report = tmp_path / "report.html"
    download.value.save_as(report)

    context = browser.new_context(offline=True, viewport={"width": 1440, "height": 900})
    asked: list[str] = []
    alone = context.new_page()
    alone.on("request", lambda request: asked.append(request.url))
    alone.emulate_media(color_scheme="light")
    alone.goto(report.as_uri())
    expect(alone.get_by_role("heading", level=1)).to_have_text("A report?")
    expect(alone.get_by_text("mixup is better than the baseline.", exact=False)).to_be_visible()
    row = alone.locator(".forest").get_by_role("row", name="mixup")
    expect(row).to_contain_text("+10.0")
    drawn = alone.get_by_role("img", name="Test accuracy at the end: baseline 70.4 %")
    expect(drawn).to_be_visible()
    assert alone.evaluate(CLIPPED) == 0
    day = alone.evaluate(GROUND)
    alone.emulate_media(color_scheme="dark")
    night = alone.evaluate(GROUND)
    assert day == "rgb(251, 250, 247)" and night == "rgb(17, 23, 28)"
    for width in (1440, 800, 400):
        alone.set_viewport_size({"width": width, "height": 900})
        assert not alone.evaluate(WIDE), f"it is wider than {width} pixels"
    assert asked == [report.as_uri()]
    context.close()
