"""Frodo, the client of those who operate Advanced Identity Cloud, against a server of ours, unchanged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.commands.throwaway import RECON, running

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

PACKAGE = "@rockcarver/frodo-lib@3.3.3"
MAPPING = "systemCsvfileAccounts_managedUser"
#: what must fail: there is no such thing, it is there already, or it is wrong
REFUSED = {
    "readReconUnknown",
    "createBrokenMapping",
    "createManagedObjectAgain",
    "readManagedObjectUnknown",
    "compileBrokenScript",
}
#: what we do not offer: logins to a CSV file, scripts of a connector
NOT_OFFERED = {"authenticateSystemObject", "runSystemScript"}


@dataclass(frozen=True)
class Played:
    """What frodo did and got."""

    calls: list[dict[str, Any]]
    results: dict[str, Any]
    failures: dict[str, str]
    project: Path
    server_errors: list[str]


@pytest.fixture(scope="module")
def frodo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as npm has it."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("frodo")
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder / "node_modules" / "@rockcarver" / "frodo-lib"


@pytest.fixture(scope="module")
def played(frodo: Path) -> Iterator[Played]:
    with running("sync-asynchronous", "embedded") as server:
        made = subprocess.run(
            [*RECON, "token", "create", "-p", str(server.project)],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        told = {"FRODO": str(frodo), "HOST": server.url, "TOKEN": made.stdout.strip(), "MAPPING": MAPPING}
        script = Path(__file__).with_name("frodo.mjs")
        done = subprocess.run(
            ["node", str(script)],
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        log = (server.project.parent / "server.log").read_text()
        errors = [line for line in log.splitlines() if '"level":"error"' in line]
        yield Played(**json.loads(done.stdout), project=server.project, server_errors=errors)


def test_everything_works_but_what_must_fail_or_is_not_offered(played: Played) -> None:
    assert set(played.failures) == REFUSED | NOT_OFFERED, played.failures


def test_no_call_is_a_mistake_of_ours(played: Played) -> None:
    assert len(played.calls) > 100
    assert [call for call in played.calls if call["status"] >= 500] == []
    assert [
        call for call in played.calls if call["status"] in (401, 403, 404) and "recon" in call["path"]
    ] == [{"method": "GET", "path": "/openidm/recon/no-such-run", "status": 404}]
    assert played.server_errors == []


def test_runs_are_started_read_listed_and_cancelled(played: Played) -> None:
    found = played.results
    assert found["startRecon"]["state"] == "ACTIVE"
    assert (found["readRecon"]["state"], found["readRecon"]["mapping"]) == ("SUCCESS", MAPPING)
    assert found["readRecon"]["situationSummary"]["ABSENT"] == 2
    assert found["startReconById"]["state"] == "ACTIVE"
    assert found["cancelRecon"]["status"] == "INITIATED"
    assert found["readReconAfterCancel"]["state"] in ("CANCELED", "SUCCESS")
    runs = found["readRecons"]["reconciliations"]
    assert [run["_id"] for run in runs] == [found["startRecon"]["_id"], found["startReconById"]["_id"]]


def test_mappings_are_read_made_changed_exported_imported_and_deleted(played: Played) -> None:
    found = played.results
    assert [mapping["_id"] for mapping in found["readMappings"]] == [f"sync/{MAPPING}"]
    assert found["updateSyncMapping"]["displayName"] == "Second"
    assert found["updateMapping"]["displayName"] == "Changed"
    assert list(found["exportMapping"]["mapping"]) == ["mapping/managedUser_managedRole"]
    assert found["importMapping"]["displayName"] == "Changed"
    # whether its file says its name or not
    assert (found["readUnnamedMapping"]["_id"], found["readUnnamedMapping"]["name"]) == (
        "mapping/bare",
        "bare",
    )
    assert list((played.project / "conf").glob("mapping-*.json")) == []
    kept = json.loads((played.project / "conf" / "sync.json").read_text())
    assert [mapping["name"] for mapping in kept["mappings"]] == [MAPPING]


def test_managed_objects_are_made_read_changed_found_and_deleted(played: Played) -> None:
    found = played.results
    assert found["createManagedObjectWithId"]["_id"] == "sam"
    assert "password" not in found["readManagedObject"]
    assert {row["userName"] for row in found["readManagedObjects"]} == {"frodo", "sam"}
    assert found["updateManagedObject"]["mail"] == "samwise@example.com"
    assert found["updateManagedObjectPropertiesWithRevision"]["description"] == "gardener"
    assert [row["givenName"] for row in found["updateManagedObjectsProperties"]] == ["Samwise"]
    assert len(found["queryManagedObjectsPaged"]) == 2
    assert (found["resolveUserName"], found["resolveFullName"]) == ("sam", "Samwise Gamgee")
    assert found["deleteManagedObjects"] == 1


def test_configuration_goes_out_and_comes_back_as_it_was(played: Played) -> None:
    found = played.results
    ids = {stub["_id"] for stub in found["readConfigEntityStubs"]}
    assert {"sync", "managed", "authentication", "provisioner.openicf/csvfile", "schedule/nightly"} <= ids
    assert {entity["_id"] for entity in found["readConfigEntities"]} == ids
    assert [entity["_id"] for entity in found["readConfigEntitiesByType"]] == ["schedule/nightly"]
    assert set(found["exportConfigEntities"]["idm"]) == ids
    assert {entity["_id"] for entity in found["importAllConfigEntities"]} == ids
    assert found["readSubConfigEntity"]["name"] == "user"
    assert [gone["_id"] for gone in found["deleteConfigEntitiesByType"]] == [
        "mapping/managedUser_managedRole"
    ]


def test_connectors_and_systems_are_read_tested_and_written(played: Played) -> None:
    found = played.results
    assert [connector["_id"] for connector in found["readConnectors"]] == ["provisioner.openicf/csvfile"]
    assert list(found["exportConnector"]["mapping"]) == [MAPPING]
    assert found["testConnectorServers"] == []
    assert [system["ok"] for system in found["readAvailableSystems"]] == [True]
    assert found["readSystemStatus"]["objectTypes"] == ["account", "__ALL__"]
    assert list(found["readSystemSchema"]) == ["account"]
    pages = [
        found[name]["result"] for name in ("queryAllSystemObjectIdsPaged", "queryAllSystemObjectIdsNextPage")
    ]
    assert pages == [[{"_id": "bjensen"}], [{"_id": "scarter"}]]
    assert found["updateSystemObject"]["description"] == "ring"
    assert found["deleteSystemObject"]["description"] == "no ring"


def test_scripts_are_compiled_and_run(played: Played) -> None:
    found = played.results
    assert found["compileScript"] is True
    assert found["evaluateScript"] == 42
    assert found["evaluateScriptWithOpenidm"] == 0
    assert "syntax error" in played.failures["compileBrokenScript"]


def test_what_is_encrypted_comes_back(played: Played) -> None:
    assert played.results["decrypt"] == "Sting-4-ever"
    assert played.results["decryptMap"] == {"a": "x", "b": "y"}
