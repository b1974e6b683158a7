"""What the tests of the planning page share: what stands on it, and hands that change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.experiment import unpack
from tricks import catalog

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


def text(page: AppTest) -> str:
    """Everything in words on the page."""
    parts = [*page.title, *page.markdown, *page.caption]
    messages = [*page.error, *page.warning]
    said = [one.value for one in parts] + [f"{one.proto.title} {one.value}" for one in messages]
    html = [one.proto.body for one in page.get("html")]
    return "\n".join(said + html)


def bar(page: AppTest) -> str:
    said = [one.value for one in page.markdown]
    return next(one for one in said if " run" in one or "to launch" in one)


def widget(page: AppTest, kind: str, name: str):
    """A widget that shows a part of the draft; its key may have a number behind its name."""
    found = [one for one in page.get(kind) if one.key and one.key.split("__")[0] == name]
    assert len(found) == 1, (name, [one.key for one in page.get(kind)])
    return found[0]


def plan(page: AppTest) -> dict:
    value = page.query_params["plan"]
    return unpack(value[0] if isinstance(value, list) else value)


def tick(page: AppTest, *tricks: str) -> AppTest:
    for one in tricks:
        unfold(page, catalog()[one].family())
        widget(page, "checkbox", f"tick_{one}").check().run()
    return page


def unfold(page: AppTest, *families: str) -> AppTest:
    """Open families in the list; AppTest cannot click on their headings."""
    known = dict(page.session_state["opened_families"])
    page.session_state["opened_families"] = known | dict.fromkeys(families, True)
    return page.run()
