"""`conf/apiVersion.json`: calls that name no version of the interface are told so, when that is switched on."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.rest.conftest import Server, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

WARNING = '100 CREST "Accept-API-Version should be included in the request."'
SWITCHED_ON = {"warning": {"enabled": True, "logFilterResourcePaths": ["managed", "managed/user", "recon"]}}
NAMED = {"Accept-API-Version": "resource=1.0"}


@pytest_asyncio.fixture(loop_scope="module")
async def warning(server: Server) -> AsyncIterator[Server]:
    await server.put("config/apiVersion", SWITCHED_ON)
    yield server
    await server.call("DELETE", "config/apiVersion")


async def test_nothing_is_told_unless_switched_on(server: Server) -> None:
    assert "warning" not in (await server.call("GET", "info/ping")).headers
    shipped = (await server.get("config/apiVersion"))["warning"]["enabled"]
    assert shipped == {"$bool": "&{openidm.apiVersion.warning.enabled|false}"}


async def test_every_answer_without_a_version_carries_the_warning(warning: Server) -> None:
    for path, status in (("info/ping", 200), ("repo/link/nobody", 404), ("repo/link", 400)):
        told = await warning.call("GET", path)
        assert (told.status_code, told.headers["warning"]) == (status, WARNING)
        assert "warning" not in (await warning.call("GET", path, headers=NAMED)).headers


async def test_the_log_tells_once_for_each_path(warning: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "api.rest.versions"):
        for path in (
            "managed/user/a",
            "managed/user/b",
            "managed/src/a",
            "recon",
            "recon/x",
            "recons",
            "info/ping",
        ):
            await warning.call("GET", path)
    logged = [record.__dict__["path"] for record in caplog.records if record.name == "api.rest.versions"]
    assert logged == ["managed/user", "managed", "recon"]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"warning": []}, "expected an object"),
        ({"warning": {"enabled": "yes"}}, "expected true or false"),
        ({"warning": {"logFilterResourcePaths": [1]}}, "expected a text"),
    ],
)
async def test_a_wrong_document_is_refused(server: Server, document: object, says: str) -> None:
    answer = await server.call("PUT", "config/apiVersion", document)
    assert (answer.status_code, says in answer.json()["message"]) == (400, True), answer.text


async def test_boot_properties_switch_it_on(tmp_path: Path) -> None:
    properties = tmp_path / "project" / "resolver" / "boot.properties"
    properties.parent.mkdir(parents=True)
    properties.write_text("openidm.apiVersion.warning.enabled=true\n")
    async with serve(tmp_path / "project", data=tmp_path / "data") as server:
        assert (await server.call("GET", "info/ping")).headers["warning"] == WARNING
