"""Thirty people at once: what they wait for, what they cost, whether the queue is fair to them.

    python tests/faults/load.py [--people 30] [--rounds 3] [--epochs 240] [--part launching]

The server has shown a page before and rests. Two parts:

watching   The same experiment is trained again and again, in turn with nobody and with everybody
           watching it: how long a page takes to open, how long an update takes, what the server
           needs, and how much longer the same runs take: all of them, and those that began when
           every page was open.
launching  A workshop: everybody comes in through the door, opens the lab with a plan of their own
           and presses Launch, all at the same time: how long that takes, and how many runs begin
           before the last person's first.

The sessions are real ones without browsers (``sessions.py``). They stand for browsers on other
machines, but share the processor of this one with the runs. Their own processor time is measured;
on N cores that are all busy, s cores that the sessions take can make the runs 1 / (1 - s / N) times
as long and no more. So much of the slowdown is the sessions' own at most; it is not subtracted.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

if __name__ == "__main__":
    sys.path.pop(0)
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.sessions import ROOT, Server, Session, serving
from trainer.experiment import pack, parse
from trainer.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.experiment import Experiment

PASSCODES = {
    "TRICKBOARD_WORKSHOP": "1",
    "TRICKBOARD_PASSCODE": "let-them-in",
    "TRICKBOARD_HOST_PASSCODE": "let-the-host-in",
}
PATIENT = 600.0  # seconds


def plan(i: int, seeds: int, epochs: int) -> Experiment:
    """Everybody's own: a learning rate that nobody else has."""
    return parse(
        {
            "name": f"Plan {i}",
            "setup": {"train_size": 400, "epochs": epochs, "lr": round(0.1 + 0.001 * i, 4)},
            "arms": [{"name": "baseline"}, {"name": "dropout", "tricks": [{"id": "dropout"}]}],
            "seeds": list(range(seeds)),
        }
    )


@contextmanager
def worker(home: Path) -> Iterator[None]:
    """A worker that does not depend on a page being open."""
    command = [sys.executable, "-m", "trainer", "worker", "--store", str(home)]
    with (home / "worker.out").open("ab") as log:
        one = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield
    finally:
        one.terminate()
        one.wait(30)


class Meter:
    """Processor time of some processes, in cores, between its beginning and its end."""

    def __init__(self, **processes: psutil.Process) -> None:
        self.processes = processes
        self.begun = time.monotonic()
        self.before = self.spent()

    def spent(self) -> dict[str, float]:
        times = {name: one.cpu_times() for name, one in self.processes.items()}
        return {name: one.user + one.system for name, one in times.items()}

    def cores(self) -> dict[str, float]:
        took = time.monotonic() - self.begun
        return {name: (now - self.before[name]) / took for name, now in self.spent().items()}


async def done(store: Store, id: str) -> None:
    """Until every run of an experiment is."""
    deadline = time.monotonic() + PATIENT
    while set(store.counts(id)[id]) != {"done"}:
        if time.monotonic() > deadline:
            raise TimeoutError(store.counts(id))
        await asyncio.sleep(0.2)


async def rests(server: Server) -> None:
    """Until it has done what it does by itself some seconds after its first page."""
    deadline = time.monotonic() + 180
    while True:
        meter = Meter(server=server.process)
        await asyncio.sleep(6)
        if meter.cores()["server"] < 0.03:
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the server does not come to rest")


async def watched(server: Server, people: int, one: Experiment) -> dict[str, Any]:
    """Train an experiment from the beginning with so many watching."""
    store = Store(server.home)
    id = store.launch(one)
    opened: list[float] = []
    async with AsyncExitStack() as stack:

        async def watcher() -> Session:
            begun = time.monotonic()
            session = await stack.enter_async_context(server.open(f"experiment={id}"))
            await session.finished(PATIENT)
            opened.append(time.monotonic() - begun)
            return session

        opening = Meter(server=server.process)
        sessions = await asyncio.gather(*(watcher() for _ in range(people)))
        spent = opening.spent()["server"] - opening.before["server"]
        all_open = time.time()
        meter = Meter(server=server.process, sessions=psutil.Process())
        await done(store, id)
        cores, memory = meter.cores(), server.process.memory_full_info().uss / 2**20
        errors = [error for session in sessions for error in session.errors]
        updates = [took for session in sessions for took in session.updates]
        news = [len(session.changes) for session in sessions]
    runs = store.runs(id)
    found = {
        "opened": opened, "updates": updates, "news": news, "errors": errors, "memory": memory,
        "opening": spent / people if people else 0.0,
        "seconds": {(run.arm, run.seed): run.seconds for run in runs},
        "later": {(run.arm, run.seed) for run in runs if (run.started_at or 0.0) > all_open},
        "wall": max(run.ended_at or 0.0 for run in runs)
        - min(run.started_at or 0.0 for run in runs),
        **cores,
    }  # fmt: skip
    store.delete(id)
    return found


async def watching(home: Path, people: int, rounds: int, epochs: int) -> None:
    with serving(home) as server, worker(home):
        one = plan(0, 8, epochs)
        await watched(server, 1, plan(1, 2, 20))  # imports, data
        await rests(server)
        alone, crowd = [], []
        for _ in range(rounds):
            alone.append(await watched(server, 0, one))
            crowd.append(await watched(server, people, one))
    each = {
        name: [value for one in crowd for value in one[name]]
        for name in ("opened", "updates", "news", "errors")
    }
    print(f"\n{people} watch an experiment of 16 runs, {rounds} rounds in turn with nobody\n")
    row("open the page, all at once", *spread(each["opened"]))
    row("  processor of the server for each", f"{median(x['opening'] for x in crowd):.3f} s")
    row("an update, asked to answered", *spread(each["updates"]))
    row("updates with news for each page", f"{median(each['news']):.0f}")
    row("  while it trained, seconds", f"{median(found['wall'] for found in crowd):.0f}")
    row("errors on pages", len(each["errors"]))
    for name, what in (
        ("server", "cores of the server"),
        ("sessions", "cores of the sessions here"),
        ("memory", "memory of the server, MB"),
    ):
        values = [f"{median(found[name] for found in some):.2f}" for some in (alone, crowd)]
        row(what, f"{values[0]} with nobody, {values[1]} with all")
    pairs = list(zip(alone, crowd, strict=True))
    told = {
        "a run that began when all pages were open": [slower(a, b, b["later"]) for a, b in pairs],
        "a run, all of them": [slower(a, b, set(b["seconds"])) for a, b in pairs],
        "the whole experiment": [b["wall"] / a["wall"] for a, b in pairs],
    }
    for what, every in told.items():
        ratios = [one for one in every if math.isfinite(one)]
        if not ratios:
            row(what, "none did: they are trained together from the start")
            continue
        said = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        row(what, f"× {median(ratios):.2f} with all watching ({said})")
    share = median(found["sessions"] for found in crowd) / (os.cpu_count() or 1)
    row("  of it the sessions' own, at most", f"× {1 / (1 - share):.2f}")


def slower(alone: dict[str, Any], crowd: dict[str, Any], which: set[tuple[int, int]]) -> float:
    """How many times as long the same runs took."""
    sums = [sum(found["seconds"][one] for one in which) for found in (crowd, alone)]
    return sums[0] / sums[1] if sums[1] else float("nan")


async def launched(server: Server, i: int, cookie: str) -> tuple[float, float, Session]:
    """One person opens the lab with their plan and launches it. Seconds of both, and the page."""
    async with server.open(f"plan={pack(plan(i, 5, 4).dump())}", cookie=cookie) as session:
        opened = await session.finished(PATIENT)
        await session.rerun(pressed="launch")
        pressed = await session.finished(PATIENT)
        ours = "experiment=" in session.query
        await session.until(lambda: ours, 1, "the page watches what was launched")
        return opened, pressed, session


async def launching(home: Path, people: int) -> None:
    with serving(home, **PASSCODES) as server:
        names = [f"person {i}" for i in range(people)]
        cookies = [server.enter(name, PASSCODES["TRICKBOARD_PASSCODE"]) for name in names]
        store = Store(home)
        async with server.open(cookie=cookies[0]) as first:
            await first.finished()
            await rests(server)
        meter = Meter(server=server.process)
        found = await asyncio.gather(*(launched(server, i, one) for i, one in enumerate(cookies)))
        cores = meter.cores()["server"]
        rows = store.experiments()
        for one in rows:
            await done(store, one.id)
    begun = sorted(
        (run.started_at or 0.0, row.owner or "") for row in rows for run in store.runs(row.id)
    )
    order = [owner for _, owner in begun]
    firsts = [order.index(owner) + 1 for owner in set(order)]
    print(f"\n{people} launch 10 runs each in a workshop, all at once\n")
    row("open the lab", *spread([one[0] for one in found]))
    row("press Launch", *spread([one[1] for one in found]))
    row("cores of the server meanwhile", f"{cores:.2f}")
    row("errors on pages", sum(len(one[2].errors) for one in found))
    row("people whose runs were trained", len(set(order)))
    row("the last person's first run began as number", f"{max(firsts)} of {len(order)}")


def row(what: str, *values: object) -> None:
    print(f"{what:46}{'  '.join(map(str, values))}")


def spread(seconds: list[float]) -> tuple[str, ...]:
    if not seconds:
        return ("none",)
    low, high = np.percentile(seconds, [50, 95])
    return f"p50 {low:.2f} s", f"p95 {high:.2f} s", f"n {len(seconds)}"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--people", type=int, default=30)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--epochs", type=int, default=240, help="of the runs that are watched")
    asked.add_argument("--part", choices=["watching", "launching"])
    given = asked.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    print(f"{os.cpu_count()} cores, of which others use {load:.1f} as this begins")
    with tempfile.TemporaryDirectory() as folder:
        if given.part != "launching":
            asyncio.run(
                watching(Path(folder) / "watching", given.people, given.rounds, given.epochs)
            )
        if given.part != "watching":
            asyncio.run(launching(Path(folder) / "launching", given.people))


if __name__ == "__main__":
    main()
