"""The doctor tells whether those who are to be told can be."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from api.commands.check_mail import check_mail
from api.commands.findings import Finding
from conf.project import open_project
from tests.reports.post import post_office
from tests.reports.runs import CONFIGURATION


async def examine(
    folder: Path, configuration: dict[str, Any], server: dict[str, Any] | None
) -> list[Finding]:
    (folder / "conf" / "reconciliation-hr.json").write_bytes(orjson.dumps(CONFIGURATION | configuration))
    if server is not None:
        (folder / "conf" / "external.email.json").write_bytes(orjson.dumps(server))
    return [finding async for finding in check_mail(open_project(folder))]


async def test_nobody_to_tell_needs_no_mail_server(folder: Path) -> None:
    assert await examine(folder, {"notifications": ["slack://a/b/c"]}, None) == []


async def test_an_address_without_a_mail_server(folder: Path) -> None:
    (found,) = await examine(folder, {"notifications": ["a@example.com"]}, None)
    assert found.message == "reconciliation/hr would send mail, and there is no mail server"
    assert found.remedy is not None
    assert "external.email.json" in found.remedy


async def test_a_mail_server_is_tried(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with post_office(password="right", tls=folder) as post:
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        auth = {"enable": True, "username": "recon", "password": "right"}
        server: dict[str, Any] = {
            "host": "localhost",
            "port": post.port,
            "from": "recon@example.com",
            "auth": auth,
        }
        server["starttls"] = True
        (found,) = await examine(folder, {}, server)
        assert found.message == f"localhost:{post.port} lets us in"
        (found,) = await examine(folder, {}, server | {"auth": {**auth, "password": "other"}})
        assert "Authentication" in found.message
    assert post.mails == []
    (found,) = await examine(folder, {}, server)
    assert f"localhost:{post.port}" in found.message
