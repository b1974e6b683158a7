"""What a browser does to a Streamlit server, without a browser: thirty of them fit on one core.

A session opens the socket that the page would open, asks for its script, answers the clocks that
the server sets (``run_every``), presses buttons, and keeps what it was sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from websockets.asyncio.client import ClientConnection

CURVES = "trickboard_curves"
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Session:
    """One open page. Times are in seconds."""

    socket: ClientConnection
    query: str = ""
    page: str = ""
    texts: list[str] = field(default_factory=list)  # of the last whole run of the script
    buttons: dict[str, str] = field(default_factory=dict)  # key -> id
    components: dict[str, str | bytes] = field(
        default_factory=dict
    )  # what each was sent last, by key
    updates: list[float] = field(default_factory=list)  # from a tick of the clock to its answer
    changes: list[float] = field(default_factory=list)  # when the curves were other than before
    runs: int = 0  # whole runs of the script that were finished
    errors: list[str] = field(default_factory=list)
    clocks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)  # fragments that are awaited

    async def rerun(self, *, fragment: str = "", pressed: str = "") -> None:
        """Ask for the script or for a fragment of it."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name = self.query, self.page
        if fragment:
            state.fragment_id, state.is_auto_rerun = fragment, True
        if pressed:
            one = state.widget_states.widgets.add()
            one.id, one.trigger_value = self.buttons[pressed], True
        await self.socket.send(message.SerializeToString())

    async def tick(self, fragment: str, interval: float) -> None:
        """A clock of the page, as the browser keeps it: it does not wait for the answer."""
        while True:
            await asyncio.sleep(interval)
            self.asked.setdefault(fragment, time.monotonic())
            await self.rerun(fragment=fragment)

    async def listen(self) -> None:
        """Take in what comes, until the connection ends."""
        try:
            async for data in self.socket:
                message = ForwardMsg()
                message.ParseFromString(data)
                self.take(message)
        except ConnectionClosed:
            return
        except Exception as error:
            self.errors.append(repr(error))
            raise
        finally:
            self.silence()

    def take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                if not message.metadata.run.fragment_ids:
                    self.silence()
                    self.texts.clear()
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "auto_rerun":
                one = message.auto_rerun
                if old := self.clocks.pop(one.fragment_id, None):
                    old.cancel()
                self.clocks[one.fragment_id] = asyncio.ensure_future(
                    self.tick(one.fragment_id, one.interval)
                )
            case "delta":
                self.drawn(message.delta.new_element)
            case "script_finished":
                fragments = message.metadata.run.fragment_ids
                self.runs += not fragments
                for one in fragments:
                    if since := self.asked.pop(one, None):
                        self.updates.append(time.monotonic() - since)

    def drawn(self, element: Any) -> None:
        """An element of the page."""
        match element.WhichOneof("type"):
            case "exception":
                self.errors.append(element.exception.message)
            case "button":
                key = element.button.id.rsplit("-", 1)[-1]
                self.buttons[key] = element.button.id
            case "markdown":
                self.texts.append(element.markdown.body)
            case "heading":
                self.texts.append(element.heading.body)
            case "alert":
                self.texts.append(f"{element.alert.title} {element.alert.body}")
            case "bidi_component":
                one = element.bidi_component
                name, sent = one.component_name, one.bytes or one.json
                if name == CURVES and self.components.get(name) != sent:
                    self.changes.append(time.monotonic())
                self.components[name] = sent

    def silence(self) -> None:
        for one in self.clocks.values():
            one.cancel()
        self.clocks.clear()
        self.asked.clear()

    async def until(self, true: Callable[[], object], seconds: float, what: str) -> float:
        """Wait until it holds. Gives how long that took.

        Raises:
            TimeoutError: it did not hold in time.
        """
        begun = time.monotonic()
        while not true():
            if time.monotonic() - begun > seconds or self.errors:
                told = self.errors or self.texts[-5:]
                raise TimeoutError(f"after {time.monotonic() - begun:.0f} s not: {what}; {told}")
            await asyncio.sleep(0.02)
        return time.monotonic() - begun

    async def finished(self, seconds: float = 120) -> float:
        """Wait for the next whole run of the script. Gives how long that took."""
        before = self.runs
        return await self.until(lambda: self.runs > before, seconds, "the page is drawn")


class Server:
    """`streamlit run app.py` on a free port, with its own home."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        options = [f"--server.port={self.port}", "--server.headless=true"]
        with (home / "server.log").open("ab") as log:
            self.process = psutil.Popen(
                [*command, *options], cwd=ROOT, stdout=log, stderr=log,
                env=os.environ | {"TRICKBOARD_HOME": str(home)} | environment,
            )  # fmt: skip

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def wait(self, seconds: float = 60) -> None:
        """Until it answers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(f"http://{self.place}/_stcore/health", timeout=2):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise TimeoutError((self.home / "server.log").read_text()) from None
                time.sleep(0.1)

    def enter(self, name: str, passcode: str) -> str:
        """Come in through the door of a workshop. Gives the cookie."""
        body = urllib.parse.urlencode({"name": name, "passcode": passcode}).encode()
        asked = urllib.request.Request(f"http://{self.place}/enter", body)

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *args: Any) -> None:
                return None

        try:
            urllib.request.build_opener(Stay).open(asked, timeout=30)
        except urllib.error.HTTPError as answer:
            (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
            return f"{cookie.key}={cookie.value}"
        raise AssertionError("the door did not answer")

    @asynccontextmanager
    async def open(
        self, query: str = "", page: str = "", cookie: str = ""
    ) -> AsyncIterator[Session]:
        """A page, from the moment its socket stands; its script has been asked for."""
        headers = {"Cookie": cookie} if cookie else {}
        async with connect(
            f"ws://{self.place}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers=headers,
            max_size=None,
            compression=None,
            open_timeout=60,
            ping_interval=None,
        ) as stream:
            one = Session(stream, query, page)
            listening = asyncio.ensure_future(one.listen())
            try:
                await one.rerun()
                yield one
            finally:
                one.silence()
                listening.cancel()

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except psutil.TimeoutExpired:
            self.process.kill()
            self.process.wait(15)
        subprocess.run(
            [sys.executable, "-m", "trainer", "stop", "--store", str(self.home)],
            cwd=ROOT, capture_output=True, timeout=60,
        )  # fmt: skip


@contextmanager
def serving(home: Path, **environment: str) -> Iterator[Server]:
    """A server that answers, ended with its worker afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    one = Server(home, **environment)
    try:
        one.wait()
        yield one
    finally:
        one.end()


def curves(session: Session) -> dict[str, Any]:
    """What the live component of the watching page was sent last."""
    found: dict[str, Any] = json.loads(session.components.get(CURVES, "{}"))
    return found
