"""Workflow resources as the router answers them: shapes, queries, paging, and who sees what."""

from typing import Any

import pytest

from approvals import inbox
from conf.errors import ReconError
from flows.call import Caller, Runtime
from flows.router import Query, Router
from tests.approvals.conftest import ADMIN, APPROVER, STRANGER
from tests.approvals.resources import DEFINITION, PROCESS, TASK, ids, opened


async def test_a_task_in_a_list_and_alone(router: Router, runtime: Runtime) -> None:
    (task,) = await opened(runtime, "bjensen")
    listed = (await router.query(runtime.call(ADMIN), TASK, Query(filter="true"))).body()
    assert listed["resultCount"] == 1
    one = listed["result"][0]
    assert list(one) == [
        "_id", "_rev", "activityInstanceVariables", "cachedElContext", "category", "createTime", "delegationState",
        "delegationStateString", "deleted", "description", "dueDate", "eventName", "executionId", "name", "owner",
        "parentTaskId", "priority", "processDefinitionId", "processInstanceId", "processVariables", "queryVariables",
        "revisionNext", "suspended", "suspensionState", "taskDefinitionKey", "taskLocalVariables", "tenantId",
        "assignee",
    ]  # fmt: skip
    read = await router.read(runtime.call(ADMIN), f"{TASK}/{task}")
    assert list(read)[-4:] == ["formProperties", "assignee", "variables", "candidates"]
    assert read["formProperties"] == [{"requesterName": "bjensen"}, {"requestApproved": None}]
    assert read["candidates"] == {"candidateUsers": ["async.admin"], "candidateGroups": []}
    assert read["variables"]["sourceId"] == "bjensen"
    assert read["processDefinitionId"].startswith("managedUserApproval:1:")
    assert read["_rev"] == "1"
    assert read["name"] == "Evaluate request"


async def test_a_process_in_a_list_alone_and_in_the_history(router: Router, runtime: Runtime) -> None:
    await opened(runtime, "bjensen")
    listed = (await router.query(runtime.call(ADMIN), PROCESS, Query(query_id="query-all-ids"))).result[0]
    assert list(listed) == [
        "_id", "businessKey", "deleteReason", "durationInMillis", "endActivityId", "endTime", "processDefinitionId",
        "processInstanceId", "processVariables", "queryVariables", "startActivityId", "startTime", "startUserId",
        "superProcessInstanceId", "tenantId", "processDefinitionResourceName",
    ]  # fmt: skip
    assert listed["processDefinitionResourceName"] == "Managed User Approval Workflow"
    read = await router.read(runtime.call(ADMIN), f"{PROCESS}/{listed['_id']}")
    assert [task["name"] for task in read["tasks"]] == ["Evaluate request"]
    assert (await router.read(runtime.call(ADMIN), f"{PROCESS}/history/{listed['_id']}")) == read


async def test_definitions_and_their_tasks(router: Router, runtime: Runtime) -> None:
    call = runtime.call(STRANGER)
    listed = (await router.query(call, DEFINITION, Query(filter='key eq "managedUserApproval"'))).result
    assert [(each["key"], each["version"], each["taskDefinitions"]) for each in listed] == [
        ("managedUserApproval", 1, None)
    ]
    id = listed[0]["_id"]
    read = await router.read(call, f"{DEFINITION}/{id}")
    handlers = read["taskDefinitions"]["evaluateRequest"]["taskFormHandler"]["formPropertyHandlers"]
    assert [(each["id"], each["writable"], each["type"]) for each in handlers] == [
        ("requesterName", False, None),
        ("requestApproved", True, {"name": "enum", "values": {"true": "Yes", "false": "No"}}),
    ]
    tasks = (
        await router.query(call, f"{DEFINITION}/{id}/taskdefinition", Query(query_id="query-all-ids"))
    ).result
    assert [task["assignee"] for task in tasks] == [{"expressionText": "async.admin"}]
    task = await router.read(call, f"{DEFINITION}/{id}/taskdefinition/evaluateRequest")
    assert task["formProperties"]["formPropertyHandlers"][0]["_id"] == "requesterName"
    for path in (f"{DEFINITION}/nosuch:1:1", f"{DEFINITION}/no:1:1/taskdefinition/x", f"{DEFINITION}/{id}x"):
        with pytest.raises(ReconError) as error:
            await router.read(call, path)
        assert error.value.status == 404


async def test_lists_are_in_order_of_creation_and_really_paged(router: Router, runtime: Runtime) -> None:
    tasks = await opened(runtime, *(f"u{number:02}" for number in range(12)))
    assert await ids(router, runtime, TASK) == tasks
    assert await ids(router, runtime, TASK, sort_keys=("-_id",)) == tasks[::-1]
    first = await router.query(
        runtime.call(ADMIN), TASK, Query(filter="true", page_size=5, total_policy="EXACT")
    )
    assert (len(first.result), first.total) == (5, 12)
    seen = [each["_id"] for each in first.result]
    # completing a task of an earlier page does not shift the pages that follow
    async with runtime.database.write() as tx:
        await inbox.supersede(tx, {1: "it is enough"}, runtime.clock())
    cookie = first.cookie
    while cookie:
        page = await router.query(runtime.call(ADMIN), TASK, Query(filter="true", page_size=5, cookie=cookie))
        seen += [each["_id"] for each in page.result]
        cookie = page.cookie
    assert seen == tasks
    assert await ids(router, runtime, TASK, page_size=2, offset=3) == tasks[4:6]
    filtered = Query(filter='/variables/sourceId ge "u06"', page_size=4, total_policy="EXACT")
    some = await router.query(runtime.call(ADMIN), TASK, filtered)
    assert ([each["_id"] for each in some.result], some.total) == (tasks[6:10], 6)
    rest = await router.query(
        runtime.call(ADMIN),
        TASK,
        Query(filter='/variables/sourceId ge "u06"', page_size=4, cookie=some.cookie),
    )
    assert ([each["_id"] for each in rest.result], rest.cookie) == (tasks[10:], None)


FILTERS: list[tuple[str, dict[str, Any], int]] = [
    (TASK, {"filter": 'assignee eq "async.admin"'}, 2),
    (TASK, {"filter": 'name co "request" and /variables/sourceId eq "bjensen"'}, 1),
    (TASK, {"filter": '!(/variables/sourceId eq "bjensen")'}, 2),
    (TASK, {"filter": 'candidates/candidateUsers eq "scarter"'}, 1),
    (TASK, {"query_id": "query-all-ids"}, 3),
    (TASK, {"parameters": {"assignee": "async.admin"}}, 2),
    (TASK, {"parameters": {"assignee": "ASYNC.ADMIN"}}, 0),
    (TASK, {"parameters": {"processDefinitionKey": "open"}}, 1),
    (TASK, {"parameters": {"processInstanceId": "1"}}, 1),
    (TASK, {"parameters": {"processInstanceId": "x"}}, 0),
    (TASK, {"parameters": {"executionId": "1", "assignee": "nobody"}}, 0),
    (TASK, {"parameters": {"priority": "50"}}, 3),
    (TASK, {"parameters": {"priority": "99999999999"}}, 0),
    (TASK, {"parameters": {"unassigned": "true"}}, 1),
    (TASK, {"parameters": {"unassigned": "false"}}, 3),
    (TASK, {"parameters": {"taskCandidateUser": "scarter"}}, 1),
    (TASK, {"parameters": {"taskCandidateUser": "async.admin"}}, 0),
    (TASK, {"parameters": {"taskCandidateGroup": "other, openidm-tasks-manager"}}, 1),
    (TASK, {"parameters": {"taskCandidateOrAssigned": "async.admin"}}, 2),
    (TASK, {"parameters": {"var-sourceId": "bjensen"}}, 1),
    (TASK, {"parameters": {"var-sourceId": "BJENSEN"}}, 0),
    (TASK, {"parameters": {"var-situation": "ABSENT", "var-reconId": "run-1"}}, 3),
    (TASK, {"parameters": {"var-nosuch": "1"}}, 0),
    (TASK, {"parameters": {"tenantId": "x"}}, 0),
    (TASK, {"parameters": {"taskDefinitionKey": "choose"}}, 1),
    (f"{TASK}/history", {"parameters": {"unfinished": "true"}}, 3),
    (f"{TASK}/history", {"parameters": {"finished": "true"}}, 0),
    (PROCESS, {"filter": 'startUserId eq "openidm-admin"'}, 3),
    (PROCESS, {"filter": '/variables/sourceId eq "bjensen"'}, 1),
    (PROCESS, {"parameters": {"processDefinitionKey": "managedUserApproval"}}, 2),
    (PROCESS, {"parameters": {"startUserId": "nobody"}}, 0),
    (PROCESS, {"parameters": {"involvedUserId": "async.admin"}}, 2),
    (PROCESS, {"parameters": {"finished": "true"}}, 0),
    (PROCESS, {"parameters": {"startedAfter": "2020-01-01T00:00:00Z"}}, 3),
    (PROCESS, {"parameters": {"startedBefore": "2020-01-01T00:00:00+02:00"}}, 0),
    (PROCESS, {"parameters": {"var-mapping": "systemCsvfileAccounts_managedUser"}}, 3),
    (PROCESS, {"parameters": {"superProcessInstanceId": "1"}}, 0),
    (
        PROCESS,
        {
            "parameters": {
                "processInstanceBusinessKey": "sourceId: bjensen, targetId: undefined, reconId: run-1"
            }
        },
        1,
    ),
]


async def test_filters(router: Router, runtime: Runtime) -> None:
    await opened(runtime, "bjensen", "scarter")
    await opened(runtime, "jdoe", definition_key="open")
    for path, query, found in FILTERS:
        kind = {"query_id": "filtered-query"} if "parameters" in query else {}
        assert len(await ids(router, runtime, path, **kind, **query)) == found, (path, query)


UNKNOWN: list[tuple[str, dict[str, Any], str]] = [
    (TASK, {"query_id": "nosuch"}, "Unknown query-id 'nosuch'"),
    (TASK, {"filter": 'nosuch eq "x"'}, "no member '/nosuch' to filter by"),
    (TASK, {"filter": "name eq"}, ""),
    (TASK, {"query_id": "filtered-query", "parameters": {"nosuch": "1"}}, "'nosuch' is not a filter"),
    (TASK, {"query_id": "filtered-query", "parameters": {"priority": "x"}}, "must be a whole number"),
    (TASK, {"query_id": "filtered-query", "parameters": {"unassigned": "x"}}, "must be true or false"),
    (TASK, {"filter": "true", "sort_keys": ("nosuch",)}, "Sort key: nosuch is not valid"),
    (TASK, {"filter": "true", "cookie": "s1"}, "needs _pageSize"),
    (TASK, {"filter": "true", "cookie": "x", "page_size": 1}, "is not a cookie"),
    (TASK, {"filter": "true", "cookie": "s1", "offset": 2, "page_size": 1}, "mutually exclusive"),
    (PROCESS, {"filter": 'nosuch eq "x"'}, "no member '/nosuch'"),
    (PROCESS, {"filter": "true", "sort_keys": ("-nosuch",)}, "Sort key: nosuch is not valid"),
    (PROCESS, {"query_id": "filtered-query", "parameters": {"startedAfter": "x"}}, "must be a moment"),
    (f"{TASK}/history", {"filter": "true", "sort_keys": ("nosuch",)}, "Sort key: nosuch is not valid"),
    (DEFINITION, {"query_id": "nosuch"}, "Unknown query-id"),
    (DEFINITION, {"filter": "true", "sort_keys": ("nosuch",)}, "Sort key"),
]


async def test_what_nobody_knows_is_a_bad_request(router: Router, runtime: Runtime) -> None:
    for path, query, message in UNKNOWN:
        with pytest.raises(ReconError) as error:
            await router.query(runtime.call(ADMIN), path, Query(**query))
        assert error.value.status == 400, (path, query)
        assert message in error.value.message


async def test_a_person_sees_their_own_tasks_and_those_open_to_them(router: Router, runtime: Runtime) -> None:
    own = await opened(runtime, "bjensen", "scarter")
    (open_one,) = await opened(runtime, "jdoe", definition_key="open")
    manager = Caller("mmanager", roles=frozenset({"openidm-tasks-manager"}))
    scarter = Caller("scarter", roles=frozenset({"openidm-authorized"}))
    assert await ids(router, runtime, TASK) == [*own, open_one]
    assert await ids(router, runtime, TASK, APPROVER) == own
    assert await ids(router, runtime, TASK, manager) == [open_one]
    assert await ids(router, runtime, TASK, scarter) == [open_one]
    assert await ids(router, runtime, TASK, STRANGER) == []
    assert await ids(router, runtime, TASK, Caller("SCARTER")) == []
    counted = await router.query(runtime.call(STRANGER), TASK, Query(filter="true", total_policy="EXACT"))
    assert counted.total == 0
    assert len(await ids(router, runtime, PROCESS, APPROVER)) == 2
    assert await ids(router, runtime, PROCESS, STRANGER) == []
    for path in (f"{TASK}/{own[0]}", f"{TASK}/history/{own[0]}", f"{PROCESS}/1"):
        await router.read(runtime.call(APPROVER), path)
        with pytest.raises(ReconError) as error:
            await router.read(runtime.call(STRANGER), path)
        assert error.value.status == 404
