"""A small project with one CSV file on one side and managed objects on the other."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from flows.store import managed
from tests.embedded import Embedded, embedded

Json = dict[str, Any]
HEADER = ("uid", "login", "mail", "city", "status")
TYPES = {"User": "user", "Group": "group", "Role": "role", "Organization": "organization"}


def managed_type(name: str) -> Json:
    """A type with the attributes of the file."""
    return {
        "name": name,
        "schema": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "policies": [{"policyId": "unique"}]},
                "mail": {"type": "string"},
                "city": {"type": "string"},
                "employeeId": {"type": "string"},
                "accountStatus": {"type": "string"},
            },
        },
    }


def provisioner(kind: str = "account") -> Json:
    return {
        "name": "hr",
        "connectorRef": {"connectorName": "org.forgerock.openicf.csvfile.CSVFileConnector"},
        "configurationProperties": {"csvFile": "&{idm.instance.dir}/data/hr.csv", "headerUid": "uid"},
        "objectTypes": {
            kind: {
                "type": "object",
                "nativeType": kind,
                "properties": {
                    "uid": {"type": "string", "nativeName": "__NAME__", "required": True},
                    **{name: {"type": "string"} for name in HEADER[1:]},
                },
            }
        },
    }


def configuration(kind: str = "User", **more: Any) -> Json:
    """A configuration that does nothing yet."""
    return {
        "type": kind,
        "managedSystem": "system/hr/account",
        "idmRepositoryField": "name",
        "sourceAttributeName": "login",
        "policyMap": [
            {"idm": "name", "resource": "login"},
            {"idm": "name", "resource": "uid", "direction": "toResource", "onCreateOnly": True},
            {"idm": "mail", "resource": "mail"},
            {"idm": "city", "resource": "city"},
        ],
        "idmStatus": {"attribute": "accountStatus", "deleted": ["deleted"]},
        "resourceStatus": {"attribute": "status"},
        "situations": {},
        **more,
    }


class World:
    """The project, running."""

    def __init__(self, running: Embedded, project: Path, kind: str) -> None:
        self.running, self.project, self.type = running, project, TYPES[kind]

    @property
    def file(self) -> Path:
        return self.project / "data" / "hr.csv"

    def write(self, *rows: Json) -> None:
        """Make the file hold these records."""
        text = io.StringIO()
        writer = csv.DictWriter(text, HEADER, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
        self.file.write_text(text.getvalue())

    def records(self) -> dict[str, Json]:
        """The file by login."""
        rows = csv.DictReader(self.file.read_text().splitlines())
        return {row["login"]: {key: value for key, value in row.items() if value} for row in rows}

    async def add(self, **content: Any) -> str:
        """A managed object; answers its id."""
        status, body = await self.running.call("POST", f"managed/{self.type}?_action=create", content)
        assert status == 201, body
        return str(body["_id"])

    async def objects(self) -> dict[str, Json]:
        """Managed objects by name."""
        async with self.running.runtime.database.read() as tx:
            found = await managed.find(tx, self.type)
        return {str(row.body.get("name")): row.object() for row in found.rows}

    async def configure(self, document: Json, name: str = "hr") -> None:
        status, body = await self.running.call("PUT", f"config/reconciliation/{name}", document)
        assert status in (200, 201), body

    async def run(self, name: str = "hr", **options: Any) -> Json:
        """Start and wait for the end."""
        status, body = await self.running.call(
            "POST", f"reconciliation/{name}?_action=start&waitForCompletion=true", options
        )
        assert status == 200, body
        return dict(body)

    async def results(self, run: Json) -> list[Json]:
        status, body = await self.running.call(
            "GET", f"reconciliation/history/{run['_id']}/object?_queryFilter=true"
        )
        assert status == 200, body
        return list(body["result"])

    async def links(self) -> int:
        status, body = await self.running.call("GET", "repo/link?_queryFilter=true")
        assert status == 200
        return len(body["result"])


@asynccontextmanager
async def world(folder: Path, kind: str = "User", **settings: Any) -> AsyncIterator[World]:
    project = folder / "project"
    (project / "conf").mkdir(parents=True)
    (project / "data").mkdir()
    types = {"objects": [managed_type(name) for name in TYPES.values()]}
    (project / "conf" / "managed.json").write_text(json.dumps(types))
    (project / "conf" / "provisioner.openicf-hr.json").write_text(json.dumps(provisioner()))
    (project / "conf" / "sync.json").write_text(json.dumps({"mappings": []}))
    async with embedded(project, folder / "data", **settings) as running:
        made = World(running, project, kind)
        made.write()
        yield made
