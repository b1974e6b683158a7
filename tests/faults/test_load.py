"""A few real sessions of a real server at once: they see the same. The long form is load.py."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from tests.faults.load import PASSCODES, done, launched, plan
from tests.faults.sessions import curves, serving
from trainer.store import Store


def test_sessions_of_one_experiment_see_the_same_points(home):
    async def watch(server):
        store = Store(home)
        id = store.launch(plan(0, 2, 20))
        async with AsyncExitStack() as stack:
            pages = [
                await stack.enter_async_context(server.open(f"experiment={id}")) for _ in range(3)
            ]
            await asyncio.gather(*(page.finished() for page in pages))
            await done(store, id)
            for page in pages:
                await page.until(
                    lambda page=page: curves(page).get("state") == "done", 60, "the last update"
                )
            return pages, [curves(page) for page in pages]

    with serving(home) as server:
        pages, seen = asyncio.run(watch(server))
    assert [page.errors for page in pages] == [[], [], []]
    assert seen[0] == seen[1] == seen[2]
    lines = [one for chart in seen[0]["charts"] for one in chart["lines"]]
    assert sum(one["kind"] == "single" for one in lines) >= 4, "every run of both arms"
    assert all(len(page.changes) > 1 for page in pages), "they followed it while it was trained"


def test_people_of_a_workshop_launch_beside_each_other(home):
    async def launch(server):
        code = PASSCODES["TRICKBOARD_PASSCODE"]
        cookies = [server.enter(name, code) for name in ("Ada", "Bob", "Cyd")]
        return await asyncio.gather(*(launched(server, i, one) for i, one in enumerate(cookies)))

    with serving(home, **PASSCODES) as server:
        found = asyncio.run(launch(server))
    rows = Store(home).experiments()
    assert sorted(row.owner.partition("#")[0] for row in rows) == ["Ada", "Bob", "Cyd"]
    assert [page.errors for _, _, page in found] == [[], [], []]
    watched = {page.query.partition("experiment=")[2] for _, _, page in found}
    assert watched == {row.id for row in rows}
