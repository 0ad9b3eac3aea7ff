"""An OpenID Connect issuer on loopback, and tokens of every kind, good ones and forged ones."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc.jwk import ECKey, Key, RSAKey
from joserfc.jws import JWSRegistry

DISCOVERY = "/.well-known/openid-configuration"
AUDIENCE = "idm-clients"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(value: Any) -> str:
    """A part of a token: JSON of a value, or the very text that is given."""
    return b64((value if isinstance(value, str) else json.dumps(value)).encode())


def compact(header: Any, claims: Any, key: Key | None, algorithm: str = "RS256") -> str:
    """A token signed with that algorithm, whatever its header says; without a key it has no signature."""
    signed = f"{part(header)}.{part(claims)}"
    signature = JWSRegistry.algorithms[algorithm].sign(signed.encode(), key) if key is not None else b""
    return f"{signed}.{b64(signature)}"


@dataclass
class Issuer:
    """Its address, its keys, and what it was asked."""

    url: str = ""
    rsa: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "rsa/1="}))
    ec: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "ec-1"}))
    asked: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = field(default_factory=dict)
    """Answers other than the right ones, by path."""

    def claims(self, **more: Any) -> dict[str, Any]:
        """What a good token says; None leaves a claim out."""
        now = int(time.time())
        told = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "an-operator",
            "scope": ["fr:idm:*"],
            "iat": now,
            "exp": now + 300,
        } | more
        return {name: value for name, value in told.items() if value is not None}

    def header(self, **more: Any) -> dict[str, Any]:
        return {"typ": "JWT", "alg": "RS256", "kid": self.rsa.kid, "zip": "NONE"} | more

    def token(self, **more: Any) -> str:
        """A good token, but for what is given."""
        return compact(self.header(), self.claims(**more), self.rsa)

    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) | {"use": "sig"} for key in (self.rsa, self.ec)]}

    def answer(self, path: str) -> tuple[int, bytes, Mapping[str, str]]:
        if path in self.answers:
            return self.answers[path]
        if path == DISCOVERY:
            return 200, json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"}).encode(), {}
        return (200, json.dumps(self.jwks()).encode(), {}) if path == "/keys" else (404, b"{}", {})


@contextmanager
def running(issuer: Issuer) -> Iterator[Issuer]:
    """Serve it on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            status, body, headers = issuer.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_told: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
