"""A workshop in real browsers: through the door, and the same person after a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GUEST, HOST = "tea-and-42", "kettle-on-1234"


@pytest.fixture(autouse=True)
def a_workshop(monkeypatch):
    """Before the server starts: it takes on this environment."""
    monkeypatch.setenv("TRICKBOARD_WORKSHOP", "1")
    monkeypatch.setenv("TRICKBOARD_PASSCODE", GUEST)
    monkeypatch.setenv("TRICKBOARD_HOST_PASSCODE", HOST)


def enter(page: Page, name: str, passcode: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Passcode").fill(passcode)
    page.get_by_role("button", name="Enter").click()


def another(browser: Browser) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(30_000)
    return page


def test_people_come_in_and_stay_who_they_are(server, page, browser):
    page.goto(server.url)
    expect(page.get_by_role("heading", name="Come in")).to_be_visible()
    enter(page, "Ada", "a wrong one")
    expect(page.get_by_role("alert")).to_contain_text("not the passcode")
    expect(page.get_by_label("Your name")).to_have_value("Ada")
    enter(page, "Ada", GUEST)
    page.locator(".st-key-launch button").click()
    expect(page.locator(".st-key-stop button")).to_be_visible()
    (row,) = server.store.experiments()
    assert row.owner.startswith("Ada#")

    page.reload()
    expect(page.locator(".st-key-stop button")).to_be_visible()
    expect(page.locator(".st-key-whoami")).to_contain_text("Ada")
    assert "trickboard" not in page.evaluate("document.cookie")

    other = another(browser)
    other.goto(page.url)
    enter(other, "Bob", GUEST)
    expect(other.get_by_text("is somebody else's experiment")).to_be_visible()
    assert other.url == page.url, "the door leads to where one wanted to go"
    other.context.close()

    host = another(browser)
    host.goto(page.url)
    enter(host, "Teacher", HOST)
    host.locator(".st-key-stop button").click()
    expect(host.get_by_role("button", name="Go on").first).to_be_visible()
    expect(page.get_by_role("button", name="Go on").first).to_be_visible()
    host.context.close()

    page.goto(f"{server.url}/leave")
    expect(page.get_by_role("heading", name="Come in")).to_be_visible()
