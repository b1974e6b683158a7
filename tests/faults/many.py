"""A store in which much has happened: how long each page takes to open, and Launch.

    python -m tests.faults.many [--runs 10000]

The same server's pages, first over an empty store and then over one with so many finished runs, in
experiments of 40 runs with 5 points of 5 metrics each (``filled.py``). The first visit is told by
itself, as it reads what later ones share; then the median of five. Sessions are those of
``sessions.py``: times are the server's and the wire's, without a browser's drawing, from the
request to the last message.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.faults.filled import ARMS, fill, plan
from tests.faults.load import rests
from tests.faults.sessions import serving
from trainer.experiment import pack
from trainer.store import Store

if TYPE_CHECKING:
    from tests.faults.sessions import Server

SEEDS = 10
EACH = SEEDS * (1 + len(ARMS))  # runs of an experiment
AGAIN = 5  # later visits


async def visits(server: Server, what: str, query: str = "", page: str = "") -> None:
    """Open a page some times, one after the other."""
    times = []
    for _ in range(1 + AGAIN):
        async with server.open(query, page) as session:
            times.append(await session.finished(300))
            assert not session.errors, session.errors
    print(f"  {what:38}{times[0]:6.2f} s at first, then {median(times[1:]):.2f} s")


async def every_page(server: Server, ids: list[str], number: int) -> None:
    """All of them, and a launch."""
    async with server.open() as first:
        await first.finished()
        await rests(server)
    await visits(server, "lab")
    if ids:
        await visits(server, "lab, an experiment of 40 runs", f"experiment={ids[-1]}")
    await visits(server, "runs", page="runs")
    await visits(server, "compare", page="compare")
    if ids:
        await visits(server, "compare, 5 experiments", f"experiments={','.join(ids[-5:])}",
                     "compare")  # fmt: skip
    await visits(server, "catalog", page="catalog")
    async with server.open(f"plan={pack(plan(number, SEEDS).dump())}") as session:
        await session.finished()
        await session.rerun(pressed="launch")
        took = await session.finished()
        assert "experiment=" in session.query
    print(f"  {'press Launch':38}{took:6.2f} s")
    print(f"  {'memory of the server':38}{server.process.memory_full_info().uss / 2**20:6.0f} MB")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--runs", type=int, default=10_000)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for count in (0, given.runs // EACH):
            home = Path(folder) / str(count)
            home.mkdir()
            store = Store(home)
            fill(store, count, SEEDS)
            ids = [one.id for one in store.experiments()]
            print(f"\n{count * EACH:,} runs in {count} experiments, "
                  f"{store.path.stat().st_size / 1e6:.0f} MB")  # fmt: skip
            store.close()
            with serving(home) as server:
                asyncio.run(every_page(server, ids, count))


if __name__ == "__main__":
    main()
