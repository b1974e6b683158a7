"""Comparing in a real browser: from the runs page to the charts, and a link that opens the same."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from trainer.experiment import parse

CHART = ".tb-chart[data-chart=accuracy] .tb-plot"
MEANS = f"""() => document.querySelector("{CHART}")?.data
  ?.filter(one => one.uid.startsWith("mean-")).map(one => one.y.length) ?? []"""


def experiment(name: str, trick: str, **setup):
    return parse(
        {
            "name": name,
            "setup": {"train_size": 100, "epochs": 3, "network": {"kind": "mlp", "depth": 1}}
            | setup,
            "arms": [{"name": "baseline"}, {"name": trick, "tricks": [{"id": trick}]}],
            "seeds": [0, 1, 2],
        }
    )


@pytest.mark.timeout(300)
def test_experiments_side_by_side_and_a_link_that_opens_the_same(page, server, until):
    first = server.store.launch(experiment("First", "dropout"))
    second = server.store.launch(experiment("Second", "mixup"))
    other = server.store.launch(experiment("Other", "dropout", train_size=200))

    def done() -> bool:
        counts = server.store.counts()
        return all(set(counts[id]) == {"done"} for id in (first, second, other))

    page.goto(f"{server.url}/runs?experiment={first},{second}")
    until(done, 120, "all runs are done")
    expect(page.get_by_text("Done 3")).to_be_visible()  # the page has its quiet rhythm
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    until(lambda: len(page.evaluate(MEANS)) == 3, 60, "a mean for each of three groups")
    expect(page.locator(".tb-card")).to_have_count(3)
    table = page.locator(".st-key-compare_groups table").first
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(table).to_contain_text("too few seeds")

    page.goto(f"{server.url}/compare?experiments={first},{other}")
    notice = page.locator(".st-key-unfair")
    expect(notice).to_contain_text("100 against 200 training examples")
    until(lambda: len(page.evaluate(MEANS)) == 2, 60, "those that can be compared are drawn")
    notice.get_by_role("button", name="Show them apart").click()
    until(lambda: len(page.evaluate(MEANS)) == 4, 60, "all four groups are drawn")
    expect(page.locator(".st-key-compare_groups tr.apart")).to_have_count(2)
    assert "apart=1" in page.url

    page.goto(page.url)
    until(lambda: len(page.evaluate(MEANS)) == 4, 60, "the link opens the same")
    page.set_viewport_size({"width": 800, "height": 900})
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, "nothing sticks out of a narrow page"
