"""The two-way sample on a real directory."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import conf.samples
from flows.store import managed
from tests import slapd as directory
from tests.embedded import Embedded, embedded
from tests.slapd import ADMIN, PASSWORD, Slapd

Json = dict[str, Any]
SAMPLE = Path(next(iter(conf.samples.__path__))) / "two-way-ldap"
BASE = "dc=example,dc=com"


@contextmanager
def sample_directory(**more: Any) -> Iterator[Slapd]:
    """A directory with the sample's entries."""
    with directory.running(**more) as server:
        text = (SAMPLE / "ldap" / "example.ldif").read_text()
        entries = [part for part in text.split("\n\n") if "ou=" in part.split("\n", 1)[0].split(",", 1)[-1]]
        server.add("\n\n".join(entries) + "\n")
        yield server


@asynccontextmanager
async def sample(slapd: Slapd, folder: Path, **settings: Any) -> AsyncIterator[Embedded]:
    """The sample's project, led to the directory."""
    project = folder / "my"
    shutil.copytree(SAMPLE, project)
    lead(project, port=slapd.port, principal=ADMIN, credentials=PASSWORD)
    async with embedded(project, folder / "data", **settings) as server:
        yield server


def lead(project: Path, **properties: Any) -> None:
    """Change the connector's properties."""
    file = project / "conf" / "provisioner.openicf-ldap.json"
    document = json.loads(file.read_text())
    document["configurationProperties"] |= properties
    file.write_text(json.dumps(document))


async def start(server: Embedded, name: str = "people", **options: Any) -> Json:
    path = f"reconciliation/{name}?_action=start&waitForCompletion=true"
    status, run = await server.call("POST", path, options)
    assert status == 200, run
    return dict(run)


async def results(server: Embedded, run: Json) -> list[Json]:
    status, body = await server.call("GET", f"reconciliation/history/{run['_id']}/object?_queryFilter=true")
    assert status == 200, body
    return list(body["result"])


async def users(server: Embedded) -> dict[str, Json]:
    async with server.runtime.database.read() as tx:
        found = await managed.find(tx, "user")
    return {row.body["userName"]: row.object() for row in found.rows}


def people(slapd: Slapd) -> str:
    return slapd.run("ldapsearch", "", "-LLL", "-b", f"ou=people,{BASE}", "(objectClass=person)", "*")
