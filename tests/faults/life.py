"""A long day in minutes: short runs without end, pages that come and go, and what it all weighs.

    python -m tests.faults.life [--minutes 13] [--hours 8] [--pages 6] [--json]

A server and its worker live on a store of their own. One experiment of short runs after the other
is launched; the pages (real sessions without browsers, ``sessions.py``) follow the newest at their
own pace, and every few seconds one of them is closed and another opened, each time a different page
of the four. Of ten experiments one is stopped under way and one is deleted. So as many runs, pages
and updates as in ``hours`` of use pass in ``minutes``, and an hour below is a simulated one.

Printed are, for the server, the supervisor and the fork server: memory that is theirs alone (USS)
and all of it (RSS), the slope of a straight line through the means of twelve parts of the time
after a warm-up of two fifths, with its 95 % interval, and the open files. And: the size of the
store, the logs, and the checkpoints beside the number of runs that may still need theirs. The rule
for those is in ``trainer/leftovers.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from scipy.stats import linregress, t

from tests.faults.sessions import Server, Session, serving
from trainer.experiment import Experiment, parse
from trainer.home import checkpoint_files
from trainer.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERY = 5.0  # seconds between two looks
WARM = 0.4  # of the time, not in the slope: closed pages live on for two minutes, caches fill
LENGTH = 2.0  # seconds of training of a run: long enough for its page to follow it
PARTS = 12  # of the rest: a mean of each, so that neighbors do not count as independent
PAGES = ("", "", "", "runs", "compare", "catalog")  # "" watches the newest experiment
NAMES = ("server", "supervisor", "fork server")

Size = tuple[float, float, int]  # MB of its own, MB, open files


def plan(number: int) -> Experiment:
    """Six short runs that no other experiment has."""
    return parse(
        {
            "name": f"Experiment {number}",
            "setup": {"seconds": LENGTH, "network": {"kind": "mlp", "depth": 1, "width": 16}},
            "arms": [
                {"name": "baseline", "tricks": []},
                {"name": "dropout", "tricks": [{"id": "dropout"}]},
            ],
            "seeds": [3 * number, 3 * number + 1, 3 * number + 2],
        }
    )


def weighed(store: Store, server: psutil.Process) -> dict[str, Size]:
    """Each lasting process."""
    found = {"server": server}
    row = store.worker()
    sizes = {}
    try:
        if row is not None and row.alive:
            found["supervisor"] = psutil.Process(row.pid)
            for child in found["supervisor"].children():
                if "forkserver" in " ".join(child.cmdline()):
                    found["fork server"] = child
        for name, process in found.items():
            memory = process.memory_full_info()
            sizes[name] = (memory.uss / 2**20, memory.rss / 2**20, process.num_fds())
    except psutil.NoSuchProcess:
        pass  # it ended between two looks; the next one tells
    return sizes


class Day:
    """What is done and seen in it."""

    def __init__(self, server: Server, store: Store) -> None:
        self.server, self.store = server, store
        self.launched: list[str] = []
        self.open: list[tuple[Session, AsyncExitStack]] = []
        self.visits = self.updates = 0
        self.errors: list[str] = []
        self.looks: list[tuple[float, dict[str, Size]]] = []

    async def come(self) -> None:
        """One more page is opened."""
        page = PAGES[self.visits % len(PAGES)]
        stack = AsyncExitStack()
        query = "" if page else f"experiment={self.launched[-1]}"
        session = await stack.enter_async_context(self.server.open(query, page))
        self.open.append((session, stack))
        self.visits += 1

    async def go(self) -> None:
        """The page that has been open the longest is closed."""
        session, stack = self.open.pop(0)
        self.updates += len(session.updates)
        self.errors += session.errors
        await stack.aclose()

    def work(self) -> None:
        """Launch when nothing waits; now and then stop or delete one."""
        if self.launched:
            counts = self.store.counts(self.launched[-1])[self.launched[-1]]
            if counts.get("waiting", 0):
                return
        self.launched.append(self.store.launch(plan(len(self.launched))))
        match len(self.launched) % 10:
            case 4:
                self.store.stop(self.launched[-2])
            case 8:
                self.store.delete(self.launched[-5])

    async def pass_by(self, seconds: float, pages: int) -> None:
        begun = moved = time.monotonic()
        self.work()
        for _ in range(pages):
            await self.come()
        while (now := time.monotonic()) - begun < seconds:
            self.work()
            if now - moved > 30 / pages:
                moved = now
                await self.go()
                await self.come()
            if not self.looks or now - begun - self.looks[-1][0] > EVERY:
                self.looks.append((now - begun, weighed(self.store, self.server.process)))
            await asyncio.sleep(0.2)
        while self.open:
            await self.go()


def live(minutes: float, hours: float, pages: int) -> dict[str, Any]:
    """The day; gives what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        store = Store(home)
        with serving(home) as server:
            day = Day(server, store)
            asyncio.run(day.pass_by(60 * minutes, pages))
        states: dict[str, int] = {}
        for counts in store.counts().values():
            for state, count in counts.items():
                states[state] = states.get(state, 0) + count
        files = [path for path in home.glob("trickboard.db*") if path.is_file()]
        logs = list((home / "logs").glob("*.log"))
        store.close()
        return {
            "minutes": minutes, "hours": hours, "pages": pages, "visits": day.visits,
            "updates": day.updates, "errors": day.errors, "experiments": len(day.launched),
            "runs": states, "looks": day.looks,
            "store_mb": sum(path.stat().st_size for path in files) / 1e6,
            "logs": len(logs), "logs_mb": sum(path.stat().st_size for path in logs) / 1e6,
            "checkpoints": len(checkpoint_files(home)),
            "tracebacks": tracebacks((home / "server.log").read_text()),
        }  # fmt: skip


def tracebacks(log: str) -> list[str]:
    """Those in a log, each up to the line that says what it was."""
    return re.findall(r"^Traceback.*?\n\S[^\n]*", log, re.MULTILINE | re.DOTALL)


def slope(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Of a straight line after the warm-up, in a second, and half its 95 % interval."""
    late = [(at, one) for at, one in zip(times, values, strict=True) if at > WARM * times[-1]]
    parts = [np.mean(part, axis=0) for part in np.array_split(np.array(late), PARTS) if len(part)]
    line = linregress(*zip(*parts, strict=True))
    return float(line.slope), float(line.stderr * t.ppf(0.975, len(parts) - 2))


def table(result: dict[str, Any]) -> str:
    runs = ", ".join(f"{count:,} {state}" for state, count in sorted(result["runs"].items()))
    hour = 60 * result["minutes"] / result["hours"]  # seconds
    lines = [
        f"{result['hours']:g} h in {result['minutes']:g} min, {result['pages']} pages open: "
        f"{result['visits']} visits, {result['updates']:,} updates, {result['experiments']} "
        f"experiments, runs: {runs}; store {result['store_mb']:.1f} MB, {result['logs']} logs of "
        f"{result['logs_mb']:.1f} MB, {result['checkpoints']} checkpoints; "
        f"{len(result['errors'])} errors on pages, {len(result['tracebacks'])} tracebacks in the "
        f"log{''.join(f'{chr(10)}{one}' for one in result['tracebacks'])}",
        "| process | own MB warm | at last | most | all MB at last | own MB an hour | files warm | "
        "at last |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in NAMES:
        seen = [(at, *sizes[name]) for at, sizes in result["looks"] if name in sizes]
        if len(seen) < 2 * PARTS:
            continue
        times, own, whole, files = (list(column) for column in zip(*seen, strict=True))
        warm = next(i for i, at in enumerate(times) if at > WARM * times[-1])
        per_second, half = slope(times, own)
        lines.append(
            f"| {name} | {own[warm]:.0f} | {own[-1]:.0f} | {max(own):.0f} | {whole[-1]:.0f} | "
            f"{hour * per_second:+.2f} ± {hour * half:.2f} | {files[warm]} | {files[-1]} |"
        )
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=13.0)
    options.add_argument("--hours", type=float, default=8.0)
    options.add_argument("--pages", type=int, default=6)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    if hasattr(os, "getloadavg"):
        print(f"{os.cpu_count()} cores, of which others use {os.getloadavg()[0]:.1f}")
    result = live(asked.minutes, asked.hours, asked.pages)
    print(json.dumps(result, indent=1) if asked.json else table(result))


if __name__ == "__main__":
    main()
