"""From an approval to its effect: once, assessed anew, whatever fails in between."""

import asyncio
from collections.abc import Callable

import pytest

from approvals import decisions, inbox, intents, records
from approvals.intents import Intent
from approvals.requests import Opened
from approvals.states import IntentState
from conf import failpoints
from conf.errors import Conflict, Forbidden, NotFound, Unavailable
from conf.failpoints import FailpointReached, Failpoints, read_failpoints
from conf.terms import Action, Situation
from flows.apply_intent import Lost, apply_intent
from flows.approval_lane import lane_of
from flows.approval_loop import drain_intents
from flows.call import Runtime
from flows.workflow_project import definitions_of
from tests.approvals.conftest import APPROVER, MAPPING, Directory, count, request_for
from tests.approvals.invariants import check

POLICY = {"result": False, "failedPolicyRequirements": [{"property": "mail", "policyRequirements": []}]}
STALE = Conflict(
    "Expected situation does not match. Expected: ABSENT, Found: FOUND",
    detail={"expected": "ABSENT", "found": "FOUND"},
)


async def approved(runtime: Runtime, *names: str, answer: str = "true") -> list[Opened]:
    """Processes that were opened and decided."""
    await definitions_of(runtime)
    async with runtime.database.write() as tx:
        answers = await inbox.open_many(tx, [request_for(name) for name in names], runtime.clock())
        for each in answers:
            await decisions.complete(
                tx, each.task or 0, APPROVER, {"requestApproved": answer}, runtime.clock()
            )
    return answers


async def orders(runtime: Runtime) -> list[Intent]:
    async with runtime.database.read() as tx:
        rows = await tx.fetch("select seq from intent order by seq")
        return list((await intents.load(tx, [seq for (seq,) in rows])).values())


async def drained(runtime: Runtime) -> int:
    total = 0
    while done := await drain_intents(runtime, None, "worker/decisions"):
        total += done
    async with runtime.database.read() as tx:
        assert await check(tx) == []
    return total


async def test_an_approval_is_performed_as_it_was_requested(runtime: Runtime, directory: Directory) -> None:
    (answer,) = await approved(runtime, "bjensen")
    assert await drained(runtime) == 1
    name, action, more = directory.calls[0]
    assert (name, action) == ("bjensen", Action.CREATE)
    assert more == {
        "source_id": "bjensen",
        "target_id": None,
        "target_side": False,
        "link_qualifier": "default",
        "situation": Situation.ABSENT,
        "recon_id": "run-1",
        "task_id": str(answer.task),
        "approver": "async.admin",
    }
    (order,) = await orders(runtime)
    assert (order.state, order.outcome_code, order.target_id) == (IntentState.APPLIED, 200, "bjensen")
    async with runtime.database.read() as tx:
        process = await records.process(tx, answer.process or 0)
    assert (process.open, process.outcome) == (False, "approved")


async def test_a_rejection_performs_nothing(runtime: Runtime, directory: Directory) -> None:
    await approved(runtime, "bjensen", answer="false")
    assert await drained(runtime) == 0
    assert directory.calls == []


async def test_carrying_out_twice_answers_what_is_known(runtime: Runtime, directory: Directory) -> None:
    await approved(runtime, "bjensen")
    (order,) = await orders(runtime)
    first = await apply_intent(runtime, order.seq)
    second = await apply_intent(runtime, order.seq)
    assert (first.state, second.state, second.target_id) == (
        IntentState.APPLIED,
        IntentState.APPLIED,
        "bjensen",
    )
    assert len(directory.calls) == 1


async def test_workers_at_the_same_time_perform_once(runtime: Runtime, directory: Directory) -> None:
    await approved(runtime, *(f"u{number}" for number in range(20)))
    await asyncio.gather(*(drain_intents(runtime, None, f"worker{number}/decisions") for number in range(4)))
    await drained(runtime)
    assert sorted(name for name, _, _ in directory.calls) == sorted(f"u{number}" for number in range(20))
    assert await count(runtime.database, "managed_object where type = 'managed/user'") == 20


async def test_a_changed_situation_refuses_and_ends_the_process(
    runtime: Runtime, directory: Directory
) -> None:
    directory.refusals["bjensen"] = STALE
    (answer,) = await approved(runtime, "bjensen")
    await drained(runtime)
    (order,) = await orders(runtime)
    assert (order.state, order.outcome_code, order.detail) == (IntentState.STALE, 409, STALE.detail)
    async with runtime.database.read() as tx:
        process = await records.process(tx, answer.process or 0)
    assert (process.outcome, process.delete_reason) == ("stale", STALE.message)
    assert await count(runtime.database, "task_instance where status = 'OPEN'") == 0


@pytest.mark.parametrize(
    "gone",
    [Conflict("Source object system/csvfile/account/bjensen does not exist"), NotFound("No such mapping: x")],
    ids=["source", "mapping"],
)
async def test_what_has_gone_is_not_asked_for_again(
    runtime: Runtime, directory: Directory, gone: Exception
) -> None:
    directory.refusals["bjensen"] = gone
    await approved(runtime, "bjensen")
    await drained(runtime)
    assert [order.state for order in await orders(runtime)] == [IntentState.STALE]
    assert await count(runtime.database, "task_instance where status = 'OPEN'") == 0


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        pytest.param(Forbidden("Policy validation failed", detail=POLICY), 403, id="policy"),
        pytest.param(Conflict("There is one with that userName already"), 409, id="unique name"),
    ],
)
async def test_a_refused_act_asks_again_in_the_same_transaction(
    runtime: Runtime, directory: Directory, refusal: Conflict | Forbidden, code: int
) -> None:
    directory.refusals["bjensen"] = refusal
    (answer,) = await approved(runtime, "bjensen")
    await drained(runtime)
    (order,) = await orders(runtime)
    assert (order.state, order.outcome_code, order.detail) == (IntentState.FAILED, code, refusal.detail)
    async with runtime.database.read() as tx:
        first, successor = await records.tasks_of(tx, [answer.process or 0])
    assert (first.status, successor.status, successor.name) == ("COMPLETED", "OPEN", "Evaluate request")
    assert successor.description == f"Asked again: {refusal.message}"
    assert order.message == f"{refusal.message} (task {successor.seq} asks again)"

    directory.refusals.clear()
    async with runtime.database.write() as tx:
        await decisions.complete(tx, successor.seq, APPROVER, {"requestApproved": "true"}, runtime.clock())
    await drained(runtime)
    assert [each.state for each in await orders(runtime)] == [IntentState.FAILED, IntentState.APPLIED]


async def test_a_refusal_is_noted_under_the_run_with_task_and_approver(
    runtime: Runtime, directory: Directory
) -> None:
    directory.refusals["bjensen"] = STALE
    (answer,) = await approved(runtime, "bjensen")
    await drained(runtime)
    async with runtime.database.read() as tx:
        rows = await tx.fetch(
            "select recon_id, entry_type, mapping, situation, action, status, source_id, source_container, message,"
            " task_id, approver from audit_recon"
        )
    assert rows == [
        (
            "run-1", "entry", MAPPING, "ABSENT", "CREATE", "FAILURE", "bjensen", "system/csvfile/account",
            STALE.message, str(answer.task), "async.admin",
        )
    ]  # fmt: skip


async def test_a_busy_database_is_waited_for(runtime: Runtime, directory: Directory) -> None:
    directory.refusals["bjensen"] = Unavailable("The database is busy")
    await approved(runtime, "bjensen")
    with pytest.raises(Unavailable):
        await drain_intents(runtime, None, "worker/decisions")
    assert [order.state for order in await orders(runtime)] == [IntentState.READY]
    directory.refusals.clear()
    runtime.clock = _later(runtime, 60_000)
    assert await drained(runtime) == 1


async def test_a_defect_is_met_a_few_times_and_then_a_person_is_asked(
    runtime: Runtime, directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    directory.refusals["bjensen"] = ZeroDivisionError("division by zero")
    await approved(runtime, "bjensen")
    for attempt in range(1, 9):
        assert await drain_intents(runtime, None, "worker/decisions") == (attempt == 8)
        runtime.clock = _later(runtime, 120_000)
    (order,) = await orders(runtime)
    assert (order.state, order.outcome_code) == (IntentState.FAILED, 409)
    assert "ZeroDivisionError: division by zero (task 2 asks again)" in (order.message or "")
    assert len(caplog.records) == 8


async def test_an_order_that_was_taken_over_is_left_alone(runtime: Runtime, directory: Directory) -> None:
    await approved(runtime, "bjensen")
    async with runtime.database.write() as tx:
        (mine,) = await intents.claim(tx, "slow/decisions", runtime.clock(), range(1, 11))
    runtime.clock = _later(runtime, 60_000)
    async with runtime.database.write() as tx:
        (theirs,) = await intents.claim(tx, "quick/decisions", runtime.clock(), range(1, 11))
        assert not await intents.release(tx, mine, 0)
    with pytest.raises(Lost):
        await apply_intent(runtime, mine.seq, token=mine.token)
    assert directory.calls == []
    assert (await apply_intent(runtime, theirs.seq, token=theirs.token)).state is IntentState.APPLIED


async def test_what_a_dead_worker_held_is_free_at_once(runtime: Runtime) -> None:
    await approved(runtime, "bjensen")
    async with runtime.database.write() as tx:
        await intents.claim(tx, "dead/decisions", runtime.clock(), range(1, 11))
    assert await drain_intents(runtime, None, "worker/decisions") == 0
    async with runtime.database.write() as tx:
        assert await intents.lapse(tx, "dead/decisions") == 1
    assert await drained(runtime) == 1


async def test_a_clock_that_was_set_back_holds_up_no_order(runtime: Runtime) -> None:
    await approved(runtime, "bjensen", "scarter")
    async with runtime.database.write() as tx:
        held, rested = await intents.claim(tx, "dead/decisions", runtime.clock(), range(1, 11))
        await intents.release(tx, rested, runtime.clock() + 60_000, "failed")
    runtime.clock = _later(runtime, -3_600_000)
    async with runtime.database.write() as tx:
        await intents.pull_in(tx, runtime.clock())
    assert await drained(runtime) == 1
    runtime.clock = _later(runtime, intents.LEASE_MS + 1)
    assert await drained(runtime) == 1
    assert [order.state for order in await orders(runtime)] == [IntentState.APPLIED] * 2
    assert held.token < (await orders(runtime))[0].token


@pytest.mark.parametrize("place", ["P2", "P4", "P9", "P10", "P13", "P15"])
async def test_a_failure_anywhere_leaves_it_undone_or_done(
    runtime: Runtime, directory: Directory, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    await approved(runtime, "bjensen", "scarter")
    monkeypatch.setattr(failpoints, "PROCESS", Failpoints(read_failpoints(f"{place}=raise")))
    # a defect in one order does not hold up the next
    done = await drain_intents(runtime, None, "worker/decisions")
    assert done >= 1 or place == "P15"
    runtime.clock = _later(runtime, 60_000)
    await drained(runtime)
    assert [order.state for order in await orders(runtime)] == [IntentState.APPLIED] * 2
    assert await count(runtime.database, "managed_object where type = 'managed/user'") == 2


@pytest.mark.parametrize("place", ["A5", "A6"])
async def test_a_failure_while_deciding_leaves_the_task_open(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    await definitions_of(runtime)
    async with runtime.database.write() as tx:
        answer = await inbox.open_one(tx, request_for("bjensen"), runtime.clock())
    monkeypatch.setattr(failpoints, "PROCESS", Failpoints(read_failpoints(f"{place}=raise")))
    for attempt in range(2):
        try:
            async with runtime.database.write() as tx:
                await decisions.complete(tx, answer.task or 0, APPROVER, {"requestApproved": "true"}, 1)
        except FailpointReached:
            assert attempt == 0
            assert await count(runtime.database, "decision") + await count(runtime.database, "intent") == 0
    assert await count(runtime.database, "decision") == 1


async def test_the_clock_of_a_lane_backs_off(runtime: Runtime) -> None:
    lane = lane_of(runtime)
    lane.rest(7, 0)
    first = lane.retry_at[7]
    lane.rest(7, 0)
    assert lane.retry_at[7] > first
    lane.forget(7)
    assert 7 not in lane.retry_at
    assert lane_of(runtime) is lane


def _later(runtime: Runtime, milliseconds: int) -> Callable[[], int]:
    now = runtime.clock() + milliseconds
    return lambda: now
