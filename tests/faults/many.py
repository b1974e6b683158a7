"""A store in which much has happened: how long each page takes to open, and Launch.

    python -m tests.faults.many [--runs 10000]

The same server's pages, first over an empty store and then over one with so many finished runs, in
experiments of 40 runs with 20 points of 4 metrics each. The first visit is told by itself, as it
reads what later ones share; then the median of five. Sessions are those of ``sessions.py``: times
are the server's and the wire's, without a browser's drawing, from the request to the last message.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import update

from tests.faults.load import rests
from tests.faults.sessions import Server, serving
from trainer.experiment import pack, parse
from trainer.queue import ended
from trainer.reading import add_points
from trainer.reading import pack as pack_points
from trainer.schema import runs
from trainer.store import Store

if TYPE_CHECKING:
    from trainer.experiment import Experiment
    from trainer.queue import Numbers

EACH = 40  # runs of an experiment: 5 arms, 8 seeds
POINTS = 20
AGAIN = 5  # later visits


def plan(number: int) -> Experiment:
    """An experiment that no other shares a run with."""
    arms = [{"name": "baseline"}] + [
        {"name": f"dropout {p}", "tricks": [{"id": "dropout", "knobs": {"p": p}}]}
        for p in (0.1, 0.2, 0.3, 0.4)
    ]
    setup = {"train_size": 400, "epochs": POINTS, "lr": round(0.01 + 1e-5 * number, 6)}
    return parse({"name": f"Plan {number}", "setup": setup, "arms": arms, "seeds": list(range(8))})


def finish(store: Store, id: str) -> None:
    """Write all runs of an experiment to their end."""
    rng = np.random.default_rng(0)
    with store.writes.begin() as db:
        for run in store.runs(id):
            accuracy = 0.7 * (1 - np.exp(-np.arange(1, POINTS + 1) / 5)) + 0.01 * rng.random(POINTS)
            points: list[Numbers] = [
                (13 * (i + 1), key, float(value))
                for i, one in enumerate(accuracy)
                for key, value in (
                    ("test_accuracy", one), ("test_loss", 2 - 2 * one),
                    ("train_loss", 2 - 2.2 * one), ("seconds", 0.05 * i),
                )
            ]  # fmt: skip
            add_points(db, run.id, 1, points)
            pack_points(db, run.id)
            last = {"test_accuracy": points[-4][2], "test_loss": points[-3][2]}
            values = {"attempt": 1, "step": 13 * POINTS, "steps": 13 * POINTS, "seconds": 1.0}
            db.execute(
                update(runs)
                .where(runs.c.id == run.id)
                .values(values | ended("done") | {  # type: ignore[arg-type]
                    "metrics": str(last).replace("'", '"'), "started_at": time.time() - 1,
                })
            )  # fmt: skip


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
    async with server.open(f"plan={pack(plan(number).dump())}") as session:
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
            ids = [one.id for one in store.experiments()]
            for number in range(count):
                ids.append(store.launch(plan(number)))
                finish(store, ids[-1])
            print(f"\n{count * EACH:,} runs in {count} experiments, "
                  f"{store.path.stat().st_size / 1e6:.0f} MB")  # fmt: skip
            store.close()
            with serving(home) as server:
                asyncio.run(every_page(server, ids, count))


if __name__ == "__main__":
    main()
