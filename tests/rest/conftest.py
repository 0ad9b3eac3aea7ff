"""A server of its own for each test: an empty project folder, SQLite, called in process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.app import create_app
from conf.settings import Settings
from flows.call import Runtime

ADMIN = {"X-OpenIDM-Username": "openidm-admin", "X-OpenIDM-Password": "openidm-admin"}


@dataclass
class Server:
    """A running application and a client that talks to it."""

    runtime: Runtime
    client: httpx2.AsyncClient
    headers: dict[str, str] = field(default_factory=lambda: dict(ADMIN))

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        """One call below /openidm, as the administrator unless other headers are given."""
        given = dict(self.headers) | (headers or {})
        if body is not None:
            more["json"] = body
        return await self.client.request(method, f"/openidm/{path}", headers=given, **more)

    async def get(self, path: str, **more: Any) -> Any:
        """The body of a read that succeeds."""
        answer = await self.call("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def put(self, path: str, body: Any, **more: Any) -> Any:
        """The body of a PUT that succeeds."""
        answer = await self.call("PUT", path, body, **more)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


Starter = Callable[..., Awaitable[Server]]


@asynccontextmanager
async def serve(folder: Path, **settings: Any) -> AsyncIterator[Server]:
    """A server on this project folder."""
    (folder / "conf").mkdir(parents=True, exist_ok=True)
    app = create_app(Settings(project=folder, executor="embedded", **settings))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 50000))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client,
    ):
        yield Server(app.state.runtime, client)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server on an empty project folder."""
    async with serve(tmp_path) as found:
        yield found


@pytest.fixture
async def plain(server: Server) -> Server:
    """A server with managed types `src`, `dst` and `q` that have no schema."""
    document = await server.get("config/managed")
    document["objects"] += [{"name": name} for name in ("src", "dst", "q", "void")]
    await server.put("config/managed", document)
    return server


def user(**more: Any) -> dict[str, Any]:
    """A person that fulfils every policy."""
    given = {"userName": "bjensen", "givenName": "Barbara", "sn": "Jensen", "mail": "bjensen@example.com"}
    return given | more
