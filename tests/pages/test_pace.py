"""The more pages are open, the less often each is drawn again."""

from __future__ import annotations

import asyncio

import pytest

from pages.parts import pace as crowd
from pages.parts.door import Door
from pages.parts.pace import PACES, ROOM, SHARE, UPDATE, pace
from pages.parts.watch import SLOW_TICK, Built
from tests.pages.bench import Bench, plan


@pytest.fixture
def open_pages(monkeypatch):
    """Says how many pages are open."""

    def say(count: int) -> None:
        monkeypatch.setitem(crowd.open_pages, "", count)

    yield say


def test_one_page_is_as_quick_as_can_be(open_pages):
    open_pages(1)
    assert pace() == PACES[0] == 0.5


def test_all_pages_together_keep_to_their_share(open_pages):
    paces = []
    for count in range(101):
        open_pages(count)
        paces.append(pace())
        assert count * UPDATE / pace() <= SHARE
    assert paces == sorted(paces)
    assert paces[30] == 2.0


def test_a_page_that_comes_and_goes_does_not_change_the_pace_of_the_others(open_pages):
    slowed = next(count for count in range(100) if count * UPDATE > SHARE * PACES[0])
    open_pages(slowed)
    slow = pace(PACES[0])
    assert slow == PACES[1]
    open_pages(slowed - 1)
    assert pace(slow) == slow and pace() == PACES[0]
    open_pages(int((slowed - 1) / ROOM))
    assert pace(slow) == PACES[0]


def test_a_watching_page_is_built_anew_when_its_pace_is_another(open_pages, home):
    bench = Bench(home)
    bench.launch(plan(seeds=1))
    look = bench.look()
    open_pages(1)
    young = Built(phase=look.phase, tick=pace())
    old = Built(phase=look.phase, tick=pace(), at=young.at - SLOW_TICK - 1)
    ended = Built(phase=look.phase, tick=None, at=old.at)
    assert young.holds(look) and old.holds(look)
    open_pages(60)
    assert young.holds(look), "while others open their pages nothing is built twice"
    assert not old.holds(look)
    assert ended.holds(look), "without a clock there is no pace"
    assert not Built(phase=(not look.active, False), tick=0.5).holds(look)


def test_the_door_counts_for_the_pace():
    async def inside(scope, receive, send):
        counts.append(crowd.open_pages.total())

    counts: list[int] = []
    door = Door(inside, open=crowd.open_pages)
    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": []}
    before = crowd.open_pages.total()
    asyncio.run(door(scope, None, None))
    assert counts == [before + 1] and crowd.open_pages.total() == before
