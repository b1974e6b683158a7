"""A real server with a real worker behind it, and a real Chromium in front."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from playwright.sync_api import expect, sync_playwright

from trainer.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Poll until it is true; fail with what was awaited after so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"after {seconds:g} s still not: {what}")
        time.sleep(0.1)


class Server:
    """`streamlit run app.py` on a free port with its own home; can be ended and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def store(self) -> Store:
        """The store that this server and its worker share."""
        return Store(self.home)

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        options = [f"--server.port={self.port}", "--server.headless=true"]
        environment = {**os.environ, "TRICKBOARD_HOME": str(self.home)}
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        wait_until(self.answers, 60, "the server answers")

    def answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail((self.home / "server.log").read_text())
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def end(self) -> None:
        """End the server alone. The runs go on."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(15)
            self.process = None

    def end_worker(self) -> None:
        """End all runs and the worker, and see that no process of theirs is left."""
        worker = self.store.worker()
        family: list[psutil.Process] = []
        if worker is not None and psutil.pid_exists(worker.pid):
            process = psutil.Process(worker.pid)
            family = [process, *process.children(recursive=True)]
        subprocess.run(
            [sys.executable, "-m", "trainer", "stop", "--store", str(self.home)],
            cwd=ROOT, check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        _, left = psutil.wait_procs(family, timeout=30)
        for process in left:
            process.kill()
        if left:
            pytest.fail(f"these outlived their worker: {left}")


@pytest.fixture
def until() -> Callable[[Callable[[], object], float, str], None]:
    """``until(true, seconds, what)`` polls until ``true()`` holds, with a deadline."""
    return wait_until


@pytest.fixture
def server(home) -> Iterator[Server]:
    one = Server(home)
    one.start()
    try:
        yield one
    finally:
        one.end()
        one.end_worker()


# For this package only (it needs its __init__.py): while Playwright runs, nothing else can use
# asyncio in this process.
@pytest.fixture(scope="package")
def browser(missing) -> Iterator[Browser]:
    """Chromium: TRICKBOARD_CHROMIUM, or the first that is found on the path."""
    found = [os.environ.get("TRICKBOARD_CHROMIUM"), *map(shutil.which, NAMES)]
    path = next((one for one in found if one), None)
    if path is None:
        missing("there is no Chromium on the path, and TRICKBOARD_CHROMIUM names none")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield one
        one.close()


@pytest.fixture
def page(browser) -> Iterator[Page]:
    """A page 1440 wide in a fresh context; an error in its scripts fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    one = context.new_page()
    one.set_default_timeout(30_000)
    errors: list[str] = []
    one.on("pageerror", lambda error: errors.append(str(error)))
    yield one
    context.close()
    assert errors == []
