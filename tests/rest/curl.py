"""Command lines of curl as an operator has them, sent to a server in the same process."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

_OPTIONS = ArgumentParser(prog="curl", allow_abbrev=False)
_OPTIONS.add_argument("-H", "--header", action="append", default=[])
_OPTIONS.add_argument("-X", "--request")
_OPTIONS.add_argument("-d", "--data")
_OPTIONS.add_argument("url")


@dataclass(frozen=True)
class CurlLine:
    """What a command line of curl asks for."""

    method: str
    target: str
    """Path and query, exactly as written."""
    headers: list[tuple[str, str]]
    body: str | None

    async def send(self, client: httpx2.AsyncClient, **placeholders: str) -> httpx2.Response:
        """Send it as it stands; only the documents' own placeholders, as `<access-token>`, get a value."""
        headers = [(name, _filled(value, placeholders)) for name, value in self.headers]
        client.cookies.clear()
        more: dict[str, Any] = {} if self.body is None else {"content": self.body.encode()}
        return await client.request(self.method, self.target, headers=headers, **more)


def _filled(text: str, placeholders: dict[str, str]) -> str:
    for name, meant in placeholders.items():
        text = text.replace(f"<{name}>", meant).replace(f"*{name}*", meant)
    return text


def curl(text: str) -> CurlLine:
    """Read a command line, continued lines and quotes included; an option that it does not know is an error."""
    words = shlex.split(text.replace("\\\n", " "))
    assert words[0] == "curl"
    given = _OPTIONS.parse_args(words[1:])
    url = urlsplit(given.url)
    headers = [
        (name.strip(), value.strip()) for name, _, value in (one.partition(":") for one in given.header)
    ]
    return CurlLine(
        given.request or ("GET" if given.data is None else "POST"),
        url.path + (f"?{url.query}" if url.query else ""),
        headers,
        given.data,
    )
