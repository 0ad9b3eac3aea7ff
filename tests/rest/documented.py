"""The product whose reconciliation calls the documents show, and what its tests say to it."""

import asyncio
from pathlib import Path
from typing import Any

import orjson

from api import installation_key
from conf.project import DEFAULTS
from flows.call import Caller
from flows.launch import Launch, launch
from tests.embedded import Embedded
from tests.rest.curl import curl

Json = dict[str, Any]
ADMIN = Caller("openidm-admin", roles=frozenset({"openidm-admin", "openidm-authorized"}))
SECONDS = 30


def provisioner(file: str) -> Json:
    properties = {name: {"type": "string", "nativeName": name} for name in ("uid", "mail")}
    return {
        "connectorRef": {"connectorName": "org.forgerock.openicf.csvfile.CSVFileConnector"},
        "configurationProperties": {"csvFile": f"&{{project.location}}/data/{file}", "headerUid": "uid"},
        "objectTypes": {"account": {"nativeType": "__ACCOUNT__", "properties": properties}},
    }


def mapping(name: str, source: str, target: str, **more: Any) -> Json:
    properties = [{"source": "mail", "target": "mail"}]
    return {"name": name, "source": source, "target": target, "properties": properties, **more}


def project(folder: Path) -> Path:
    """Two systems of two people each, and a managed type of a realm, under the documents' names."""
    (folder / "conf").mkdir(parents=True)
    (folder / "data").mkdir()
    managed = orjson.loads((DEFAULTS / "managed.json").read_bytes())
    managed["objects"].append({"name": "realm-name_user"})
    systems = {name: provisioner(f"{name}.csv") for name in ("ldap", "hrdb")}
    mappings = [
        mapping(
            "systemLdapAccounts_managedUser",
            "system/ldap/account",
            "managed/realm-name_user",
            reconAssociation={"maxAnalysisRunsPerMapping": 1, "maxNonAnalysisRunsPerMapping": 3},
        ),
        mapping(
            "managedUser_systemLdapAccounts",
            "managed/realm-name_user",
            "system/ldap/account",
            links="systemLdapAccounts_managedUser",
        ),
        mapping("systemHrdb_managedUser", "system/hrdb/account", "managed/realm-name_user"),
    ]
    files: dict[str, Json] = {"managed": managed, "sync": {"mappings": mappings}}
    files |= {f"provisioner.openicf-{name}": content for name, content in systems.items()}
    for name, content in files.items():
        (folder / "conf" / f"{name}.json").write_bytes(orjson.dumps(content))
    for name in systems:
        rows = "".join(f"{name}{n},{name}{n}@example.com\n" for n in range(2))
        (folder / "data" / f"{name}.csv").write_text("uid,mail\n" + rows)
    return folder


def token_of(product: Embedded) -> str:
    key = installation_key.create(product.runtime.settings.data)
    return key.sign("openidm-admin", ADMIN.roles, 600, product.runtime.clock() // 1000)


async def answered(product: Embedded, line: str, status: int = 200) -> Any:
    token = product.runtime.extras["token"]
    answer = await curl(line).send(product.client, **{"token": token, "access-token": token})
    assert answer.status_code == status, answer.text
    return answer.json()


async def started(product: Embedded, id: str, mapping: str, *, associations: bool = False) -> None:
    """A run under the id that a document names."""
    call = product.runtime.call(ADMIN, transaction_id=id)
    await launch(call, Launch(mapping, persist_associations=associations))


async def ended(product: Embedded, id: str) -> Json:
    async with asyncio.timeout(SECONDS):
        while True:
            status, run = await product.call("GET", f"recon/{id}")
            assert status == 200, run
            if run["state"] != "ACTIVE":
                return dict(run)
            await asyncio.sleep(0.01)
