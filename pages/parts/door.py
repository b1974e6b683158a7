"""The server's door: who may come in, and how many at a time.

It stands before Streamlit. In a workshop a stranger gets one plain page that asks for a name and
the passcode, and nothing else: no socket, no upload, no script. At home it only counts open pages.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import streamlit as st
from starlette.datastructures import URL
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pages.parts import workshop

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from trainer.sharing import Person

MINUTE = 60.0  # seconds
LONGEST = 4_096  # bytes of what the page at the door sends
ALWAYS_OPEN = ("/_stcore/health",)
ENTER, LEAVE = "/enter", "/leave"
PAGE = Path(__file__).with_name("door.html")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Tries:
    """Wrong passcodes of the last minute, by address."""

    def __init__(self) -> None:
        self.wrong: defaultdict[str, deque[float]] = defaultdict(deque)

    def count(self, address: str) -> tuple[int, int]:
        """Of this address, and of all."""
        past = time.monotonic() - MINUTE
        for one in list(self.wrong):
            while self.wrong[one] and self.wrong[one][0] < past:
                self.wrong[one].popleft()
            if not self.wrong[one]:
                del self.wrong[one]
        mine = len(self.wrong[address]) if address in self.wrong else 0
        return mine, sum(map(len, self.wrong.values()))

    def add(self, address: str) -> None:
        self.wrong[address].append(time.monotonic())

    def too_many(self, address: str) -> bool:
        mine, every = self.count(address)
        limits = workshop.limits()
        return mine >= limits.tries_each or every >= limits.tries


class Door:
    """ASGI middleware around the whole server."""

    def __init__(self, app: ASGIApp, open: Counter[str] | None = None) -> None:
        self.app = app
        self.tries = Tries()
        self.open: Counter[str] = Counter() if open is None else open  # pages, by person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.socket(scope, receive, send)
        elif scope["type"] == "http":
            answer = await self.answer(Request(scope, receive))
            await (answer or self.app)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def answer(self, request: Request) -> Response | None:
        """The door's own answer; None: go on inside."""
        path, document = path_of(request), is_document(request)
        guarded = workshop.on() and not workshop.by_login()
        if path in ALWAYS_OPEN:
            return None
        if guarded and path == ENTER:
            return await self.enter(request)
        if guarded and path == LEAVE:
            return leave(request)
        person = workshop.known_by(request.cookies) if guarded else None
        if guarded and person is None:
            return form(request) if document else Response(status_code=401)
        full = self.full(person) if document else None
        return page("There is no room just now", f"<p>{full}</p>", 503) if full else None

    def full(self, person: Person | None) -> str | None:
        """Why no further page can be opened."""
        limits = workshop.limits()
        if person and limits.sessions_each and self.open[person.id] >= limits.sessions_each:
            return (
                f"You have {self.open[person.id]} pages of Trickboard open, the most that one "
                "person may in a workshop. Close one, then reload this page."
            )
        if self.open.total() >= limits.sessions:
            return (
                f"{self.open.total()} pages of this Trickboard are open, the most that it serves "
                "at a time. Close those you do not need, then reload this page. Runs go on "
                "without a page."
            )
        return None

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A page's connection: refused to strangers and where there is no room, else counted."""
        person = None
        if workshop.on() and not workshop.by_login():
            person = workshop.known_by(HTTPConnection(scope).cookies)
            if person is None:
                await send({"type": "websocket.close", "code": 1008})
                return
        if self.full(person):
            await send({"type": "websocket.close", "code": 1013})
            return
        key = person.id if person else ""
        self.open[key] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.open[key] -= 1
            self.open += Counter()  # whose last page was closed is forgotten

    async def enter(self, request: Request) -> Response:
        """A name and a passcode were sent."""
        if request.method != "POST":
            return RedirectResponse(inside(""), 303)
        if not from_here(request):
            return Response(status_code=403)
        sent = await fields(request)
        if sent is None:
            return Response(status_code=413)
        name, back = sent.get("name", ""), inside(sent.get("next", ""))
        address = request.client.host if request.client else ""
        if self.tries.too_many(address):
            wait = "Too many wrong passcodes. Wait a minute, then try again."
            return form(request, name, back, wait, 429)
        host = workshop.doorkeeper().admits(sent.get("passcode", ""))
        if host is None:
            self.tries.add(address)
            wrong = "That is not the passcode. Ask the host of this workshop for it."
            return form(request, name, back, wrong, 403)
        try:
            person = workshop.enter(name, host)
        except ValueError as error:
            return form(request, name, back, str(error), 400)
        answer = RedirectResponse(back, 303, headers=HEADERS)
        answer.set_cookie(
            workshop.COOKIE,
            workshop.doorkeeper().token(person),
            max_age=workshop.DAYS * 86_400,
            path=base() or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer


def base() -> str:
    """The path below which this server lives, mostly none."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def path_of(request: Request) -> str:
    return request.url.path.removeprefix(base())


def is_document(request: Request) -> bool:
    """Whether a browser asks for a page, to be shown as such."""
    wanted = request.headers.get("sec-fetch-dest", "document")
    return (
        request.method == "GET"
        and wanted == "document"
        and "text/html" in request.headers.get("accept", "")
    )


def from_here(request: Request) -> bool:
    """Whether the form was sent by a page of this server; who sends no origin is no browser."""
    origin = request.headers.get("origin")
    return origin in (None, "null") or URL(origin).netloc == request.headers.get("host")


def inside(address: str) -> str:
    """Where to go after the door: an address of this server, whatever was sent."""
    path, mark, query = address.partition("?")
    pages = [f"{base()}/{one}" for one in ("", "runs", "compare", "catalog")]
    path = path if path in pages else pages[0]
    return f"{path}{mark}{query}"


async def fields(request: Request) -> dict[str, str] | None:
    """What a form holds; None if it is larger than any form of ours."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            return None
    try:
        sent = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
    except ValueError:
        return None
    return {key: values[0] for key, values in sent.items()}


def form(
    request: Request, name: str = "", back: str | None = None, wrong: str = "", status: int = 401
) -> Response:
    """The page at the door."""
    if back is None:
        query = f"?{request.url.query}" if request.url.query else ""
        back = inside(f"{request.url.path}{query}")
    problem = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    body = f"""<p>This Trickboard is shared. What you launch here is yours: only you and the host
of the workshop see it and can stop it.</p>
{problem}<form method="post" action="{escape(base() + ENTER)}">
<label for="name">Your name</label>
<input id="name" name="name" value="{escape(name[:80])}" maxlength="80" required autofocus
 autocomplete="nickname">
<label for="passcode">Passcode</label>
<input id="passcode" name="passcode" type="password" maxlength="200" required
 autocomplete="current-password">
<input type="hidden" name="next" value="{escape(back)}">
<button>Enter</button>
</form>"""
    return page("Come in", body, status)


def page(title: str, body: str, status: int) -> Response:
    """A page of the door's own. ``body`` is HTML: what people wrote in it is escaped already."""
    text = PAGE.read_text("utf-8").replace("{title}", escape(title)).replace("{body}", body)
    headers = HEADERS | ({"Retry-After": "60"} if status in (429, 503) else {})
    return HTMLResponse(text, status, headers=headers)


def leave(request: Request) -> Response:
    """Forget who this browser is. The open pages of this person are told at their next step."""
    answer = RedirectResponse(inside(""), 303, headers=HEADERS)
    answer.delete_cookie(workshop.COOKIE, path=base() or "/")
    return answer
