"""A login provider (OpenID Connect) of a few people, each of whom is let in by a click.

It keeps to what Streamlit's login asks of one: a description of itself, a page to log in, a code
for it, a signed token for the code, and the key to check the signature with.
"""

from __future__ import annotations

import json
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

PEOPLE = {
    "ada": {"name": "Ada", "email": "ada@example.org", "email_verified": True},
    "teacher": {"name": "Teacher", "email": "teacher@example.org", "email_verified": True},
    # Says to be the teacher, and nobody has checked it.
    "mallory": {"name": "Mallory", "email": "teacher@example.org", "email_verified": False},
}


class Provider:
    """Answers on a free port of this machine until it is closed."""

    client = "trickboard"
    secret = "only between these two"

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.codes: dict[str, dict[str, Any]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def choices(self, asked: dict[str, str]) -> str:
        """The page to log in: a link for everybody."""
        links = []
        for who in PEOPLE:
            code = secrets.token_urlsafe(8)
            self.codes[code] = {"who": who, "nonce": asked.get("nonce")}
            back = urlencode({"code": code, "state": asked["state"]})
            links.append(f'<p><a href="{asked["redirect_uri"]}?{back}">I am {who}</a></p>')
        return f"<!doctype html><title>Log in</title>{''.join(links)}"

    def token(self, code: str) -> dict[str, Any]:
        """Who came with this code, signed. A code is good once."""
        known = self.codes.pop(code)
        now = int(time.time())
        claims = PEOPLE[known["who"]] | {
            "iss": self.url, "sub": known["who"], "aud": self.client, "nonce": known["nonce"],
            "iat": now, "exp": now + 3600,
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed, "expires_in": 3600}

    def handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                asked = {key: one[0] for key, one in parse_qs(url.query).items()}
                match url.path:
                    case "/.well-known/openid-configuration":
                        self.answer(json.dumps(provider.description()))
                    case "/authorize" if asked.get("client_id") == provider.client:
                        self.answer(provider.choices(asked), "text/html")
                    case "/keys":
                        self.answer(json.dumps({"keys": [provider.key.as_dict(private=False)]}))
                    case _:
                        self.send_error(404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                (code,) = parse_qs(body)["code"]
                self.answer(json.dumps(provider.token(code)))

            def answer(self, text: str, kind: str = "application/json") -> None:
                self.send_response(200)
                self.send_header("content-type", kind)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args: object) -> None:
                """Nothing on the terminal."""

        return Handler
