"""Jobs that run a script, and jobs that look for tasks whose time has come."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.scheduled_lane import do_due
from flows.task_scan import moments
from tests.rest.conftest import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

JS = "text/javascript"
NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


def job(service: str, context: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "enabled": True,
        "type": "cron",
        "schedule": "0 0 2 * * ?",
        "timeZone": "UTC",
        "invokeService": service,
        "invokeContext": context,
        **more,
    }


def scan(script: str, **more: Any) -> dict[str, Any]:
    return {
        "waitForCompletion": True,
        "numberOfThreads": 5,
        "scan": {
            "_queryFilter": '/due lt "${Time.now}" AND !(/done/at pr)',
            "object": "managed/q",
            "taskState": {"started": "/done/begun", "completed": "/done/at"},
            "recovery": {"timeout": "10m"},
        },
        "task": {"script": {"type": JS, "source": script}},
        **more,
    }


async def state(server: Server, name: str) -> str:
    return str((await server.get(f"scheduler/job/{name}"))["previousOutcome"])


async def test_a_script_runs_once_a_slot(server: Server) -> None:
    source = "openidm.create('managed/void', null, {said: input.word, more: extra})"
    script = {"type": JS, "source": source, "extra": "x"}
    await server.put("scheduler/job/said", job("script", {"script": script, "input": {"word": "hello"}}))
    runtime = server.runtime
    kept = runtime.clock
    day = 1_700_013_600_000 - 1_700_013_600_000 % 86_400_000
    try:
        for moment, count in ((3_600_000, 0), (7_201_000, 1), (7_205_000, 1), (86_400_000 + 7_201_000, 2)):
            runtime.clock = lambda moment=moment: day + moment  # type: ignore[misc]
            await do_due(runtime)
            rows = (await server.get("managed/void?_queryFilter=true"))["result"]
            assert [(row["said"], row["more"]) for row in rows] == [("hello", "x")] * count
        assert await state(server, "said") == "STARTED"
    finally:
        runtime.clock = kept
    await server.call("DELETE", "scheduler/job/said")


async def test_a_script_can_be_started_now_paused_and_resumed(server: Server) -> None:
    source = "openidm.create('managed/dst', null, {from: 'trigger'})"
    await server.put("scheduler/job/now", job("script", {"script": {"type": JS, "source": source}}))
    for action in ("trigger", "pause", "resume"):
        answer = await server.call("POST", f"scheduler/job/now?_action={action}")
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    found = await server.get("managed/dst", params={"_queryFilter": 'from eq "trigger"'})
    assert found["resultCount"] == 1
    assert (await server.get("scheduler/job/now"))["nextRunDate"].endswith("T02:00:00.000Z")
    failing = job("script", {"script": {"type": JS, "source": "throw {code: 403, message: 'no'}"}})
    await server.put("scheduler/job/now", failing)
    answer = await server.call("POST", "scheduler/job/now?_action=trigger")
    assert (answer.status_code, answer.json()["message"]) == (403, "no")
    await server.call("DELETE", "scheduler/job/now")


@pytest.mark.parametrize(
    ("service", "context"),
    [
        ("script", {}),
        ("script", {"script": "x"}),
        ("script", {"script": {"type": "cobol", "source": "x"}}),
        ("script", {"script": {"type": JS}}),
        ("taskscanner", {}),
        ("taskscanner", {"task": {}}),
        ("taskScanner", {"task": {"script": {"type": JS}}}),
    ],
)
async def test_a_job_without_a_script_is_refused(
    server: Server, service: str, context: dict[str, Any]
) -> None:
    assert (await server.call("PUT", "scheduler/job/bad", job(service, context))).status_code == 400


async def test_a_task_is_done_once_for_each_object_whose_time_has_come(server: Server) -> None:
    script = (
        "if (input.fails) throw 'not today'; "
        "openidm.patch(objectID, null, [{operation: 'add', field: '/seen', value: input._id}])"
    )
    for id, content in {
        "past": {"due": "2020-01-01T00:00:00.000Z"},
        "future": {"due": "2999-01-01T00:00:00.000Z"},
        "done": {"due": "2020-01-01T00:00:00.000Z", "done": {"at": "2021-01-01T00:00:00.000Z"}},
        "fails": {"due": "2020-01-01T00:00:00.000Z", "fails": True},
        "waits": {"due": "2020-01-01T00:00:00.000Z", "done": {"begun": "2999-01-01T00:00:00.000Z"}},
        "stuck": {"due": "2020-01-01T00:00:00.000Z", "done": {"begun": "2020-01-01T00:00:00.000Z"}},
    }.items():
        await server.put(f"managed/q/{id}", content)
    await server.put("scheduler/job/sunset", job("taskscanner", scan(script)))
    made = await server.call("POST", "taskscanner?_action=execute&name=sunset")
    assert made.status_code == 200, made.text
    found = await server.get(f"taskscanner/{made.json()['_id']}")
    assert found["progress"] == {
        "state": "COMPLETED",
        "processed": 3,
        "total": 3,
        "successes": 2,
        "failures": 1,
    }
    assert (found["name"], bool(found["started"]), bool(found["ended"])) == ("sunset", True, True)
    seen = {row["_id"] for row in (await server.get("managed/q?_queryFilter=seen%20pr"))["result"]}
    assert seen == {"past", "stuck"}
    for id in seen:
        task = (await server.get(f"managed/q/{id}"))["done"]
        assert task["at"] >= task["begun"]
    again = await server.call("POST", "taskscanner?_action=execute&name=sunset")
    assert (await server.get(f"taskscanner/{again.json()['_id']}"))["progress"]["total"] == 0
    listed = await server.get("taskscanner")
    assert [row["_id"] for row in listed["tasks"]] == [made.json()["_id"], again.json()["_id"]]
    assert (await server.call("POST", "scheduler/job/sunset?_action=trigger")).json() == {"success": True}
    await server.call("DELETE", "scheduler/job/sunset")


async def test_a_scan_can_be_cancelled(server: Server) -> None:
    for n in range(5):
        await server.put(f"managed/q/slow{n}", {"due": "2020-01-01T00:00:00.000Z"})
    slow = "var start = Date.now(); while (Date.now() - start < 100) {}"
    await server.put("scheduler/job/slow", job("taskscanner", scan(slow, waitForCompletion=False)))
    id = (await server.call("POST", "taskscanner?_action=execute&name=slow")).json()["_id"]
    answer = await server.call("POST", f"taskscanner/{id}?_action=cancel")
    assert (answer.json()["_id"], answer.json()["status"]) == (id, "SUCCESS")
    await asyncio.gather(*server.runtime.extras.get("task_scans", ()))
    found = await server.get(f"taskscanner/{id}")
    assert found["progress"]["state"] == "CANCELLED"
    assert found["progress"]["processed"] < 5
    await server.call("DELETE", "scheduler/job/slow")


async def test_so_many_objects_are_worked_on_at_once_and_no_more_than_that(server: Server) -> None:
    for n in range(6):
        await server.put(f"managed/q/many{n}", {"kind": "many"})
    given = scan("1", numberOfThreads=3, maxRecords=4)
    given["scan"]["_queryFilter"] = 'kind eq "many" and !(/done/at pr)'
    await server.put("scheduler/job/many", job("taskscanner", given))
    totals = []
    for _ in range(2):
        id = (await server.call("POST", "taskscanner?_action=execute&name=many")).json()["_id"]
        progress = (await server.get(f"taskscanner/{id}"))["progress"]
        assert (progress["state"], progress["processed"]) == ("COMPLETED", progress["total"])
        assert progress["failures"] == 0
        totals.append(progress["total"])
    assert totals == [4, 2]
    await server.call("DELETE", "scheduler/job/many")


WHERE = {"_queryFilter": "a pr", "object": "managed/q", "taskState": {"started": "/s", "completed": "/c"}}


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"numberOfThreads": 0}, "numberOfThreads"),
        ({"numberOfThreads": "5"}, "numberOfThreads"),
        ({"maxRecords": -1}, "maxRecords"),
        ({"maxRecords": True}, "maxRecords"),
        ({"waitForCompletion": "yes"}, "waitForCompletion"),
        ({"scan": None}, "scan"),
        ({"scan": {**WHERE, "object": ""}}, "object"),
        ({"scan": {**WHERE, "_queryFilter": "due lt ${Time.now}"}}, "_queryFilter"),
        ({"scan": {**WHERE, "_queryFilter": 'due lt "${Time.now}" an'}}, "_queryFilter"),
        ({"scan": {**WHERE, "taskState": {"started": "/s"}}}, "completed"),
        ({"scan": {**WHERE, "taskState": "/s"}}, "taskState"),
        ({"scan": {**WHERE, "recovery": {"timeout": "soon"}}}, "timeout"),
        ({"scan": {**WHERE, "recovery": "10m"}}, "recovery"),
    ],
)
async def test_a_wrong_scan_is_refused_with_its_place(
    server: Server, wrong: dict[str, Any], place: str
) -> None:
    answer = await server.call("PUT", "scheduler/job/bad", job("taskscanner", scan("1", **wrong)))
    assert answer.status_code == 400
    assert place in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "taskscanner/nosuch", 404),
        ("POST", "taskscanner/nosuch?_action=cancel", 404),
        ("POST", "taskscanner?_action=execute", 400),
        ("POST", "taskscanner?_action=execute&name=nosuch", 404),
        ("POST", "taskscanner?_action=dance", 400),
        ("GET", "taskscanner?_queryFilter=nonsense", 400),
        ("PUT", "taskscanner/x", 501),
    ],
)
async def test_what_is_refused(server: Server, method: str, path: str, status: int) -> None:
    body = {} if method == "PUT" else None
    assert (await server.call(method, path, body)).status_code == status


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("${Time.now}", "2026-03-31T12:00:00.000Z"),
        ("${Time.nowWithOffset}", "2026-03-31T12:00:00.000Z"),
        ("${Time.now + 1d}", "2026-04-01T12:00:00.000Z"),
        ("${Time.now -90s}", "2026-03-31T11:58:30.000Z"),
        ("${Time.now-2h}", "2026-03-31T10:00:00.000Z"),
        ("${Time.now + 1M}", "2026-04-30T12:00:00.000Z"),
        ("${Time.now - 13M}", "2025-02-28T12:00:00.000Z"),
        ("${Time.now + 2y}", "2028-03-31T12:00:00.000Z"),
        ("${Time.then}", "${Time.then}"),
    ],
)
async def test_moments_in_a_filter(text: str, moment: str) -> None:
    assert moments(f'/due lt "{text}"', NOW) == f'/due lt "{moment}"'
