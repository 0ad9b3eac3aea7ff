"""Workflow resources as the router answers them: shapes, queries, paging, and who sees what."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from approvals import inbox
from conf.errors import Conflict, Forbidden, ReconError
from flows.approval_loop import drain_intents
from flows.call import Caller, Runtime
from flows.pending import Pending
from flows.resources.workflow_routes import add_workflow
from flows.router import Query, Router
from flows.workflow_project import definitions_of
from tests.approvals.conftest import ADMIN, APPROVER, STRANGER, Directory, request_for
from tests.approvals.test_carrying_out import POLICY, STALE

TASK = "workflow/taskinstance"
PROCESS = "workflow/processinstance"
DEFINITION = "workflow/processdefinition"
YES = {"requestApproved": "true"}

MORE = """
from flows.process import FormField, Process, UserTask, process

@process(key="open", name="Open to many", tasks=[UserTask(
    "choose", "Choose", candidate_users=("scarter",), candidate_groups=("openidm-tasks-manager",),
    form=(FormField("target", "Target", required=True),))])
async def choose(request: Process) -> None:
    await request.evaluate("choose")
"""


@pytest.fixture
async def router(runtime: Runtime) -> Router:
    (runtime.project.root / "workflow" / "more.py").write_text(MORE)
    await definitions_of(runtime)
    router = Router()
    add_workflow(router)
    return router


async def opened(runtime: Runtime, *names: str, **changes: Any) -> list[str]:
    async with runtime.database.write() as tx:
        answers = await inbox.open_many(tx, [request_for(name, **changes) for name in names], runtime.clock())
    return [str(answer.task) for answer in answers]


@asynccontextmanager
async def working(runtime: Runtime) -> AsyncIterator[None]:
    """A worker beside the caller, woken as the real one is."""
    woken = asyncio.Event()
    runtime.wake = lambda _what: woken.set()

    async def work() -> None:
        while True:
            await woken.wait()
            woken.clear()
            while await drain_intents(runtime, None, "worker/decisions"):
                pass

    worker = asyncio.create_task(work())
    try:
        yield
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def ids(router: Router, runtime: Runtime, path: str, who: Caller = ADMIN, **query: Any) -> list[str]:
    if not {"filter", "query_id"} & query.keys():
        query["filter"] = "true"
    found = await router.query(runtime.call(who), path, Query(**query))
    return [each["_id"] for each in found.result]


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


async def test_completing_answers_when_the_effect_is_there(
    router: Router, runtime: Runtime, directory: Directory
) -> None:
    (task,) = await opened(runtime, "bjensen")
    async with working(runtime):
        answer = await router.action(runtime.call(APPROVER), f"{TASK}/{task}", "complete", YES, {})
    assert answer == {"Task action performed": "complete"}
    assert not isinstance(answer, Pending)
    assert [name for name, _, _ in directory.calls] == ["bjensen"]
    past = await router.read(runtime.call(APPROVER), f"{TASK}/history/{task}")
    assert (past["outcome"], past["decidedBy"], past["effect"]) == ("approved", "async.admin", "applied")
    assert past["deleteReason"] == "completed"
    history = await router.query(
        runtime.call(ADMIN), f"{PROCESS}/history", Query(filter='outcome eq "approved"')
    )
    assert [(each["endActivityId"], each["decidedBy"]) for each in history.result] == [("end", "async.admin")]
    with pytest.raises(ReconError) as error:
        await router.action(runtime.call(APPROVER), f"{TASK}/{task}", "complete", YES, {})
    assert error.value.status == 404
    assert error.value.detail["by"] == "async.admin"


async def test_a_rejection_answers_at_once_and_shows_in_the_history(router: Router, runtime: Runtime) -> None:
    (task,) = await opened(runtime, "bjensen")
    body = {"requestApproved": False, "_comment": "no budget"}
    answer = await router.action(runtime.call(APPROVER), f"{TASK}/{task}", "complete", body, {})
    assert answer == {"Task action performed": "complete"}
    past = await router.read(runtime.call(ADMIN), f"{TASK}/history/{task}")
    assert (past["outcome"], past["comment"], past["effect"]) == ("rejected", "no budget", None)
    found = await ids(
        router,
        runtime,
        f"{PROCESS}/history",
        query_id="filtered-query",
        parameters={"var-requestApproved": "false"},
    )
    assert len(found) == 1


@pytest.mark.parametrize(
    ("refusal", "kind", "detail"),
    [
        (STALE, Conflict, {"expected": "ABSENT", "found": "FOUND"}),
        (Forbidden("Policy validation failed", detail=POLICY), Forbidden, POLICY),
    ],
)
async def test_a_refused_effect_is_the_answer(
    router: Router,
    runtime: Runtime,
    directory: Directory,
    refusal: ReconError,
    kind: type[ReconError],
    detail: Any,
) -> None:
    directory.refusals["bjensen"] = refusal
    (task,) = await opened(runtime, "bjensen")
    async with working(runtime):
        with pytest.raises(kind) as error:
            await router.action(runtime.call(APPROVER), f"{TASK}/{task}", "complete", YES, {})
    assert error.value.message.startswith(refusal.message)
    assert error.value.detail == detail


async def test_an_outcome_that_takes_longer_is_pending(router: Router, runtime: Runtime) -> None:
    (task,) = await opened(runtime, "bjensen")
    runtime.settings = runtime.settings.model_copy(update={"decision_wait_seconds": 0.05})
    answer = await router.action(runtime.call(APPROVER), f"{TASK}/{task}", "complete", YES, {})
    assert isinstance(answer, Pending)
    assert answer == {"Task action performed": "complete", "outcome": "pending"}
    past = await router.read(runtime.call(ADMIN), f"{TASK}/history/{task}")
    assert past["effect"] == "pending"


async def test_inside_a_transaction_nobody_waits(router: Router, runtime: Runtime) -> None:
    (task,) = await opened(runtime, "bjensen")
    async with runtime.database.write() as tx:
        call = runtime.call(APPROVER).inside(tx)
        assert isinstance(await router.action(call, f"{TASK}/{task}", "complete", YES, {}), Pending)


async def test_twenty_clients_and_twenty_tasks(
    router: Router, runtime: Runtime, directory: Directory
) -> None:
    tasks = await opened(runtime, *(f"u{number}" for number in range(20)))

    async def attempt(task: str) -> int:
        try:
            await router.action(runtime.call(APPROVER), f"{TASK}/{task}", "complete", YES, {})
        except ReconError as error:
            return error.status
        return 200

    async with working(runtime):
        statuses = await asyncio.gather(*(attempt(task) for task in tasks for _ in range(20)))
    assert sorted(set(statuses)) == [200, 404]
    assert statuses.count(200) == 20
    assert len(directory.calls) == 20


async def test_claiming_and_handing_on(router: Router, runtime: Runtime) -> None:
    (task,) = await opened(runtime, "jdoe", definition_key="open")
    scarter = Caller("scarter", roles=frozenset({"openidm-authorized"}))
    call = runtime.call(scarter)
    assert await router.action(call, f"{TASK}/{task}", "claim", {"userId": "scarter"}, {}) == {
        "Task action performed": "claim"
    }
    body = await router.read(call, f"{TASK}/{task}")
    assert (body["assignee"], body["_rev"]) == ("scarter", "2")
    assert await router.update(call, f"{TASK}/{task}", "2", {**body, "description": "mine"}) == {
        "_id": task,
        "Task updated": task,
    }
    with pytest.raises(ReconError) as error:
        await router.update(call, f"{TASK}/{task}", "2", {"description": "late"})
    assert error.value.status == 412


@pytest.mark.parametrize(
    ("verb", "path", "content", "status"),
    [
        ("action", f"{TASK}/1", ("nosuch", {}), 400),
        ("action", f"{TASK}/1", ("Complete", {}), 400),
        ("action", TASK, ("complete", {}), 400),
        ("action", f"{TASK}/99999", ("complete", YES), 404),
        ("action", f"{TASK}/abc", ("claim", {"userId": "x"}), 404),
        ("action", f"{TASK}/1", ("claim", None), 400),
        ("action", f"{TASK}/1", ("claim", {"userId": "scarter"}), 409),
        ("action", f"{TASK}/1", ("complete", []), 400),
        ("action", f"{TASK}/1", ("complete", {"_comment": 5, **YES}), 400),
        ("delete", f"{TASK}/1", None, 409),
        ("delete", f"{TASK}/99999", None, 404),
        ("patch", f"{TASK}/1", None, 501),
        ("create", TASK, {"name": "x"}, 501),
        ("update", f"{TASK}/1", {"priority": 3}, 400),
        ("create", PROCESS, {}, 400),
        ("create", PROCESS, {"_key": None}, 400),
        ("create", PROCESS, {"_key": 5}, 400),
        ("create", PROCESS, {"_key": "nosuch"}, 404),
        ("create", PROCESS, {"_processDefinitionId": "nosuch:1:1"}, 404),
        ("create", f"{PROCESS}/4711", {"_key": "open"}, 405),
        ("create", f"{PROCESS}/history", {"_key": "open"}, 501),
        ("delete", f"{PROCESS}/99999", None, 404),
        ("update", f"{PROCESS}/1", {}, 501),
        ("delete", f"{DEFINITION}/nosuch:1:1", None, 404),
        ("read", f"{TASK}/99999", None, 404),
        ("read", f"{PROCESS}/x", None, 404),
        ("read", TASK, None, 400),
    ],
)
async def test_wrong_calls(
    router: Router, runtime: Runtime, verb: str, path: str, content: Any, status: int
) -> None:
    await opened(runtime, "bjensen")
    call = runtime.call(ADMIN)
    verbs: dict[str, Callable[[], Awaitable[Any]]] = {
        "action": lambda: router.action(call, path, content[0], content[1], {}),
        "delete": lambda: router.delete(call, path, None),
        "patch": lambda: router.patch(call, path, None, []),
        "create": lambda: router.create(call, path, None, content),
        "update": lambda: router.update(call, path, None, content),
        "read": lambda: router.read(call, path),
    }
    with pytest.raises(ReconError) as error:
        await verbs[verb]()
    assert error.value.status == status
    assert error.value.message


async def test_a_process_started_by_hand(router: Router, runtime: Runtime) -> None:
    body = {
        "_key": "managedUserApproval",
        "_businessKey": "by hand",
        "mapping": "systemCsvfileAccounts_managedUser",
        "action": "CREATE",
        "situation": "ABSENT",
        "sourceId": "bjensen",
        "note": {"deep": [1]},
    }
    started = await router.create(runtime.call(ADMIN), PROCESS, None, body)
    assert list(started) == ["_id", "processInstanceId", "processDefinitionId", "businessKey", "status"]
    assert (started["businessKey"], started["status"]) == ("by hand", "suspended")
    read = await router.read(runtime.call(ADMIN), f"{PROCESS}/{started['_id']}")
    assert read["variables"]["note"] == {"deep": [1]}
    # a run, or a script, that asks for the same finds it
    again = await router.create(runtime.call(ADMIN), PROCESS, None, {**body, "_businessKey": "another"})
    assert again == started
    ended = await router.delete(runtime.call(ADMIN), f"{PROCESS}/{started['_id']}", None)
    assert (ended["_id"], ended["endTime"]) == (started["_id"], None)
    history = await router.read(runtime.call(ADMIN), f"{PROCESS}/history/{started['_id']}")
    assert (history["outcome"], history["deleteReason"]) == ("deleted", "Deleted by openidm-admin")


async def test_starting_a_process_needs_the_right(router: Router, runtime: Runtime) -> None:
    with pytest.raises(Forbidden, match="may not start the process 'open'"):
        await router.create(runtime.call(STRANGER), PROCESS, None, {"_key": "open"})
    runtime.project.put(
        "process/access",
        {
            "workflowAccess": [
                {
                    "propertiesCheck": {
                        "property": "key",
                        "matches": "op.*",
                        "requiresRole": "internal/role/openidm-authorized",
                    }
                }
            ]
        },
    )
    assert (await router.create(runtime.call(STRANGER), PROCESS, None, {"_key": "open"}))[
        "status"
    ] == "suspended"
    with pytest.raises(Forbidden):
        await router.create(runtime.call(STRANGER), PROCESS, None, {"_key": "managedUserApproval"})
    with pytest.raises(Forbidden):
        await router.delete(runtime.call(STRANGER), f"{PROCESS}/1", None)


async def test_separation_of_duties_is_on_unless_the_project_says_off(
    router: Router, runtime: Runtime
) -> None:
    (task,) = await opened(runtime, "bjensen")
    runtime.project.put("workflow", {"separationOfDuties": "requester"})
    with pytest.raises(Forbidden, match="somebody else has to decide"):
        await router.action(runtime.call(ADMIN), f"{TASK}/{task}", "complete", YES, {})
    runtime.project.remove("workflow")
    with pytest.raises(Forbidden, match="somebody else has to decide"):
        await router.action(runtime.call(ADMIN), f"{TASK}/{task}", "complete", YES, {})
    runtime.project.put("workflow", {"separationOfDuties": "sometimes"})
    with pytest.raises(ReconError, match="separationOfDuties is 'sometimes'; it can be off, requester"):
        await router.action(runtime.call(ADMIN), f"{TASK}/{task}", "complete", YES, {})


async def test_what_happens_is_in_the_activity_audit(router: Router, runtime: Runtime) -> None:
    (task,) = await opened(runtime, "bjensen")
    async with working(runtime):
        await router.action(runtime.call(APPROVER), f"{TASK}/{task}", "complete", YES, {})
    found = await runtime.router.query(
        runtime.call(ADMIN), "audit/activity", Query(filter=f'objectId eq "workflow/taskinstance/{task}"')
    )
    assert [(each["eventName"], each["userId"], each["status"]) for each in found.result] == [
        ("workflow-complete_task", "async.admin", "SUCCESS"),
        ("workflow-apply_task", "async.admin", "SUCCESS"),
    ]
