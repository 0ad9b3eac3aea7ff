"""The sample as its README walks through it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import conf.samples
from tests.embedded import Embedded, embedded

SAMPLE = Path(next(iter(conf.samples.__path__))) / "two-way-csv"


async def start(server: Embedded, name: str = "hr") -> dict[str, Any]:
    status, run = await server.call("POST", f"reconciliation/{name}?_action=start&waitForCompletion=true")
    assert status == 200, run
    assert run["status"] == "FINISHED", run
    return dict(run)


async def test_the_csv_sample_settles_what_both_sides_changed(tmp_path: Path, store: dict[str, str]) -> None:
    project = tmp_path / "my"
    shutil.copytree(SAMPLE, project)
    file = project / "data" / "hr.csv"
    async with embedded(project, tmp_path / "data", **store) as server:
        first = await start(server)
        assert first["message"] == "Add Record to IDM from Resource: 5."
        assert (await start(server))["message"] == "Nothing to do."

        lines = file.read_text().replace("0102", "0199").splitlines()
        lines = [line for line in lines if not line.startswith("1005,")]
        lines.append("1006,psmith,Patricia,Smith,psmith@example.com,+1 360 555 0106,active")
        file.write_text("\n".join(lines) + "\n")
        dora = {"userName": "ddemo", "givenName": "Dora", "sn": "Demo", "mail": "ddemo@example.com"}
        assert (await server.call("POST", "managed/user?_action=create", dora))[0] == 201
        _, found = await server.call("GET", 'managed/user?_queryFilter=userName eq "bjensen"')
        gone = [{"operation": "replace", "field": "/accountStatus", "value": "inactive"}]
        path = f"managed/user/{found['result'][0]['_id']}"
        assert (await server.call("PATCH", path, gone))[0] == 200

        run = await start(server)
        assert run["counts"] == {
            "IDM_DELETED__SYS_EXISTS": {"DISABLE_IN_RES": {"SUCCESS": 1}},
            "IDM_EXISTS__SYS_EXISTS": {"UPDATE_RES_FROM_IDM": {"NOTHING": 2, "SUCCESS": 1}},
            "IDM_EXISTS__SYS_NOT_EXISTS": {"ADD_TO_RES": {"SUCCESS": 2}},
            "SYS_EXISTS__IDM_NOT_EXISTS": {"ADD_TO_IDM": {"SUCCESS": 1}},
        }
        told = (SAMPLE / "README.md").read_text()
        assert file.read_text() in told
        assert (await start(server))["message"] == "Nothing to do."
        _, patricia = await server.call("GET", 'managed/user?_queryFilter=userName eq "psmith"')
        assert patricia["result"][0]["description"] == "from HR, number 1006"


async def test_the_nightly_one_waits_until_it_is_switched_on(tmp_path: Path, store: dict[str, str]) -> None:
    project = tmp_path / "my"
    shutil.copytree(SAMPLE, project)
    async with embedded(project, tmp_path / "data", **store) as server:
        status, refused = await server.call("POST", "reconciliation/hrNightly?_action=start")
        assert (status, refused["detail"]["reason"]) == (409, "FAIL_PROCESS_INACTIVE")
        _, document = await server.call("GET", "config/reconciliation/hrNightly")
        status, _ = await server.call(
            "PUT", "config/reconciliation/hrNightly", {**document, "status": "Active"}
        )
        assert status == 200
        _, told = await server.call("GET", "reconciliation/hrNightly")
        assert told["nextRun"] is not None
        _, paused = await server.call("POST", "reconciliation/hrNightly?_action=pause")
        assert (paused["isPaused"], paused["nextRun"]) == (True, None)
        _, resumed = await server.call("POST", "reconciliation/hrNightly?_action=resume")
        assert resumed["nextRun"] == told["nextRun"]
