"""A workshop behind a login instead of passcodes: Streamlit's own, with a provider of our own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.provider import Provider


@pytest.fixture
def provider(missing) -> Iterator[Provider]:
    if not (find_spec("authlib") and find_spec("httpx") and find_spec("joserfc")):
        missing("there is no Authlib: pip install -r tests/requirements.txt")
    from tests.browser.provider import Provider

    one = Provider()
    yield one
    one.close()


@pytest.fixture
def server(home, provider, monkeypatch) -> Iterator[Server]:
    """A workshop whose secrets have a section ``[auth]``."""
    one = Server(home)
    file = home / "secrets.toml"
    file.write_text(
        f'[auth]\nredirect_uri = "{one.url}/oauth2callback"\ncookie_secret = "{"x" * 40}"\n'
        f'client_id = "{provider.client}"\nclient_secret = "{provider.secret}"\n'
        f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
    )
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(file))
    monkeypatch.setenv("TRICKBOARD_WORKSHOP", "1")
    monkeypatch.setenv("TRICKBOARD_HOSTS", "somebody@example.org, Teacher@Example.org")
    one.start()
    try:
        yield one
    finally:
        one.end()
        one.end_worker()


def another(browser: Browser) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(30_000)
    return page


def log_in(page: Page, who: str) -> None:
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=f"I am {who}").click()
    expect(page.locator(".st-key-whoami")).to_be_visible()


def cookies(page: Page) -> set[str]:
    return {one["name"] for one in page.context.cookies()}


def test_people_log_in_and_see_their_own_and_the_host_sees_all(server, page, browser):
    page.goto(server.url)
    expect(page.get_by_text("This server is shared. Log in")).to_be_visible()
    expect(page.locator(".st-key-launch")).to_have_count(0)  # a stranger gets no further
    log_in(page, "ada")
    expect(page.locator(".st-key-whoami")).to_contain_text("Ada")
    page.locator(".st-key-launch button").click()
    expect(page.locator(".st-key-stop button")).to_be_visible()
    (row,) = server.store.experiments()
    assert row.owner.startswith("Ada#")
    watched = page.url
    page.reload()
    expect(page.locator(".st-key-stop button")).to_be_visible()

    guest = another(browser)
    guest.goto(server.url)
    log_in(guest, "mallory")  # with the host's e-mail, which nobody has checked
    guest.goto(watched)
    expect(guest.get_by_text("is somebody else's experiment")).to_be_visible()
    guest.context.close()

    host = another(browser)
    host.goto(server.url)
    log_in(host, "teacher")
    host.goto(watched)
    host.locator(".st-key-stop button").click()
    expect(page.get_by_role("button", name="Go on").first).to_be_visible()
    host.context.close()

    assert "_streamlit_user" in cookies(page)
    page.locator(".st-key-whoami button").click()
    page.get_by_role("button", name="Log out").click()
    # The page shows at once that nobody is logged in. The browser is still on its way: to where its
    # cookie is taken, and from there to the first page; until it is there it goes nowhere else.
    page.wait_for_url(lambda url: "experiment" not in url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert "_streamlit_user" not in cookies(page)
    page.goto(watched)
    expect(page.get_by_text("This server is shared. Log in")).to_be_visible()
