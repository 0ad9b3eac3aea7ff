"""A server for each test module: a project folder, called in process, on SQLite and, with `-m services`, on PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import pytest_asyncio
from fastapi import FastAPI

from api.app import create_app
from api.rest.crest import Crest
from conf.project import DEFAULTS
from conf.settings import Settings
from flows.call import Runtime
from tests.embedded import embedded
from tests.rest.reconciling import Reconciling

ADMIN = {"X-OpenIDM-Username": "openidm-admin", "X-OpenIDM-Password": "openidm-admin"}


@dataclass
class Server:
    """A running application and a client that talks to it."""

    app: FastAPI
    client: httpx2.AsyncClient
    headers: dict[str, str] = field(default_factory=lambda: dict(ADMIN))

    @property
    def crest(self) -> Crest:
        found: Crest = self.app.state.crest
        return found

    @property
    def runtime(self) -> Runtime:
        return self.crest.runtime

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        """One call below /openidm, as the administrator unless other headers are given."""
        given = dict(self.headers) | (headers or {})
        if body is not None:
            more["json"] = body
        return await self.client.request(method, f"/openidm/{path}", headers=given, **more)

    async def authenticate(self, path: str, username: object, password: object) -> tuple[int, object]:
        """Status and id that a collection of accounts gives for a name and a password."""
        body = {"username": username, "password": password}
        answer = await self.call("POST", f"{path}?_action=authenticate", body)
        return answer.status_code, answer.json().get("_id")

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


@asynccontextmanager
async def serve(folder: Path, **settings: Any) -> AsyncIterator[Server]:
    """A server on this project folder."""
    (folder / "conf").mkdir(parents=True, exist_ok=True)
    app = create_app(Settings(project=folder, **{"executor": "embedded", **settings}))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 50000))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client,
    ):
        yield Server(app, client)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    tmp_path_factory: pytest.TempPathFactory, module_store: dict[str, str]
) -> AsyncIterator[Server]:
    """One server for a test module, on a project folder with managed types of our own beside the default ones."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "conf").mkdir()
    document = orjson.loads((DEFAULTS / "managed.json").read_bytes())
    document["objects"] += [{"name": name} for name in ("src", "dst", "q", "void")]
    (folder / "conf" / "managed.json").write_bytes(orjson.dumps(document))
    async with serve(folder, **module_store) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recon(
    tmp_path_factory: pytest.TempPathFactory, module_store: dict[str, str]
) -> AsyncIterator[Reconciling]:
    """A product that also carries out its runs, in pages of two entries; each test begins with an empty store."""
    base = tmp_path_factory.mktemp("recon")
    (base / "project" / "conf").mkdir(parents=True)
    async with embedded(base / "project", base / "data", page_size=2, **module_store) as product:
        yield Reconciling(product)


@pytest.fixture(autouse=True)
def _no_cookies(request: pytest.FixtureRequest) -> None:
    """No test logs another one in."""
    if "server" in request.fixturenames:
        request.getfixturevalue("server").client.cookies.clear()


def user(**more: Any) -> dict[str, Any]:
    """A person that fulfils every policy."""
    given = {"userName": "bjensen", "givenName": "Barbara", "sn": "Jensen", "mail": "bjensen@example.com"}
    return given | more
