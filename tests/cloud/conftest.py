"""An issuer for the session, and a server that trusts it for each test module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import pytest_asyncio

from api.app import create_app
from api.auth import Gate
from conf.project import DEFAULTS
from conf.settings import Settings
from tests.cloud.issuer import AUDIENCE, Issuer, running

ADMIN = {"X-OpenIDM-Username": "openidm-admin", "X-OpenIDM-Password": "openidm-admin"}


@dataclass
class Cloud:
    """A server, the issuer that it trusts, and its data folder."""

    client: httpx2.AsyncClient
    issuer: Issuer
    data: Path
    gate: Gate

    async def call(
        self, token: str, method: str = "GET", path: str = "info/login", body: Any = None, **headers: str
    ) -> httpx2.Response:
        """One call with a bearer token."""
        given = [(b"authorization", f"Bearer {token}".encode("latin-1", "replace"))]
        given += [(name.encode(), value.encode()) for name, value in headers.items()]
        more = {} if body is None else {"json": body}
        return await self.client.request(method, f"/openidm/{path}", headers=given, **more)

    async def as_admin(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        more = {} if body is None else {"json": body}
        return await self.client.request(method, f"/openidm/{path}", headers=ADMIN, **more)


def authentication(trusted: Issuer, **more: Any) -> dict[str, Any]:
    """The default authentication.json, with this issuer."""
    document: dict[str, Any] = orjson.loads((DEFAULTS / "authentication.json").read_bytes())
    bearer = {"issuer": trusted.url, "audience": AUDIENCE, "algorithms": ["RS256", "ES256"]}
    return document | {"bearer": bearer | more}


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloud(
    issuer: Issuer, tmp_path_factory: pytest.TempPathFactory, module_store: dict[str, str]
) -> AsyncIterator[Cloud]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "conf").mkdir()
    mapped = {
        "rolesClaim": "groups",
        "claimToRoles": {"idm-admins": ["internal/role/openidm-admin"], "staff": ["openidm-authorized"]},
        "subjectMapping": [
            {
                "queryOnResource": "managed/user",
                "propertyMapping": {"sub": "userName"},
                "userRoles": "authzRoles/*",
                "defaultRoles": ["internal/role/openidm-authorized"],
            }
        ],
        "staticUserMapping": [
            {
                "subject": "(usr!amadmin)",
                "localUser": "internal/user/openidm-admin",
                "roles": ["internal/role/openidm-authorized", "internal/role/openidm-admin"],
            }
        ],
        "revoked": ["lost-token"],
    }
    (folder / "conf" / "authentication.json").write_bytes(orjson.dumps(authentication(issuer, **mapped)))
    settings = Settings(project=folder, executor="embedded", **module_store)
    app = create_app(settings)
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 50000))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client,
    ):
        app.state.crest.gate.brake.seconds = 0  # most tokens here are wrong
        yield Cloud(client, issuer, settings.data, app.state.crest.gate)
