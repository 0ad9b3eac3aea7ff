"""Completing, claiming and handing on tasks: what is answered, and when."""

import asyncio
from typing import Any

import pytest

from conf.errors import Conflict, Forbidden, ReconError
from flows.call import Caller, Runtime
from flows.pending import Pending
from flows.router import Query, Router
from tests.approvals.conftest import ADMIN, APPROVER, Directory
from tests.approvals.resources import PROCESS, TASK, YES, ids, opened, working
from tests.approvals.test_carrying_out import POLICY, STALE


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
