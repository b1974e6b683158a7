"""An experiment's JSON in a real browser: pasted and as a file, good and bad."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

WHOLE = {
    "name": "Loaded from a file",
    "setup": {"epochs": 2, "train_size": 100},
    "arms": [{"name": "baseline"}, {"name": "mine", "tricks": [{"id": "mixup"}]}],
    "seeds": [0, 1, 2],
}


def open_dialog(page):
    page.get_by_role("button", name="Load an experiment (JSON)").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def load(dialog) -> None:
    dialog.get_by_role("button", name="Load", exact=True).click()


def upload(dialog, data: bytes) -> None:
    file = {"name": "plan.json", "mimeType": "application/json", "buffer": data}
    dialog.locator("input[type=file]").set_input_files(file)
    expect(dialog.get_by_text("plan.json")).to_be_visible()


@pytest.mark.timeout(300)
def test_what_is_loaded_is_checked_and_nothing_is_lost(page, server):
    page.goto(server.url)
    title = page.get_by_role("heading", level=1)
    expect(title).to_contain_text("Which trick survives")

    dialog = open_dialog(page)
    upload(dialog, b"\x80\xff{")
    load(dialog)
    expect(dialog.get_by_text("this is not JSON")).to_be_visible()
    page.keyboard.press("Escape")
    expect(title).to_contain_text("Which trick survives")

    dialog = open_dialog(page)  # without the file from before
    text = dialog.locator("textarea")
    text.fill('{"name": "half')
    load(dialog)
    expect(dialog.get_by_text("this is not JSON: Unterminated string")).to_be_visible()
    expect(text).to_have_value('{"name": "half')
    text.fill(json.dumps(WHOLE))
    load(dialog)
    expect(title).to_contain_text("Loaded from a file")
    expect(dialog).to_have_count(0)
