"""The watching page, with many finished runs and with many live ones, in a real browser.

    python tests/benchmarks/pages.py [--runs 20 200 2000] [--repeats 5] [--live 64] [--json]

Needs what tests/requirements.txt lists, and Chromium. It writes its own experiments: 1,000 points
of 3 metrics in every run, through the store. Everything runs on this machine at once: browser,
server and whoever writes points; how busy it was stands in the result.

**Opening.** A fresh server process (that has shown another page already and rests, so that its
imports are not counted), a fresh browser profile. Time is from the navigation to the moment when
every single run and every mean is drawn in the charts of accuracy and loss; tasks are what the
browser calls long tasks, from the navigation until two seconds later. "again" is a second visitor.
Scripts are what Streamlit and plotly weigh by themselves; data is everything else that is sent. A
page with nothing but a title is measured in the same way: what Streamlit takes by itself here.

**Live.** Points are written while the page is open; the latency is from the commit in the store
(and in "trained", from the engine's hand) to the plot that shows it. Update is the server's time
for one run of the live part of the page.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from playwright.sync_api import sync_playwright

sys.path.pop(0)  # this folder, which has a pages.py of its own
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.pages_runs import plan, write_finished
from tests.benchmarks.pages_table import table
from trainer.provenance import processor
from trainer.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

HERE = Path(__file__).parent
ARMS = {20: 4, 200: 8, 2000: 8}
CHARTS = ("accuracy", "loss")
SETTLED = 2.0  # seconds after the charts are drawn in which long tasks still count
LIVE_SECONDS = 40.0  # in which the latency is measured
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
WATCHES = """
window.benchmark = { tasks: [], drawn: null, seen: [] };
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) {
    window.benchmark.tasks.push([startTime, duration]);
  }
}).observe({ type: 'longtask', buffered: true });
const timer = setInterval(() => {
  if (!(READY)) return;
  clearInterval(timer);
  requestAnimationFrame(() => setTimeout(() => { window.benchmark.drawn = performance.now(); }));
}, 10);
"""
BARE = "document.querySelector('h1')?.textContent === 'Bare'"
FOLLOWS = """() => {
  const plot = document.querySelector('[data-chart=accuracy] .tb-plot');
  const seen = () => {
    const drawn = plot.data.find(({ uid }) => uid === 'run-0')?.x ?? [0];
    window.benchmark.seen.push([Math.max(...drawn), Date.now() / 1000]);
  };
  plot.on('plotly_afterplot', seen);
  window.benchmark.tasks = [];
}"""


class Server:
    """The app on a free port, with a clock around its updates; warm: it has shown a page."""

    def __init__(self, home: Path, *app: str) -> None:
        self.log = home / "updates.jsonl"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, str(HERE / "pages_server.py"), str(self.port), str(self.log)]
        command += app
        environment = os.environ | {"TRICKBOARD_HOME": str(home), "OMP_NUM_THREADS": "1"}
        output = (home / "server.log").open("ab")
        self.process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, cwd=HERE.parents[1]
        )
        deadline = time.monotonic() + 60
        while not self.answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError((home / "server.log").read_text())
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def updates(self) -> list[list[float]]:
        """Seconds of every update so far: wall, processor."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def memory(self) -> float:
        """MB."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def seconds(self) -> float:
        """Of processor time so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def rest(self) -> None:
        """Wait until it has done what it does by itself after its start."""
        before = -1.0
        while self.seconds() - before > 0.05:
            before = self.seconds()
            time.sleep(1)

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(15)


class Traffic:
    """What a page was sent, in bytes as they went over the wire."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.bytes = {"scripts": 0, "plotly": 0, "data": 0}
        self.requests = 0
        self.kinds: dict[str, str] = {}
        wire = context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.on("Network.requestWillBeSent", self.asked)
        wire.on("Network.loadingFinished", self.came)
        wire.on("Network.webSocketFrameReceived", self.framed)

    def asked(self, event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        scripts = "/static/" in url or "/_stcore/" in url or url.count("/") == 3
        kind = "plotly" if "/plotly/" in url else "scripts" if scripts else "data"
        self.kinds[event["requestId"]] = kind
        self.requests += 1

    def came(self, event: dict[str, Any]) -> None:
        self.bytes[self.kinds.get(event["requestId"], "data")] += int(event["encodedDataLength"])

    def framed(self, event: dict[str, Any]) -> None:
        frame = event["response"]
        length = len(frame["payloadData"])
        self.bytes["data"] += length * 3 // 4 if frame["opcode"] == 2 else length


def lines_drawn(wanted: int) -> str:
    """JavaScript: so many lines stand in every chart."""
    return " && ".join(
        f"document.querySelectorAll('[data-chart={chart}] path.js-line').length >= {wanted}"
        for chart in CHARTS
    )


@contextmanager
def opened(
    browser: Browser, url: str, ready: str, *, traced: bool = False
) -> Iterator[tuple[Page, Traffic]]:
    """A page in a fresh profile, and what it was sent."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    if traced:
        browser.start_tracing(page=page, categories=["toplevel"])
    page.add_init_script(f"{{{WATCHES.replace('READY', ready)}}}")
    traffic = Traffic(context, page)
    page.goto(url)
    try:
        page.wait_for_function("window.benchmark.drawn", timeout=180_000)
        yield page, traffic
    finally:
        context.close()


def measured(browser: Browser, url: str, ready: str) -> dict[str, float]:
    """One opening, and for the processor's share another one that is traced, which costs time."""
    with opened(browser, url, ready) as (page, traffic):
        page.wait_for_timeout(1000 * SETTLED)
        found = page.evaluate("window.benchmark")
    with opened(browser, url, ready, traced=True) as (page, _):
        page.wait_for_timeout(1000 * SETTLED)
        spent = processor_tasks(browser.stop_tracing())
    tasks = [length for _, length in found["tasks"]]
    return {
        "seconds": found["drawn"] / 1000,
        "longest_task": max(tasks, default=0.0) / 1000,
        "longest_processor": max(spent, default=0.0),
        "page_processor": sum(spent),
        "data_mb": traffic.bytes["data"] / 1e6,
        "plotly_mb": traffic.bytes["plotly"] / 1e6,
        "scripts_mb": traffic.bytes["scripts"] / 1e6,
        "requests": traffic.requests,
    }


def processor_tasks(trace: bytes) -> list[float]:
    """Processor seconds of every task of the page's main thread."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    return [
        one.get("tdur", 0) / 1e6
        for one in events
        if one.get("ph") == "X" and "RunTask" in one["name"] and (one["pid"], one["tid"]) in mains
    ]


def middle(many: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in many) for key in many[0]}


def opening(browser: Browser, home: Path, runs: int, repeats: int) -> dict[str, Any]:
    """Medians over fresh servers; ``again``: over second visitors of them."""
    store = Store(home)
    arms = ARMS.get(runs, 8)
    small = write_finished(store, plan("Small", 2, 1))
    id = write_finished(store, plan(f"{runs} runs", arms, runs // arms))
    store.close()
    firsts, seconds, smalls, bares = [], [], [], []
    memory: dict[str, float] = {}
    updates: list[float] = []
    for _ in range(repeats):
        server = Server(home)
        try:
            with opened(browser, f"{server.url}/?experiment={small}", lines_drawn(2)) as (page, _):
                page.wait_for_timeout(1000 * SETTLED)
            server.rest()
            memory["idle"] = server.memory()
            smalls.append(measured(browser, f"{server.url}/?experiment={small}", lines_drawn(2)))
            before = len(server.updates())
            url = f"{server.url}/?experiment={id}"
            firsts.append(measured(browser, url, lines_drawn(runs + arms)))
            updates.append(max(wall for wall, _ in server.updates()[before:]))
            seconds.append(measured(browser, url, lines_drawn(runs + arms)))
            memory["after"] = server.memory()
        finally:
            server.end()
        bares.append(bare(browser, home))
    return {
        "first": middle(firsts) | {"server": statistics.median(updates)},
        "again": middle(seconds),
        "one_run": middle(smalls),
        "bare": middle(bares),
        "memory_mb": memory,
    }


def bare(browser: Browser, home: Path) -> dict[str, float]:
    """The same for an app with a title only, on a server that has shown it before."""
    server = Server(home, str(HERE / "pages_bare.py"))
    try:
        with opened(browser, server.url, BARE) as (page, _):
            page.wait_for_timeout(1000 * SETTLED)
        server.rest()
        return measured(browser, server.url, BARE)
    finally:
        server.end()


def following(browser: Browser, home: Path, what: list[str], wanted: int) -> dict[str, Any]:
    """A page that is open while somebody writes: see ``pages_runs.py``."""
    server = Server(home)
    command = [sys.executable, str(HERE / "pages_runs.py"), what[0], str(home), *what[1:]]
    environment = os.environ | {"TRICKBOARD_HOME": str(home), "OMP_NUM_THREADS": "1"}
    writer = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout is not None
        id = json.loads(writer.stdout.readline())
        url = f"{server.url}/?experiment={id}&axis=step"
        with opened(browser, url, lines_drawn(wanted)) as (page, traffic):
            page.evaluate(FOLLOWS)
            page.wait_for_timeout(3_000)
            before, sent, spent = len(server.updates()), traffic.bytes["data"], server.seconds()
            from_now = time.time()
            page.wait_for_timeout(1000 * LIVE_SECONDS)
            to_now = time.time()
            updates = server.updates()[before:]
            mb = (traffic.bytes["data"] - sent) / 1e6
            cores = (server.seconds() - spent) / (to_now - from_now)
            found = page.evaluate("window.benchmark")
        memory = server.memory()
    finally:
        writer.terminate()
        server.end()
    lines = [json.loads(line) for line in writer.stdout.read().splitlines() if line[:1] == "["]
    late = sorted(
        min((at for step, at in found["seen"] if step >= one), default=float("inf")) - written
        for one, written in lines
        if from_now <= written <= to_now - 2
    )
    walls = sorted(wall for wall, _ in updates)
    processor_seconds = [processor for _, processor in updates]
    return {
        "points": len(late),
        "latency": statistics.median(late),
        "latency_95": late[int(0.95 * len(late))],
        "update": statistics.median(walls),
        "update_95": walls[int(0.95 * len(walls))],
        "update_processor": statistics.median(processor_seconds),
        "updates_per_second": len(walls) / (to_now - from_now),
        "server_cores": cores,
        "mb_per_second": mb / (to_now - from_now),
        "longest_task": max((length for _, length in found["tasks"]), default=0.0) / 1000,
        "blocked_share": sum(length for _, length in found["tasks"]) / 1000 / (to_now - from_now),
        "memory_mb": memory,
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, nargs="*", default=[20, 200, 2000])
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--live", type=int, nargs="*", default=[64])
    options.add_argument("--trained", action=argparse.BooleanOptionalAction, default=True)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    chromium = os.environ.get("TRICKBOARD_CHROMIUM") or next(
        filter(None, map(shutil.which, CHROMIUM))
    )
    load = [os.getloadavg()[0]]
    result: dict[str, Any] = {"opening": {}, "live": {}}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        result["browser"] = browser.version
        for runs in asked.runs:
            home = Path(folder) / str(runs)
            home.mkdir()
            result["opening"][runs] = opening(browser, home, runs, asked.repeats)
            load.append(os.getloadavg()[0])
        lives = {f"{runs} runs": ["live", str(runs)] for runs in asked.live}
        if asked.trained:
            lives["trained"] = ["train"]
        for name, what in lives.items():
            home = Path(folder) / name
            home.mkdir()
            wanted = int(what[1]) if what[0] == "live" else 1
            result["live"][name] = following(browser, home, what, wanted)
            load.append(os.getloadavg()[0])
        browser.close()
    result |= {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": load,
        "versions": {one: version(one) for one in ("streamlit", "plotly", "numpy", "SQLAlchemy")},
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=1) if asked.json else table(result))


if __name__ == "__main__":
    main()
