"""Processes on a real Prefect server: suspended in bulk, resumed and carried out in this process, repaired."""

# ruff: noqa: PLC0415 - Prefect is imported by the tests themselves: it reads its settings when it is imported

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from approvals import decisions, records
from approvals.states import Outcome
from flows.approval_lane import lane_of
from flows.approval_loop import drain_intents, reconcile_flow_runs
from flows.call import Caller, Runtime
from flows.flow_runs import Ending
from flows.workflow_project import definitions_of
from tests.approvals.conftest import Directory
from tests.approvals.test_flow_runs import decide, later, opened, process_of
from tests.approvals.test_procedures import TWO_STEPS, open_task, write
from tests.approvals.test_procedures import opened as opened_of

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

    from flows.workflow_prefect import PrefectApprovals

pytestmark = [
    pytest.mark.long,
    pytest.mark.prefect,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("tidy"),
    # Prefect's clients leave sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

OWNER = "worker/decisions"
SECONDS = 90


@pytest.fixture
async def client(prefect_api: str) -> AsyncIterator[PrefectClient]:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect_api}):
        async with get_client() as connected:
            yield connected


@pytest.fixture
async def prefect(client: PrefectClient, runtime: Runtime) -> PrefectApprovals:
    from flows.workflow_prefect import PrefectApprovals

    lane_of(runtime).inspect_ms = 0
    return PrefectApprovals(client)


async def run_of(client: PrefectClient, process: records.Process) -> FlowRun:
    assert process.flow_run_id is not None
    return await client.read_flow_run(UUID(process.flow_run_id))


async def until(count: int, step: Callable[[], Awaitable[int]]) -> None:
    """Take steps until so much was done, exactly; a server that is busy may not answer the first one."""
    done = 0
    async with asyncio.timeout(SECONDS):
        while (done := done + await step()) < count:
            await asyncio.sleep(0.1)
    assert done == count


async def shown(runtime: Runtime, prefect: PrefectApprovals, count: int) -> None:
    await until(count, lambda: reconcile_flow_runs(runtime, prefect))


async def drained(runtime: Runtime, prefect: PrefectApprovals, count: int) -> None:
    await until(count, lambda: drain_intents(runtime, prefect, OWNER))


def state_of(run: FlowRun) -> str:
    assert run.state is not None
    return run.state.name or ""


async def test_an_approval_suspends_resumes_and_completes_a_flow_run(
    client: PrefectClient, runtime: Runtime, prefect: PrefectApprovals, directory: Directory
) -> None:
    answers = await opened(runtime, "bjensen", "scarter")
    await shown(runtime, prefect, 2)
    first, second = [await process_of(runtime, answer) for answer in answers]
    suspended = await run_of(client, first)
    assert (state_of(suspended), suspended.name) == ("Suspended", "Evaluate request: bjensen")
    assert set(suspended.tags) == {"approval", "systemCsvfileAccounts_managedUser"}
    logs = await client.read_logs()
    assert any("Task 1 (Evaluate request) waits for async.admin" in log.message for log in logs)

    await decide(runtime, answers[0])
    await drained(runtime, prefect, 1)
    assert [name for name, _, _ in directory.calls] == ["bjensen"]
    done = await run_of(client, first)
    assert state_of(done) == "Approved"
    states = [state.name for state in await client.read_flow_run_states(done.id)]
    assert states == ["Suspended", "Resuming", "Pending", "Running", "Approved"]

    await decide(runtime, answers[1], "false")
    assert await drain_intents(runtime, prefect, OWNER) == 0
    await shown(runtime, prefect, 1)
    assert state_of(await run_of(client, second)) == "Rejected"
    assert await reconcile_flow_runs(runtime, prefect) == 0


async def test_a_run_resumed_or_cancelled_or_deleted_in_prefect_is_replaced(
    client: PrefectClient, runtime: Runtime, prefect: PrefectApprovals, directory: Directory
) -> None:
    answers = await opened(runtime, "resumed", "cancelled", "deleted")
    await shown(runtime, prefect, 3)
    before = [await process_of(runtime, answer) for answer in answers]
    ids = [UUID(process.flow_run_id or "") for process in before]
    resumed = await client.resume_flow_run(ids[0], run_input={"requestApproved": "true"})
    assert resumed.status.value == "ACCEPT"
    await prefect.close([str(ids[1])], Ending(Outcome.DELETED, "by hand"))
    await client.delete_flow_run(ids[2])

    await shown(runtime, prefect, 6)
    after = [await process_of(runtime, answer) for answer in answers]
    assert {process.flow_run_id for process in before}.isdisjoint(process.flow_run_id for process in after)
    assert [state_of(await run_of(client, process)) for process in after] == ["Suspended"] * 3
    assert state_of(await client.read_flow_run(ids[0])) == "Replaced"
    assert directory.calls == []
    assert await reconcile_flow_runs(runtime, prefect) == 0

    await decide(runtime, answers[0])
    await drained(runtime, prefect, 1)
    assert state_of(await run_of(client, after[0])) == "Approved"


async def test_a_bare_resume_without_the_form_is_refused_by_prefect(
    client: PrefectClient, runtime: Runtime, prefect: PrefectApprovals
) -> None:
    (answer,) = await opened(runtime, "bjensen")
    await shown(runtime, prefect, 1)
    run = await run_of(client, await process_of(runtime, answer))
    for form in ({}, {"requestApproved": "maybe"}, {"requestApproved": "true", "sourceId": "x"}):
        assert (await client.resume_flow_run(run.id, run_input=form)).status.value == "REJECT"


async def test_runs_are_created_and_closed_in_bulk(
    client: PrefectClient, runtime: Runtime, prefect: PrefectApprovals, directory: Directory
) -> None:
    answers = await opened(runtime, *(f"bulk{number:03}" for number in range(105)))
    await shown(runtime, prefect, 105)
    for answer in answers[:55]:
        await decide(runtime, answer)
    await drained(runtime, prefect, 55)
    await shown(runtime, prefect, 55)
    ids = [(await process_of(runtime, answer)).flow_run_id or "" for answer in answers]
    states = await prefect.states(ids)
    assert [states[id].state for id in ids] == ["Approved"] * 55 + ["Suspended"] * 50
    assert len(directory.calls) == 55


async def test_a_run_left_running_by_a_dead_worker_is_taken_back(
    client: PrefectClient, runtime: Runtime, prefect: PrefectApprovals, directory: Directory
) -> None:
    from prefect.states import Running

    (answer,) = await opened(runtime, "bjensen")
    await shown(runtime, prefect, 1)
    await decide(runtime, answer)
    process = await process_of(runtime, answer)
    await client.set_flow_run_state(UUID(process.flow_run_id or ""), Running(), force=True)
    await drained(runtime, prefect, 1)
    assert len(directory.calls) == 1
    assert state_of(await run_of(client, process)) == "Approved"


async def test_a_process_of_two_steps_suspends_twice(
    client: PrefectClient, runtime: Runtime, prefect: PrefectApprovals, directory: Directory
) -> None:
    write(runtime, "twoSteps", TWO_STEPS)
    opening = await opened_of(runtime, "twoSteps")
    await shown(runtime, prefect, 1)
    for who, form in (("scarter", {"approved": "true"}), ("officer", {"decision": "yes"})):
        task = await open_task(runtime)
        assert task is not None
        async with runtime.database.write() as tx:
            await decisions.complete(tx, task.seq, Caller(who), form, runtime.clock())
        await drained(runtime, prefect, 1)
    run = await run_of(client, await process_of(runtime, opening))
    assert state_of(run) == "Approved"
    states = [state.name for state in await client.read_flow_run_states(run.id)]
    assert states.count("Suspended") == 2
    assert [name for name, _, _ in directory.calls] == ["bjensen"]
    tasks = await client.read_task_runs()
    assert [task.name for task in tasks if task.flow_run_id == run.id] == ["ticket"]


async def test_a_defect_of_the_procedure_fails_its_run_and_is_tried_again_in_a_new_one(
    client: PrefectClient,
    runtime: Runtime,
    prefect: PrefectApprovals,
    directory: Directory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    directory.refusals["bjensen"] = ZeroDivisionError("division by zero")
    write(runtime, "twoSteps", TWO_STEPS)
    opening = await opened_of(runtime, "twoSteps")
    await shown(runtime, prefect, 1)
    for who, form in (("scarter", {"approved": "true"}), ("officer", {"decision": "yes"})):
        task = await open_task(runtime)
        assert task is not None
        async with runtime.database.write() as tx:
            await decisions.complete(tx, task.seq, Caller(who), form, runtime.clock())
        await drain_intents(runtime, prefect, OWNER)
    failed = await run_of(client, await process_of(runtime, opening))
    assert state_of(failed) == "Failed"
    directory.refusals.clear()
    for _ in range(3):
        runtime.clock = later(runtime, 120_000)
        await drain_intents(runtime, prefect, OWNER)
    run = await run_of(client, await process_of(runtime, opening))
    assert run.id != failed.id
    assert state_of(run) == "Approved"


async def test_a_process_is_not_carried_out_by_anybody_else(runtime: Runtime, client: PrefectClient) -> None:
    from flows.workflow_flow import as_flow

    flow = as_flow((await definitions_of(runtime))["managedUserApproval"])
    with pytest.raises(RuntimeError, match="carried out by `recon worker`"):
        await flow(1)


@pytest.mark.usefixtures("prefect_api")
async def test_a_server_that_is_not_there_is_noticed(runtime: Runtime) -> None:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    from flows.workflow_prefect import PrefectApprovals

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        async with get_client() as connected:
            nowhere = PrefectApprovals(connected)
            assert not await nowhere.answers()
            await opened(runtime, "bjensen")
            assert await reconcile_flow_runs(runtime, nowhere) == 0
