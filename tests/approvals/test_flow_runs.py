"""Prefect's picture of processes, on flow runs in memory: linked, closed, repaired, never decisive."""

from collections.abc import Callable

import pytest
from sqlalchemy import Insert, insert

from approvals import decisions, inbox, intents, records
from approvals.requests import Opened
from approvals.states import Outcome
from conf import failpoints
from conf.errors import Forbidden
from conf.failpoints import FailpointReached, Failpoints, read_failpoints
from flows import approval_linking
from flows.approval_lane import Presence, lane_of
from flows.approval_loop import Due, Way, drain_intents, reconcile_flow_runs, way
from flows.call import Runtime
from flows.flow_runs import Phase, SuspendedRun
from flows.store.tables import ReconRun
from flows.workflow_project import definitions_of
from tests.approvals.conftest import APPROVAL, APPROVER, NOW, Directory, count, request_for
from tests.approvals.flow_run_shelf import Shelf

OWNER = "worker/decisions"


@pytest.fixture
def shelf(runtime: Runtime) -> Shelf:
    lane_of(runtime).inspect_ms = 0
    return Shelf()


async def opened(runtime: Runtime, *names: str) -> list[Opened]:
    await definitions_of(runtime)
    async with runtime.database.write() as tx:
        return await inbox.open_many(tx, [request_for(name) for name in names], runtime.clock())


async def decide(runtime: Runtime, answer: Opened, verdict: str = "true") -> None:
    async with runtime.database.write() as tx:
        await decisions.complete(
            tx, answer.task or 0, APPROVER, {"requestApproved": verdict}, runtime.clock()
        )


async def process_of(runtime: Runtime, answer: Opened) -> records.Process:
    async with runtime.database.read() as tx:
        return await records.process(tx, answer.process or 0)


def later(runtime: Runtime, milliseconds: int) -> Callable[[], int]:
    now = runtime.clock() + milliseconds
    return lambda: now


async def test_a_clock_that_was_set_back_holds_up_neither_pictures_nor_procedures(runtime: Runtime) -> None:
    lane, shelf, now = lane_of(runtime), Shelf(), runtime.clock()
    lane.inspected(now, quiet=True)
    lane.rest(7, now)
    shelf.away = True
    assert await lane.presence(shelf, now) is Presence.AWAY_BRIEFLY
    back = now - 3_600_000
    assert lane.inspecting(back)
    assert not lane.rests(7, back)
    assert await lane.presence(shelf, back) is Presence.AWAY_BRIEFLY
    assert await lane.presence(shelf, back + 5_000) is Presence.AWAY


async def test_each_open_process_gets_one_suspended_run(runtime: Runtime, shelf: Shelf) -> None:
    answers = await opened(runtime, "bjensen", "scarter")
    assert await reconcile_flow_runs(runtime, shelf) == 2
    assert await reconcile_flow_runs(runtime, shelf) == 0
    assert shelf.named(Phase.SUSPENDED) == ["Evaluate request: bjensen", "Evaluate request: scarter"]
    run = shelf.created["flow-run-1"]
    assert run.parameters == {"process": answers[0].process}
    assert run.pause_key == f"task-{answers[0].task}"
    assert (await process_of(runtime, answers[0])).flow_state == "suspended"


async def test_a_creation_that_failed_is_repeated(runtime: Runtime, shelf: Shelf) -> None:
    await opened(runtime, "bjensen", "scarter")
    shelf.lost_creations = 1
    assert await reconcile_flow_runs(runtime, shelf) == 1
    assert await reconcile_flow_runs(runtime, shelf) == 1
    assert len(shelf.runs) == 2


async def test_a_crash_between_creating_and_noting_makes_no_second_run(
    runtime: Runtime, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(runtime, "bjensen", "scarter")
    monkeypatch.setattr(failpoints, "PROCESS", Failpoints(read_failpoints("L2=raise")))
    with pytest.raises(FailpointReached):
        await reconcile_flow_runs(runtime, shelf)
    assert await reconcile_flow_runs(runtime, shelf) == 2
    assert len(shelf.runs) == 2


async def test_an_approval_is_carried_out_in_its_flow_run(
    runtime: Runtime, shelf: Shelf, directory: Directory
) -> None:
    (answer,) = await opened(runtime, "bjensen")
    await reconcile_flow_runs(runtime, shelf)
    await decide(runtime, answer)
    assert await drain_intents(runtime, shelf, OWNER) == 1
    assert shelf.carried_out == [answer.process]
    assert len(directory.calls) == 1
    assert (await process_of(runtime, answer)).flow_state == "closed"
    assert await reconcile_flow_runs(runtime, shelf) == 0
    assert shelf.endings == {}


async def test_runs_of_ended_processes_are_closed(runtime: Runtime, shelf: Shelf) -> None:
    rejected, deleted = await opened(runtime, "bjensen", "scarter")
    await reconcile_flow_runs(runtime, shelf)
    await decide(runtime, rejected, "false")
    async with runtime.database.write() as tx:
        await inbox.supersede(tx, {deleted.process or 0: "the source is gone"}, runtime.clock())
    assert await reconcile_flow_runs(runtime, shelf) == 2
    assert [shelf.endings[f"flow-run-{number}"].outcome for number in (1, 2)] == [
        Outcome.REJECTED,
        Outcome.SUPERSEDED,
    ]
    assert (await process_of(runtime, rejected)).flow_state == "closed"


async def test_twenty_at_once_are_applied_directly_and_closed_afterwards(
    runtime: Runtime, shelf: Shelf, directory: Directory
) -> None:
    answers = await opened(runtime, *(f"u{number}" for number in range(25)))
    await reconcile_flow_runs(runtime, shelf)
    for answer in answers:
        await decide(runtime, answer)
    assert await drain_intents(runtime, shelf, OWNER) == 25
    assert (shelf.carried_out, len(directory.calls)) == ([], 25)
    assert await reconcile_flow_runs(runtime, shelf) == 25
    assert {ending.outcome for ending in shelf.endings.values()} == {Outcome.APPROVED}


async def test_without_prefect_effects_follow_and_runs_are_closed_later(
    runtime: Runtime, shelf: Shelf, directory: Directory
) -> None:
    (answer,) = await opened(runtime, "bjensen")
    await reconcile_flow_runs(runtime, shelf)
    shelf.away = True
    await decide(runtime, answer)
    # for a moment it may just be restarting
    assert await drain_intents(runtime, shelf, OWNER) == 0
    assert await reconcile_flow_runs(runtime, shelf) == 0
    runtime.clock = later(runtime, 5_000)
    assert await drain_intents(runtime, shelf, OWNER) == 1
    assert len(directory.calls) == 1
    shelf.away = False
    assert await reconcile_flow_runs(runtime, shelf) == 1
    assert shelf.runs["flow-run-1"].phase is Phase.ENDED


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        pytest.param(Phase.RESUMED, "Resuming", id="resumed"),
        pytest.param(Phase.ENDED, "Cancelled", id="cancelled"),
        pytest.param(Phase.ENDED, "Completed", id="completed"),
        pytest.param(Phase.RUNNING, "Running", id="left running by a dead worker"),
    ],
)
async def test_what_people_do_in_prefect_decides_nothing(
    runtime: Runtime, shelf: Shelf, directory: Directory, phase: Phase, state: str
) -> None:
    (answer,) = await opened(runtime, "bjensen")
    await reconcile_flow_runs(runtime, shelf)
    shelf.show("flow-run-1", phase, state)
    assert await reconcile_flow_runs(runtime, shelf) == 2
    assert shelf.runs["flow-run-1"].phase is Phase.ENDED
    assert shelf.named(Phase.SUSPENDED) == ["Evaluate request: bjensen"]
    assert (await process_of(runtime, answer)).flow_run_id == "flow-run-2"
    assert await count(runtime.database, "task_instance where status = 'OPEN'") == 1
    assert directory.calls == []
    async with runtime.database.read() as tx:
        rows = await tx.fetch("select body from audit_event where body like '%replace_flow_run%'")
    assert len(rows) == 1
    assert f"flow-run-1 {'was ended' if phase is Phase.ENDED else 'is'}" in rows[0][0]

    await decide(runtime, answer)
    assert await drain_intents(runtime, shelf, OWNER) == 1
    assert len(directory.calls) == 1


async def test_a_deleted_run_is_replaced(runtime: Runtime, shelf: Shelf) -> None:
    (answer,) = await opened(runtime, "bjensen")
    await reconcile_flow_runs(runtime, shelf)
    del shelf.runs["flow-run-1"]
    del shelf.created["flow-run-1"]
    assert await reconcile_flow_runs(runtime, shelf) == 2
    assert (await process_of(runtime, answer)).flow_run_id == "flow-run-2"


async def test_a_run_that_was_cancelled_before_the_decision_does_not_hold_it_up(
    runtime: Runtime, shelf: Shelf, directory: Directory
) -> None:
    (answer,) = await opened(runtime, "bjensen")
    await reconcile_flow_runs(runtime, shelf)
    shelf.show("flow-run-1", Phase.ENDED, "Cancelled")
    await decide(runtime, answer)
    assert await drain_intents(runtime, shelf, OWNER) == 1
    assert len(directory.calls) == 1
    await reconcile_flow_runs(runtime, shelf)
    assert (await process_of(runtime, answer)).flow_state == "closed"


async def test_runs_that_belong_to_nothing_are_closed(runtime: Runtime, shelf: Shelf) -> None:
    await opened(runtime, "bjensen")
    await reconcile_flow_runs(runtime, shelf)
    for phase in (Phase.SUSPENDED, Phase.RESUMED):
        orphan = shelf._create(SuspendedRun(f"orphan {phase}", "orphan", {}), phase, "x")
        shelf.show(orphan, phase, "x", since=runtime.clock())
    assert await reconcile_flow_runs(runtime, shelf) == 0
    assert len(shelf.named(Phase.ENDED)) == 0
    runtime.clock = later(runtime, 70_000)
    await reconcile_flow_runs(runtime, shelf)
    assert shelf.named(Phase.ENDED) == ["orphan", "orphan"]
    assert shelf.named(Phase.SUSPENDED) == ["Evaluate request: bjensen"]


async def test_many_of_one_reconciliation_share_a_run(
    runtime: Runtime, shelf: Shelf, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval_linking, "GROUP_ABOVE", 3)
    monkeypatch.setattr(approval_linking, "LINKED_AT_ONCE", 2)
    answers = await opened(runtime, "u1", "u2", "u3", "u4")
    assert await reconcile_flow_runs(runtime, shelf) == 4
    assert list(shelf.runs) == ["flow-run-1"]
    run = shelf.created["flow-run-1"]
    assert run.parameters == {"processes": [answer.process for answer in answers]}
    assert (run.pause_key, run.name) == (None, "Evaluate request: 4 of systemCsvfileAccounts_managedUser")
    for answer in answers[:3]:
        await decide(runtime, answer)
    assert await drain_intents(runtime, shelf, OWNER) == 3
    assert shelf.carried_out == []
    assert await reconcile_flow_runs(runtime, shelf) == 0
    await decide(runtime, answers[3], "false")
    assert await reconcile_flow_runs(runtime, shelf) == 1
    assert shelf.endings["flow-run-1"].message == "All 4 tasks have ended: 3 approved, 1 rejected"
    assert (await process_of(runtime, answers[0])).flow_state == "closed"


async def test_a_resumed_group_is_replaced_as_a_group(
    runtime: Runtime, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval_linking, "GROUP_ABOVE", 1)
    await opened(runtime, "u1", "u2")
    await reconcile_flow_runs(runtime, shelf)
    shelf.show("flow-run-1", Phase.RESUMED, "Resuming")
    assert await reconcile_flow_runs(runtime, shelf) == 4
    assert {id: run.phase for id, run in shelf.runs.items()} == {
        "flow-run-1": Phase.ENDED,
        "flow-run-2": Phase.SUSPENDED,
    }


async def test_runs_are_linked_after_the_reconciliation_has_ended(runtime: Runtime, shelf: Shelf) -> None:
    await opened(runtime, "bjensen")
    async with runtime.database.write() as tx:
        await tx.execute(_run_row("ACTIVE"))
    assert await reconcile_flow_runs(runtime, shelf) == 0
    async with runtime.database.write() as tx:
        await tx.run("update recon_run set state = 'SUCCESS'")
    assert await reconcile_flow_runs(runtime, shelf) == 1


async def test_a_task_that_asks_again_gets_a_run_of_its_own(
    runtime: Runtime, shelf: Shelf, directory: Directory
) -> None:
    directory.refusals["bjensen"] = Forbidden("Policy validation failed")
    (answer,) = await opened(runtime, "bjensen")
    await reconcile_flow_runs(runtime, shelf)
    await decide(runtime, answer)
    assert await drain_intents(runtime, shelf, OWNER) == 1
    assert shelf.runs["flow-run-1"].state == "Failed"
    assert await reconcile_flow_runs(runtime, shelf) == 1
    assert shelf.named(Phase.SUSPENDED) == ["Evaluate request: bjensen"]


@pytest.mark.parametrize(
    ("presence", "at_once", "waited", "expected"),
    [
        (Presence.HERE, 1, 0, Way.PROCEDURE),
        (Presence.HERE, 19, 0, Way.PROCEDURE),
        (Presence.HERE, 20, 0, Way.DIRECT),
        (Presence.HERE, 1, 2_000, Way.DIRECT),
        (Presence.NONE, 1, 0, Way.DIRECT),
        (Presence.AWAY_BRIEFLY, 1, 0, Way.LATER),
        (Presence.AWAY, 1, 0, Way.DIRECT),
    ],
)
async def test_the_way_of_an_order(
    runtime: Runtime, shelf: Shelf, presence: Presence, at_once: int, waited: int, expected: Way
) -> None:
    (answer,) = await opened(runtime, "bjensen")
    await reconcile_flow_runs(runtime, shelf)
    await decide(runtime, answer)
    async with runtime.database.write() as tx:
        (order,) = await intents.claim(tx, OWNER, runtime.clock(), range(1, 11))
    definition = (await definitions_of(runtime))["managedUserApproval"]
    due = Due(order, await process_of(runtime, answer), APPROVAL, definition)
    assert way(due, presence, at_once, order.created_at + waited) is expected


def _run_row(state: str) -> Insert:
    row = ReconRun(id="run-1", mapping="m", state=state, created_at=NOW)
    values = row.model_dump(exclude={"seq"})
    return insert(ReconRun).values(**values)
