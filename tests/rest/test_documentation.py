"""Documentation, health and metrics: without credentials, without anything from elsewhere."""

import re
from pathlib import Path

import pytest

from api.app import create_app
from api.rest.catalogue import FAMILIES
from conf.errors import ConfigError
from conf.settings import Settings
from flows.routes import build_router
from tests.rest.conftest import Server, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_pages_load_nothing_from_elsewhere(server: Server) -> None:
    for path in ("/docs", "/docs/page.js", "/docs/page.css"):
        answer = await server.client.get(path)
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert not re.search(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", answer.text)
    assert (await server.client.get("/redoc")).status_code == 404


async def test_openapi_tells_every_documented_call(server: Server) -> None:
    document = (await server.client.get("/openapi.json")).json()
    operations = [op for path in document["paths"].values() for op in path.values()]
    assert len(operations) > 60
    assert len({op["operationId"] for op in operations}) == len(operations)
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert named <= set(document["components"]["schemas"])
    for op in operations:
        assert op["summary"]
        assert {"401", "403", "404"} <= set(op["responses"])


def _documented() -> list[str]:
    return [op.path for family in FAMILIES for op in family.operations]


@pytest.mark.parametrize("path", sorted(set(_documented())))
async def test_a_documented_path_leads_somewhere(path: str) -> None:
    build_router().find(re.sub(r"\{\w+\}", "recon", path).strip("/"))


async def test_health_and_metrics(server: Server) -> None:
    await server.call("GET", "managed/src?_queryFilter=true")
    assert (await server.client.get("/healthz")).json() == {"status": "ok"}
    text = (await server.client.get("/metrics")).text
    assert 'recon_calls_total{method="GET",route="managed/{type}",status="200"}' in text
    for line in ("recon_store_up 1.0", 'recon_tasks_open{age="1h"} 0.0', "recon_workers 0.0"):
        assert line in text.splitlines()
    assert "openidm-admin" not in text


async def test_a_server_that_stops_says_so(tmp_path: Path) -> None:
    async with serve(tmp_path) as server:
        server.crest.draining = True
        answer = await server.call("GET", "info/ping")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (await server.client.get("/healthz")).status_code == 503


async def test_a_default_password_is_for_loopback_only(tmp_path: Path) -> None:
    app = create_app(Settings(project=tmp_path, host="0.0.0.0"))
    with pytest.raises(ConfigError, match="shipped with"):
        async with app.router.lifespan_context(app):
            pass
