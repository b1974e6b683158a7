"""The door of a workshop: strangers get one plain page, wrong passcodes are counted."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest

from pages.parts import door, workshop
from pages.parts.door import Door, Tries, inside
from trainer.limits import Limits
from trainer.sharing import Person

GUEST, HOST = "tea-and-42", "kettle-on-1234"


@pytest.fixture(autouse=True)
def a_workshop(monkeypatch, home):
    monkeypatch.setenv(workshop.SWITCH, "1")
    monkeypatch.setenv("TRICKBOARD_PASSCODE", GUEST)
    monkeypatch.setenv("TRICKBOARD_HOST_PASSCODE", HOST)
    workshop.secret.cache_clear()


class Answer:
    def __init__(self, messages):
        self.status = messages[0]["status"]
        self.headers = Counter()
        self.all = [(name.decode(), value.decode()) for name, value in messages[0]["headers"]]
        self.headers = dict(self.all)
        self.text = b"".join(one.get("body", b"") for one in messages[1:]).decode()

    @property
    def cookie(self):
        found = SimpleCookie(self.headers.get("set-cookie", ""))
        return found.get(workshop.COOKIE)


class Building:
    """A server behind the door; says what got in."""

    def __init__(self):
        self.entered = []
        self.door = Door(self)

    async def __call__(self, scope, receive, send):
        self.entered.append(scope["path"])
        if scope["type"] == "websocket":
            await receive()
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    def ask(self, path="/", method="GET", body=b"", address="10.0.0.7", **headers):
        sent = {"accept": "text/html", "host": "board:8501"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": (address, 5000), "server": ("board", 8501), "scheme": "http",
            "root_path": "", "http_version": "1.1",
        }  # fmt: skip
        messages = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            messages.append(message)

        asyncio.run(self.door(scope, receive, send))
        return Answer(messages)

    def enter(self, name="Ada", passcode=GUEST, back="/", **more):
        body = urlencode({"name": name, "passcode": passcode, "next": back}).encode()
        return self.ask("/enter", "POST", body, **more)

    def person(self, **how):
        return workshop.known_by({workshop.COOKIE: self.enter(**how).cookie.value})


@pytest.fixture
def building():
    return Building()


async def connect(building, cookie="", until=None):
    """Open a page's connection and hold it until told; what the door said."""
    said, headers = [], [(b"cookie", f"{workshop.COOKIE}={cookie}".encode())] if cookie else []
    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": headers,
             "query_string": b"", "client": ("10.0.0.7", 1), "scheme": "ws"}  # fmt: skip

    async def receive():
        if until is not None:
            await until.wait()
        return {"type": "websocket.disconnect"}

    async def send(message):
        said.append(message)

    await building.door(scope, receive, send)
    return said


# Strangers.


@pytest.mark.parametrize(
    "path",
    ["/", "/runs", "/?experiment=abc", "/_stcore/host-config", "/_stcore/upload_file/x/y",
     "/media/x.png", "/plotly/plotly.min.js", "/static/js/index.js", "/%2e%2e/etc/passwd"],
)  # fmt: skip
def test_a_stranger_gets_the_one_page(building, path):
    answer = building.ask(path)
    assert answer.status == 401
    assert "Your name" in answer.text and 'type="password"' in answer.text
    assert building.ask(path, accept="*/*").text == ""
    assert building.ask(path, "POST").status == 401
    assert building.entered == []


def test_a_stranger_gets_no_connection(building):
    assert asyncio.run(connect(building)) == [{"type": "websocket.close", "code": 1008}]
    assert asyncio.run(connect(building, "forged"))[0]["code"] == 1008
    assert building.entered == []


def test_whether_the_server_lives_is_no_secret(building):
    assert building.ask("/_stcore/health").text == "inside"


def test_at_home_there_is_no_door(building, monkeypatch):
    monkeypatch.delenv(workshop.SWITCH)
    assert building.ask("/").text == "inside"
    assert building.ask("/enter", "POST").text == "inside"
    asyncio.run(connect(building))
    assert building.entered == ["/", "/enter", "/_stcore/stream"]


@pytest.mark.parametrize("value", ["", "0", "true", "yes", "on"])
def test_it_is_not_turned_on_by_accident(monkeypatch, value):
    monkeypatch.setenv(workshop.SWITCH, value)
    assert not workshop.on()


# Coming in.


def test_name_and_passcode_lead_to_where_one_wanted_to_go(building):
    stranger = building.ask("/runs?experiment=abc")
    back = re.search(r'name="next" value="([^"]*)"', stranger.text)[1]
    answer = building.enter(back=back)
    assert (answer.status, answer.headers["location"]) == (303, "/runs?experiment=abc")
    cookie = f"{workshop.COOKIE}={answer.cookie.value}"
    assert building.ask("/runs", cookie=cookie).text == "inside"
    assert asyncio.run(connect(building, answer.cookie.value)) == []


def test_the_cookie_is_not_for_scripts_nor_for_other_sites(building):
    cookie = building.enter().cookie
    assert cookie["httponly"] and cookie["samesite"] == "lax" and not cookie["secure"]
    assert int(cookie["max-age"]) == workshop.DAYS * 86_400


def test_who_enters_is_somebody(building):
    first, second = building.person(name="Ada"), building.person(name="Ada")
    assert first.name == second.name == "Ada" and first.id != second.id
    assert not first.host and building.person(passcode=HOST).host


def test_the_cookie_finds_the_same_person_after_a_restart(building):
    token = building.enter().cookie.value
    before = workshop.known_by({workshop.COOKIE: token})
    workshop.key_in.cache_clear()
    workshop.checked.cache_clear()
    assert workshop.known_by({workshop.COOKIE: token}) == before


def test_a_new_passcode_sends_everybody_back(building, monkeypatch):
    guest, host = building.enter().cookie.value, building.enter(passcode=HOST).cookie.value
    monkeypatch.setenv("TRICKBOARD_PASSCODE", "another-one")
    assert workshop.known_by({workshop.COOKIE: guest}) is None
    assert workshop.known_by({workshop.COOKIE: host}).host


def test_nobody_makes_a_cookie_of_their_own(building, monkeypatch):
    token = building.enter().cookie.value
    for i in range(0, len(token), 7):
        forged = token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :]
        known = workshop.known_by({workshop.COOKIE: forged})
        assert known is None or known == workshop.known_by({workshop.COOKIE: token})
    keeper = workshop.checked("x" * 10, HOST)
    assert workshop.known_by({workshop.COOKIE: keeper.token(Person(name="A", id="1"))}) is None


def test_a_cookie_grows_old(building, monkeypatch):
    token = building.enter().cookie.value
    monkeypatch.setattr(workshop, "DAYS", -1)
    assert workshop.known_by({workshop.COOKIE: token}) is None


def test_the_key_is_the_hosts_alone(building, home):
    building.enter()
    file = home / "workshop.key"
    assert len(file.read_bytes()) == 32
    assert file.stat().st_mode & 0o077 == 0 or os.name == "nt"


@pytest.mark.parametrize(
    ("name", "said"), [("", "Enter a name"), ("x" * 24, "at most 23"), ("a#b", "letters")]
)
def test_a_name_that_is_none_is_told(building, name, said):
    answer = building.enter(name=name)
    assert answer.status == 400 and said in answer.text and answer.cookie is None


def test_nothing_that_is_sent_becomes_html(building):
    evil = '"><script>alert(1)</script>'
    for answer in (
        building.enter(name=evil, passcode="wrong"),
        building.enter(name=evil),
        building.enter(back="/?experiment=" + evil, passcode="wrong"),
        building.ask("/?x=" + evil),
    ):
        assert "<script" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/enter",
     "/leave", "runs", "/runs/../..", "\r\nSet-Cookie: a=b"],
)  # fmt: skip
def test_the_door_leads_nowhere_else(building, address):
    assert inside(address) == "/"
    assert building.enter(back=address).headers["location"] == "/"


def test_a_line_break_in_an_address_starts_no_header(building):
    answer = building.enter(back="/runs?a=\r\nSet-Cookie: evil=1")
    assert [name for name, _ in answer.all].count("set-cookie") == 1
    assert "\n" not in answer.headers["location"]


def test_a_form_of_another_site_is_refused(building):
    assert building.enter(origin="https://evil.example").status == 403
    assert building.enter(origin="http://board:8501").status == 303


def test_a_form_larger_than_ours_is_refused(building):
    assert building.enter(name="x" * 5_000).status == 413
    assert building.ask("/enter", "POST", b"&".join([b"a=1"] * 20)).status == 413
    assert building.ask("/enter", "POST", bytes(range(256))).status == 403


def test_leaving(building):
    answer = building.ask("/leave")
    assert answer.status == 303 and answer.cookie.value == ""


# Guessing.


def test_wrong_passcodes_are_counted_by_address(building, monkeypatch):
    clock = [1_000.0]
    monkeypatch.setattr(door.time, "monotonic", lambda: clock[0])
    for _ in range(workshop.limits().tries_each):
        answer = building.enter(passcode="wrong")
        assert answer.status == 403 and "not the passcode" in answer.text
    answer = building.enter()
    assert answer.status == 429 and answer.headers["retry-after"] == "60"
    assert "Wait a minute" in answer.text, "even the right one has to wait"
    assert building.enter(address="10.0.0.8").status == 303
    clock[0] += 61
    assert building.enter().status == 303


def test_wrong_passcodes_of_many_addresses_are_counted_together(building):
    for i in range(workshop.limits().tries):
        building.enter(passcode="wrong", address=f"10.0.{i}.1")
    assert building.enter(address="10.9.9.9").status == 429


def test_right_passcodes_are_not_counted(building):
    """Thirty people behind one address come in within a minute."""
    assert {building.enter(name=f"p{i}").status for i in range(30)} == {303}


def test_what_is_counted_is_forgotten(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(door.time, "monotonic", lambda: clock[0])
    tries = Tries()
    for i in range(50):
        tries.add(f"address {i}")
        clock[0] += 10
    assert tries.count("address 49") == (1, 6)
    assert len(tries.wrong) == 6


# Setting it up.


@pytest.mark.parametrize(
    ("guest", "host", "said"),
    [
        ("", HOST, "TRICKBOARD_PASSCODE with at least 6"),
        ("short", HOST, "not 5"),
        (GUEST, "", "TRICKBOARD_HOST_PASSCODE with at least 10"),
        (GUEST, "too short", "not 9"),
        (HOST, HOST, "must differ"),
    ],
)
def test_a_workshop_with_an_open_door_is_refused(monkeypatch, guest, host, said):
    monkeypatch.setenv("TRICKBOARD_PASSCODE", guest)
    monkeypatch.setenv("TRICKBOARD_HOST_PASSCODE", host)
    with pytest.raises(workshop.WrongSetup, match=said):
        workshop.doorkeeper()


def test_a_login_that_nothing_can_serve_is_refused(monkeypatch):
    monkeypatch.setattr(workshop, "find_spec", lambda name: None)
    with pytest.raises(workshop.WrongSetup, match=r'pip install "streamlit\[auth\]"'):
        workshop.check_login()


# Open pages.


def test_open_pages_are_limited_by_person_and_in_all(building, monkeypatch):
    few = Limits(waiting=1, sessions=3, sessions_each=2)
    monkeypatch.setattr(workshop, "limits", lambda: few)
    ada, bob = (building.enter(name=one).cookie.value for one in ("Ada", "Bob"))

    async def room():
        until = asyncio.Event()
        pages = [asyncio.create_task(connect(building, ada, until)) for _ in range(2)]
        await asyncio.sleep(0)
        third = await connect(building, ada)
        pages.append(asyncio.create_task(connect(building, bob, until)))
        await asyncio.sleep(0)
        fourth = await connect(building, bob)
        told = building.door.full(workshop.known_by({workshop.COOKIE: ada}))
        until.set()
        return third, fourth, told, await asyncio.gather(*pages)

    third, fourth, told, pages = asyncio.run(room())
    assert third == fourth == [{"type": "websocket.close", "code": 1013}]
    assert "You have 2 pages" in told
    assert pages == [[], [], []]
    assert building.door.open.total() == 0 and not building.door.open


def test_where_there_is_no_room_a_page_says_so(building, monkeypatch):
    monkeypatch.delenv(workshop.SWITCH)
    building.door.open[""] = workshop.limits().sessions
    answer = building.ask("/")
    assert answer.status == 503 and "pages of this Trickboard are open" in answer.text
    assert building.ask("/media/x.png", accept="*/*").text == "inside"
