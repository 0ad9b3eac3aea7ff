"""Scheduled jobs over REST."""

from typing import Any

import pytest

from tests.rest.conftest import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAPPING = {"name": "m", "source": "managed/src", "target": "managed/dst"}


def job(**more: Any) -> dict[str, Any]:
    return {
        "enabled": True,
        "type": "cron",
        "schedule": "0 0 2 * * ?",
        "persisted": True,
        "misfirePolicy": "fireAndProceed",
        "invokeService": "sync",
        "invokeContext": {"action": "reconcile", "mapping": "m"},
        **more,
    }


async def test_a_job_is_put_read_changed_and_deleted(server: Server) -> None:
    made = await server.call("PUT", "scheduler/job/nightly", job())
    assert made.status_code == 201
    found = made.json()
    assert found["invokeService"] == "org.forgerock.openidm.sync"
    assert found["nextRunDate"].endswith(":00:00.000Z")
    assert found["triggers"][0]["_id"] == "scheduler-service-group.trigger-nightly"
    assert await server.get("scheduler/job/nightly") == found
    changed = await server.put("scheduler/job/nightly", job(enabled=False))
    assert (changed["enabled"], changed["nextRunDate"], changed["triggers"]) == (False, None, [])
    gone = await server.call("DELETE", "scheduler/job/nightly")
    assert (gone.status_code, gone.json()["_id"]) == (200, "nightly")
    assert (await server.call("GET", "scheduler/job/nightly")).status_code == 404
    assert (await server.call("DELETE", "scheduler/job/nightly")).status_code == 404


async def test_jobs_and_triggers_are_listed(server: Server) -> None:
    assert (await server.get("scheduler/job?_queryFilter=true"))["totalPagedResults"] == 0
    made = await server.call("POST", "scheduler/job?_action=create", job())
    id = made.json()["_id"]
    listed = await server.get(
        "scheduler/job", params={"_queryFilter": "enabled eq true", "_fields": "_id,enabled"}
    )
    assert listed["result"] == [{"_id": id, "enabled": True}]
    triggers = (await server.get("scheduler/trigger?_queryFilter=true"))["result"]
    assert (await server.get(f"scheduler/trigger/{triggers[0]['_id']}"))["jobKey"].endswith(id)
    assert (await server.call("POST", f"scheduler/job/{id}?_action=pause")).json() == {"success": True}
    assert (await server.get(f"scheduler/job/{id}"))["triggers"][0]["state"] == "PAUSED"
    assert (await server.call("POST", "scheduler/job?_action=resumeJobs")).json() == {"success": True}
    assert (await server.get(f"scheduler/job/{id}"))["triggers"][0]["state"] == "NORMAL"
    await server.call("DELETE", f"scheduler/job/{id}")


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "banana"},
        {"schedule": None},
        {"type": "lunar"},
        {"invokeService": "nosuch"},
        {"invokeContext": {}},
        {"invokeContext": {"action": "dance", "mapping": "m"}},
        {"timeZone": "Mars/Olympus"},
        {"misfirePolicy": "cry"},
        {"startTime": "soon"},
        {"enabled": "yes"},
    ],
)
async def test_a_wrong_job_is_refused(server: Server, change: dict[str, Any]) -> None:
    answer = await server.call("PUT", "scheduler/job/bad", job(**change))
    assert answer.status_code == 400, answer.text
    assert (await server.call("GET", "scheduler/job/bad")).status_code == 404


async def test_a_job_of_a_file_is_changed_in_its_file(server: Server) -> None:
    await server.put("config/schedule/filed", job())
    assert (await server.get("scheduler/job/filed"))["enabled"] is True
    assert (await server.call("PUT", "scheduler/job/filed", job())).status_code == 409
    assert (await server.call("DELETE", "scheduler/job/filed")).status_code == 409
    assert (await server.call("POST", "scheduler/job/filed?_action=pause")).status_code == 200
    assert (await server.get("scheduler/job/filed"))["nextRunDate"] is None
    await server.call("DELETE", "config/schedule/filed")
    assert (await server.call("GET", "scheduler/job/filed")).status_code == 404


async def test_a_job_can_be_started_now(server: Server) -> None:
    await server.put("config/sync", {"mappings": [MAPPING]})
    await server.put("scheduler/job/now", job())
    assert (await server.call("POST", "scheduler/job/now?_action=trigger")).json() == {"success": True}
    runs = (await server.get("recon"))["reconciliations"]
    assert runs[-1]["mapping"] == "m"
    await server.put("scheduler/job/now", job(enabled=False))
    assert (await server.call("POST", "scheduler/job/now?_action=trigger")).status_code == 409
    assert (await server.call("POST", "scheduler/job/nosuch?_action=trigger")).status_code == 404
    assert (await server.call("POST", "scheduler/job/now?_action=dance")).status_code == 400
    assert (await server.call("POST", "scheduler/job?_action=listCurrentlyExecutingJobs")).json() == []


@pytest.mark.parametrize("path", ["scheduler", "scheduler/job"])
async def test_expressions_are_checked(server: Server, path: str) -> None:
    action = f"{path}?_action=validateQuartzCronExpression"
    assert (await server.call("POST", action, {"cronExpression": "0 0/1 * * * ?"})).json() == {"valid": True}
    assert (await server.call("POST", action, {"cronExpression": "banana"})).json() == {"valid": False}
    assert (await server.call("POST", action, {})).status_code == 400
