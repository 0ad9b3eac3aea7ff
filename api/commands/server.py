"""Talking to a running server over HTTP: where it is, as whom we come, and its errors as sentences.

Only the standard library: an HTTP client with more to it would take longer to import than the call takes.
"""

from __future__ import annotations

import getpass
import json
import os
import ssl
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from api import address_file
from api.commands import folders
from api.commands.options import Reach
from api.commands.outcome import CommandFailed
from api.commands.printing import note
from api.folder_lock import is_in_use
from conf.errors import ReconError

TOKEN_FILE = "cli-token"
PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.1
PAGE = 500
PIECE = 1 << 16


@dataclass(frozen=True)
class Server:
    """A running server and the headers that say who calls."""

    url: str
    headers: Mapping[str, str]

    def read(self, path: str, **parameters: str) -> dict[str, Any]:
        """GET one object."""
        return self._ask("GET", path, None, parameters)

    def act(self, path: str, action: str, body: Any = None, **parameters: str) -> dict[str, Any]:
        """POST with an `_action`."""
        return self._ask("POST", path, {} if body is None else body, {"_action": action, **parameters})

    def query(self, path: str, filter: str = "true", **parameters: str) -> Iterator[dict[str, Any]]:
        """All objects that a filter finds, page by page."""
        cookie: dict[str, str] = {}
        while True:
            asked = {"_queryFilter": filter, "_pageSize": str(PAGE), **parameters, **cookie}
            answer = self._ask("GET", path, None, asked)
            yield from answer["result"]
            if not answer.get("pagedResultsCookie"):
                return
            cookie = {"_pagedResultsCookie": answer["pagedResultsCookie"]}

    def fetch(self, path: str, **parameters: str) -> Iterator[bytes]:
        """GET a file, in pieces."""
        try:
            with self._open("GET", path, None, parameters) as answer:
                while piece := answer.read(PIECE):
                    yield piece
        except (OSError, HTTPException) as cause:
            raise _no_answer(self.url, cause) from cause

    def open_tasks_of(self, mapping: str) -> int:
        """How many tasks of a mapping wait for a person."""
        asked = {"_queryId": "filtered-query", "var-mapping": mapping, "_fields": "_id"}
        return len(self._ask("GET", "workflow/taskinstance", None, asked)["result"])

    def _ask(self, method: str, path: str, body: Any, parameters: Mapping[str, str]) -> dict[str, Any]:
        try:
            with self._open(method, path, body, parameters) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError) as cause:
            raise _no_answer(self.url, cause) from cause

    def _open(self, method: str, path: str, body: Any, parameters: Mapping[str, str]) -> HTTPResponse:
        """The answer once it has begun; errors of the server are raised."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        url = f"{self.url}/openidm/{quote(path, safe='/')}{query}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept-API-Version": "resource=1.0", **self.headers}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            request = Request(url, data, headers, method=method)
            try:
                answer: HTTPResponse = self._opener().open(request, timeout=PATIENCE_SECONDS)
            except HTTPError as refused:
                busy = refused.code == 503 and time.monotonic() < deadline
                if not busy:
                    raise _error(refused) from refused
                time.sleep(_pause(refused))
            except (URLError, OSError, ValueError) as cause:
                raise _no_answer(self.url, cause) from cause
            else:
                return answer

    def _opener(self) -> OpenerDirector:
        # a proxy of the environment is for the world outside, not for this machine
        return build_opener(ProxyHandler({})) if is_loopback(self.url) else build_opener()


def is_loopback(url: str) -> bool:
    """Whether the address is one of this machine."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def reach(options: Reach) -> Server:
    """The server that the options mean; CommandFailed when none can be found."""
    where = folders.find(options.project, options.data)
    url = options.url or _published(where.data)
    if not url:
        raise CommandFailed(
            f"No server is running on {where.data}. Start one with `recon up`, or name one with --url."
        )
    url = url.rstrip("/").removesuffix("/openidm")
    if urlsplit(url).scheme not in {"http", "https"}:
        raise CommandFailed(f"{url} is no address of a server; write http://host:port.")
    return Server(url, _headers(url, options.user, where.data))


def _published(data: Path) -> str | None:
    """The address of the server on a data folder; one that is starting is waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    url = address_file.find(data)
    if url is None and is_in_use(data):
        note("The server is starting; waiting for it.")
        while url is None and is_in_use(data) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
            url = address_file.find(data)
    return url


def _headers(url: str, user: str | None, data: Path) -> dict[str, str]:
    if user:
        password = os.environ.get("RECON_PASSWORD")
        if password is None:
            if not sys.stdin.isatty():
                raise CommandFailed(f"The password of {user} is wanted: set RECON_PASSWORD.")
            password = getpass.getpass(f"Password of {user}: ", sys.stderr)
        return {"X-OpenIDM-Username": user, "X-OpenIDM-Password": password, "X-OpenIDM-NoSession": "true"}
    with suppress(OSError):
        if is_loopback(url):
            token = (data / TOKEN_FILE).read_text(encoding="ascii").strip()
            return {"Authorization": f"Bearer recon-cli {token}", "X-Recon-User": _os_user()}
    raise CommandFailed(
        f"Who are you for {url}? Name an account with --user (or RECON_USER); "
        f"without one, the key {data / TOKEN_FILE} must be readable and the server on this machine."
    )


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid-{os.getuid()}"


def _error(refused: HTTPError) -> ReconError:
    try:
        body = json.load(refused)
        return ReconError(str(body["message"]), detail=body.get("detail"), code=refused.code)
    except (ValueError, KeyError, TypeError, OSError):
        return ReconError(f"The server answered {refused.code} {refused.reason}.", code=refused.code)


def _pause(refused: HTTPError) -> float:
    try:
        return min(float(refused.headers.get("Retry-After", "1")), 5)
    except ValueError:
        return 1


def _no_answer(url: str, cause: Exception) -> CommandFailed:
    reason = cause.reason if isinstance(cause, URLError) else cause
    if isinstance(reason, TimeoutError):
        return CommandFailed(f"The server at {url} did not answer within {PATIENCE_SECONDS} s.")
    if isinstance(reason, ConnectionRefusedError):
        return CommandFailed(
            f"No server answers at {url}. Start one with `recon up`, or name one with --url."
        )
    if isinstance(reason, ssl.SSLError):
        return CommandFailed(f"The certificate of {url} is not trusted: {reason.reason}.")
    return CommandFailed(f"No sensible answer from {url}: {reason}.")
