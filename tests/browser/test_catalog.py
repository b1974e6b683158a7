"""The catalog in a real browser: a tile opens its card without losing the session, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_tiles_cards_language_and_the_way_back(server, page: Page) -> None:
    page.goto(server.url)
    page.locator(".st-key-family_schedule summary").click()
    page.locator(".st-key-row_one_cycle label").first.click()
    page.wait_for_selector(".arm >> text=one cycle")
    arms = page.locator(".arm").count()

    page.get_by_test_id("stTopNav").get_by_role("link", name="Catalog").click()
    page.wait_for_selector(".tb-tile")
    page.get_by_text("中文", exact=True).click()
    page.wait_for_url("**/catalog?lang=zh")
    page.get_by_placeholder("搜索").fill("混合")
    page.wait_for_function("document.querySelectorAll('.tb-tile').length < 20")

    page.locator('.tb-tile[data-trick="mixup"]').click()
    page.wait_for_selector("dl.facts")
    assert "trick=mixup" in page.url and "lang=zh" in page.url
    page.go_back()
    page.wait_for_selector('.tb-tile[data-trick="mixup"]')
    assert "trick=" not in page.url
    assert page.get_by_placeholder("搜索").input_value() == "混合"

    page.get_by_test_id("stTopNav").get_by_role("link", name="Lab").click()
    page.wait_for_selector(".arm >> text=one cycle")
    assert page.locator(".arm").count() == arms, "the plan waited"


def test_an_anchor_leads_to_its_family(server, page: Page) -> None:
    page.goto(f"{server.url}/catalog#schedule")
    page.wait_for_selector("#schedule")
    page.wait_for_function(
        "(() => { const y = document.getElementById('schedule').getBoundingClientRect().top;"
        " return y >= 40 && y < 200 })()"
    )
