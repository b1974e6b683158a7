"""A workshop: one server for a room full of people, each of whom is somebody.

Turned on by the environment alone: ``TRICKBOARD_WORKSHOP=1`` with two passcodes, in
``TRICKBOARD_PASSCODE`` and ``TRICKBOARD_HOST_PASSCODE`` or in ``[workshop]`` of Streamlit's
``secrets.toml``; or with Streamlit's own login, when ``secrets.toml`` has a section ``[auth]``.

Who somebody is stands in a cookie, signed and not to be read by scripts: a reload, another tab and
a restart of the server find the same person, an address that is passed on does not make two people
one. (A token in the address would.) The key to it is a file in the home; the passcode is part of
it, so that a new passcode sends everybody back to the door.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import streamlit as st
from itsdangerous import BadData, URLSafeTimedSerializer

from trainer import home as place
from trainer.limits import HOME, WORKSHOP
from trainer.sharing import Person, clean_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.limits import Limits

SWITCH = "TRICKBOARD_WORKSHOP"
COOKIE = "trickboard"
DAYS = 14  # for which somebody stays who they are
SHORTEST, SHORTEST_HOST = 6, 10  # characters of the passcodes


class WrongSetup(Exception):
    """The workshop was turned on in a way that would leave its door open."""


@dataclass(frozen=True, kw_only=True)
class Doorkeeper:
    """The two passcodes of a workshop."""

    guest: str
    host: str

    def admits(self, passcode: str) -> bool | None:
        """True: the host; False: a participant; None: neither. Takes as long whatever is wrong."""
        given = passcode.strip().encode()
        is_host = hmac.compare_digest(given, self.host.encode())
        is_guest = hmac.compare_digest(given, self.guest.encode())
        return True if is_host else False if is_guest else None

    def signer(self, host: bool) -> URLSafeTimedSerializer:
        code = self.host if host else self.guest
        key = hmac.new(key_in(place.home()), code.encode(), hashlib.sha256).digest()
        return URLSafeTimedSerializer(key, salt="host" if host else "guest")

    def token(self, person: Person) -> str:
        """What the cookie of this person holds."""
        return self.signer(person.host).dumps([person.name, person.id])

    def person(self, token: str) -> Person | None:
        """Who holds this cookie; None if it is not one of ours, or too old."""
        for host in (True, False):
            try:
                name, id = self.signer(host).loads(token, max_age=DAYS * 86_400)
            except BadData:
                continue
            return Person(name=name, id=id, host=host)
        return None


@lru_cache(maxsize=4)
def key_in(home: Path) -> bytes:
    """The key that cookies are signed with, made at its first use; nobody else can read the file.

    Raises:
        OSError: the home cannot be written.
    """
    path = home / "workshop.key"
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(file, "wb") as made:
        made.write(secrets.token_bytes(32))
    return path.read_bytes()


def on() -> bool:
    """Whether this server is a workshop."""
    return os.environ.get(SWITCH, "") == "1"


def by_login() -> bool:
    """Whether Streamlit's own login says who somebody is."""
    return on() and bool(secret("auth"))


def check_login() -> None:
    """Raises WrongSetup: there is a section ``[auth]``, and nothing that could use it."""
    if not (find_spec("authlib") and find_spec("httpx")):
        raise WrongSetup(
            "secrets.toml has a section [auth], but what Streamlit's login needs is not "
            'installed: pip install "streamlit[auth]"'
        )


@lru_cache(maxsize=4)
def secret(section: str) -> Mapping[str, str]:
    """A section of ``secrets.toml``, empty if there is none."""
    try:
        return dict(st.secrets.get(section, {}))
    except FileNotFoundError:
        return {}


@lru_cache(maxsize=4)
def checked(guest: str, host: str) -> Doorkeeper:
    """Raises WrongSetup: a passcode is missing, too short, or opens both doors."""
    for name, code, least in (
        ("PASSCODE", guest, SHORTEST),
        ("HOST_PASSCODE", host, SHORTEST_HOST),
    ):
        if len(code) < least:
            raise WrongSetup(
                f"{SWITCH}=1 needs TRICKBOARD_{name} with at least {least} characters"
                + (f", not {len(code)}." if code else ".")
            )
    if guest == host:
        raise WrongSetup("TRICKBOARD_HOST_PASSCODE must differ from TRICKBOARD_PASSCODE.")
    return Doorkeeper(guest=guest, host=host)


def doorkeeper() -> Doorkeeper:
    """Who lets people in.

    Raises:
        WrongSetup: a passcode is missing, too short, or opens both doors.
    """
    known = secret("workshop") if "TRICKBOARD_PASSCODE" not in os.environ else {}
    guest = os.environ.get("TRICKBOARD_PASSCODE", str(known.get("passcode", "")))
    host = os.environ.get("TRICKBOARD_HOST_PASSCODE", str(known.get("host_passcode", "")))
    return checked(guest.strip(), host.strip())


def limits() -> Limits:
    return WORKSHOP if on() else HOME


def enter(name: str, host: bool) -> Person:
    """Somebody new.

    Raises:
        ValueError: that is no name.
    """
    return Person(name=clean_name(name), id=secrets.token_hex(4), host=host)


def person() -> Person | None:
    """Who looks at this page; None where there is no workshop. Stops the page for strangers."""
    if not on():
        return None
    found = logged_in() if by_login() else known_by(st.context.cookies)
    if found is None:
        st.error(
            "**You are not signed in any more.** Reload this page and enter again; your "
            "experiments go on.",
            icon=":material/lock:",
        )
        st.stop()
    return found


def known_by(cookies: Mapping[str, str]) -> Person | None:
    """Who has these cookies."""
    token = cookies.get(COOKIE)
    return doorkeeper().person(token) if token else None


def logged_in() -> Person | None:
    """Who Streamlit's login says it is. The host is named in ``TRICKBOARD_HOSTS``, by e-mail."""
    if not st.user.is_logged_in:
        return None
    email = str(st.user.get("email") or "").casefold()
    who = f"{st.user.get('iss')} {st.user.get('sub') or email}"
    hosts = {one.strip().casefold() for one in os.environ.get("TRICKBOARD_HOSTS", "").split(",")}
    verified = st.user.get("email_verified", True) is not False
    try:
        name = clean_name(str(st.user.get("name") or email)[:20])
    except ValueError:
        name = "guest"
    id = hashlib.sha256(who.encode()).hexdigest()[:8]
    return Person(name=name, id=id, host=bool(email) and verified and email in hosts)


def is_guest() -> bool:
    """Whether a participant looks on, who is not the host."""
    known = person()
    return known is not None and not known.host


def gate() -> None:
    """Before anything is drawn: strangers get no further."""
    if by_login() and not st.user.is_logged_in:
        st.title("Trickboard", anchor=False)
        st.markdown("This server is shared. Log in, so that your experiments are yours.")
        st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
        st.stop()
    person()
