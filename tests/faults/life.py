"""A long day in minutes: short runs without end, pages that watch them, and what it all weighs.

    python -m tests.faults.life [--minutes 10] [--pages 4] [--json]

Needs what tests/requirements.txt lists, and Chromium. A server and its worker run on a store of
their own. One experiment of short runs after the other is launched; the pages follow, each twice a
second, and every minute one of them is closed and opened anew. Printed are the memory and the open
files of the server, the supervisor and the fork server over time, with the slope of a straight line
through the second half (the first is growth that any process has), and the size of the store.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from trainer.experiment import Experiment, parse
from trainer.home import checkpoint_files
from trainer.store import Store

ROOT = Path(__file__).parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
EVERY = 5.0  # seconds between two looks
ARGS = ["--no-sandbox", "--disable-gpu"]


def plan(number: int) -> Experiment:
    """Six short runs that no other experiment has."""
    return parse(
        {
            "name": f"Experiment {number}",
            "setup": {"steps": 150, "network": {"kind": "mlp", "depth": 1, "width": 16}},
            "arms": [
                {"name": "baseline", "tricks": []},
                {"name": "dropout", "tricks": [{"id": "dropout"}]},
            ],
            "seeds": [3 * number, 3 * number + 1, 3 * number + 2],
        }
    )


def serve(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--server.port={port}", "--server.headless=true"]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options]
    log = (home / "server.log").open("ab")
    environment = os.environ | {"TRICKBOARD_HOME": str(home)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
        else:
            return process, url
    raise RuntimeError((home / "server.log").read_text())


def weighed(store: Store, server: subprocess.Popen[bytes]) -> dict[str, tuple[float, int]]:
    """MB and open files of each lasting process."""
    found = {"server": psutil.Process(server.pid)}
    row = store.worker()
    if row is not None and row.alive:
        found["supervisor"] = psutil.Process(row.pid)
        for child in found["supervisor"].children():
            if "forkserver" in " ".join(child.cmdline()):
                found["fork server"] = child
    sizes = {}
    for name, process in found.items():
        try:
            sizes[name] = (process.memory_info().rss / 1e6, process.num_fds())
        except psutil.NoSuchProcess:
            continue  # it ended between two looks
    return sizes


def opened(browser: Browser, url: str, id: str) -> Page:
    page = browser.new_page()
    page.goto(f"{url}/?experiment={id}", timeout=120_000)
    return page


def live(minutes: float, pages: int) -> dict[str, Any]:
    """The day; gives what was seen."""
    chromium = os.environ.get("TRICKBOARD_CHROMIUM") or next(
        filter(None, map(shutil.which, CHROMIUM))
    )
    looks: list[tuple[float, dict[str, tuple[float, int]]]] = []
    launched: list[str] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        store = Store(home)
        server, url = serve(home)
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        try:
            launched.append(store.launch(plan(0)))
            watching = [opened(browser, url, launched[0]) for _ in range(pages)]
            begun = moved = time.monotonic()
            while (now := time.monotonic()) - begun < 60 * minutes:
                counts = store.counts(launched[-1])[launched[-1]]
                if not counts.get("waiting", 0):
                    launched.append(store.launch(plan(len(launched))))
                if now - moved > 60 / pages:
                    moved = now
                    watching.pop(0).close()
                    watching.append(opened(browser, url, launched[-1]))
                if not looks or now - begun - looks[-1][0] > EVERY:
                    looks.append((now - begun, weighed(store, server)))
                time.sleep(0.2)
            states: dict[str, int] = {}
            for counts in store.counts().values():
                for state, count in counts.items():
                    states[state] = states.get(state, 0) + count
            return {
                "minutes": minutes,
                "pages": pages,
                "experiments": len(launched),
                "runs": states,
                "looks": looks,
                "store_mb": store.path.stat().st_size / 1e6,
                "checkpoints": len(checkpoint_files(home)),
                "tracebacks": (home / "server.log").read_text().count("Traceback"),
            }
        finally:
            browser.close()
            server.terminate()
            server.wait(30)
            environment = os.environ | {"TRICKBOARD_HOME": str(home)}
            end = [sys.executable, "-m", "trainer", "stop"]
            subprocess.run(end, cwd=ROOT, env=environment, check=False, capture_output=True)
            store.close()


def slope(times: list[float], values: list[float]) -> float:
    """Of a straight line through the second half, for an hour."""
    half = len(times) // 2
    return float(3600 * np.polyfit(times[half:], values[half:], 1)[0])


def table(result: dict[str, Any]) -> str:
    runs = ", ".join(f"{count} {state}" for state, count in sorted(result["runs"].items()))
    lines = [
        f"{result['minutes']:g} min, {result['pages']} pages open, {result['experiments']} "
        f"experiments, runs: {runs}; store {result['store_mb']:.1f} MB, "
        f"{result['checkpoints']} checkpoints, {result['tracebacks']} tracebacks in the log",
        "| process | MB at first | half way | at last | MB an hour | files at first | at last |",
        "|---|---|---|---|---|---|---|",
    ]
    looks = [(at, sizes) for at, sizes in result["looks"]]
    for name in ("server", "supervisor", "fork server"):
        own = [(at, *sizes[name]) for at, sizes in looks if name in sizes]
        if len(own) < 4:
            continue
        times, sizes, files = (list(column) for column in zip(*own, strict=True))
        middle = sizes[len(sizes) // 2]
        lines.append(
            f"| {name} | {sizes[0]:.0f} | {middle:.0f} | {sizes[-1]:.0f} | "
            f"{slope(times, sizes):+.1f} | {files[0]} | {files[-1]} |"
        )
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--pages", type=int, default=4)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    result = live(asked.minutes, asked.pages)
    print(json.dumps(result, indent=1) if asked.json else table(result))


if __name__ == "__main__":
    main()
