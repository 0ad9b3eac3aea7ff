"""Deciding, claiming and handing on: who may, once, and what remains of it."""

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from approvals import assignment, decisions, records
from approvals.entitlement import Separation
from approvals.errors import AlreadyClaimed, NeedsAnother, NotEntitled, TaskEnded, UnknownTask
from approvals.events import Event
from conf.database import Database, Transaction
from conf.errors import BadRequest, PreconditionFailed, ReconError
from flows.call import Caller
from tests.approvals.conftest import ADMIN, APPROVER, NOW, STRANGER, count, opened, request_for

MANAGER = Caller("mmanager", roles=frozenset({"openidm-authorized", "openidm-tasks-manager"}))
YES = {"requestApproved": "true"}
NO = {"requestApproved": "false"}


async def a_task(database: Database, **changes: Any) -> int:
    (answer,) = await opened(database, request_for("bjensen", **changes))
    return answer.task or 0


async def decide(database: Database, task: int, actor: Caller, form: Any = YES, **more: Any) -> Any:
    async with database.write() as tx:
        return await decisions.complete(tx, task, actor, form, NOW, **more)


async def test_an_approval_leaves_a_decision_and_an_order(database: Database) -> None:
    task = await a_task(database)
    decided = await decide(database, task, APPROVER)
    assert (decided.verdict, decided.closed) == ("approved", False)
    assert (
        await count(database, "intent where task = ? and state = 'READY' and approver = 'async.admin'", task)
        == 1
    )
    async with database.read() as tx:
        process = await records.process(tx, decided.process)
        form = (await tx.fetch("select form from decision"))[0][0]
    assert process.variables["requestApproved"] == "true"
    assert orjson.loads(form) == YES


async def test_a_rejection_leaves_no_order_and_ends_the_process(database: Database) -> None:
    task = await a_task(database)
    decided = await decide(database, task, APPROVER, NO, comment="no budget")
    assert (decided.verdict, decided.intent, decided.closed) == ("rejected", None, True)
    assert await count(database, "intent") == 0
    async with database.read() as tx:
        process = await records.process(tx, decided.process)
    assert (process.open, process.outcome, process.end_activity) == (False, "rejected", "end")
    assert process.decision is not None
    assert (process.decision.by, process.decision.comment) == ("async.admin", "no budget")


async def test_a_second_decision_is_told_who_was_first(database: Database) -> None:
    task = await a_task(database)
    await decide(database, task, APPROVER, NO)
    with pytest.raises(TaskEnded) as error:
        await decide(database, task, ADMIN)
    assert error.value.status == 404
    assert error.value.detail == {
        "verdict": "rejected",
        "by": "async.admin",
        "at": "2023-11-14T22:13:20.000Z",
    }


async def test_of_twenty_clients_one_decides_each_task(database: Database) -> None:
    answers = await opened(database, *(request_for(f"u{number}") for number in range(5)))
    tasks = [answer.task or 0 for answer in answers]

    async def attempt(task: int, client: int) -> str:
        try:
            await decide(database, task, APPROVER if client % 2 else ADMIN, NO if client % 3 else YES)
        except TaskEnded:
            return "lost"
        return "won"

    outcomes = await asyncio.gather(*(attempt(task, client) for client in range(20) for task in tasks))
    assert outcomes.count("won") == 5
    assert await count(database, "decision") == 5
    approved = await count(database, "decision where verdict = 'approved'")
    assert await count(database, "intent") == approved


@pytest.mark.parametrize(
    "form",
    [
        {"requestApproved": "true", "sourceId": "somebody-else"},
        {"requestApproved": "true", "userName": "intruder"},
        {"requestApproved": "maybe"},
        {"requesterName": "x", "requestApproved": "true"},
        {},
        None,
        [],
        "true",
    ],
)
async def test_a_wrong_form_leaves_the_task_open(database: Database, form: Any) -> None:
    task = await a_task(database)
    with pytest.raises(BadRequest):
        await decide(database, task, APPROVER, form)
    assert await count(database, "task_instance where status = 'OPEN'") == 1
    await decide(database, task, APPROVER, {"requestApproved": True})


@pytest.mark.parametrize("task", [0, 99999, "abc", "<script>", "٣", "1 or 1=1", "-1", "9" * 30])
async def test_an_unknown_task_is_not_found(database: Database, task: Any) -> None:
    with pytest.raises(UnknownTask):
        await decide(database, task, ADMIN)


async def test_nobody_learns_of_tasks_that_are_not_theirs(database: Database) -> None:
    task = await a_task(database)
    with pytest.raises(UnknownTask):
        await decide(database, task, STRANGER)
    await decide(database, task, APPROVER)
    with pytest.raises(UnknownTask):
        await decide(database, task, STRANGER)


async def test_a_candidate_takes_a_free_task_by_deciding_it(database: Database) -> None:
    task = await a_task(database, definition_key="open")
    decided = await decide(database, task, MANAGER, {"target": "x", "comment": "the second one"})
    assert (decided.verdict, decided.intent, decided.closed) == ("completed", None, False)
    async with database.read() as tx:
        row = await records.task(tx, task)
    assert (row.assignee, row.claimed_at) == ("mmanager", NOW)
    assert row.decision is not None
    assert row.decision.comment == "the second one"


async def test_a_taken_task_is_no_longer_open_to_other_candidates(database: Database) -> None:
    task = await a_task(database, definition_key="open")
    scarter = Caller("scarter")
    async with database.write() as tx:
        await assignment.claim(tx, task, scarter, "scarter", NOW)
    with pytest.raises(NotEntitled):
        await decide(database, task, MANAGER, {"target": "x"})
    await decide(database, task, scarter, {"target": "x"})


@pytest.mark.parametrize(
    ("separation", "actor", "refused"),
    [
        (Separation.OFF, "openidm-admin", False),
        (Separation.REQUESTER, "openidm-admin", True),
        (Separation.REQUESTER, "bjensen", False),
        (Separation.REQUESTER_AND_SUBJECT, "BJensen", True),
        (Separation.REQUESTER_AND_SUBJECT, "another", False),
        (Separation.FOUR_EYES, "another", False),
    ],
)
async def test_separation_of_duties(
    database: Database, separation: Separation, actor: str, *, refused: bool
) -> None:
    task = await a_task(database)
    person = Caller(actor, roles=frozenset({"openidm-admin"}))
    if refused:
        with pytest.raises(NeedsAnother, match="somebody else has to decide"):
            await decide(database, task, person, separation=separation)
        assert await count(database, "decision") == 0
    else:
        await decide(database, task, person, separation=separation)


async def test_a_process_that_says_nothing_to_do_can_only_be_rejected(database: Database) -> None:
    task = await a_task(database, mapping=None)
    with pytest.raises(BadRequest, match="started without mapping, action, sourceId or targetId"):
        await decide(database, task, APPROVER)
    await decide(database, task, APPROVER, NO)


async def test_the_audit_is_told_in_the_same_transaction(database: Database) -> None:
    told: list[Event] = []

    async def audit(_tx: Transaction, events: Any, /) -> None:
        told.extend(events)

    task = await a_task(database)
    await decide(database, task, APPROVER, audit=audit)
    assert [(each.name, each.object_id, each.operation, each.user_id) for each in told] == [
        ("workflow-complete_task", f"workflow/taskinstance/{task}", "complete", "async.admin")
    ]


async def test_nothing_of_a_decision_stays_when_its_transaction_fails(database: Database) -> None:
    task = await a_task(database)

    async def fail(_tx: Transaction, _events: Any, /) -> None:
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        await decide(database, task, APPROVER, audit=fail)
    assert await count(database, "decision") + await count(database, "intent") == 0
    assert await count(database, "task_instance where status = 'OPEN'") == 1


async def claim(database: Database, task: int, actor: Caller, user_id: Any) -> records.Task:
    async with database.write() as tx:
        return await assignment.claim(tx, task, actor, user_id, NOW)


async def test_one_of_twenty_claims_a_free_task(database: Database) -> None:
    task = await a_task(database, definition_key="open")

    async def attempt(number: int) -> bool:
        person = replace(MANAGER, id=f"manager{number}")
        try:
            await claim(database, task, person, person.id)
        except AlreadyClaimed:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt(number) for number in range(20)))) == 1


@pytest.mark.parametrize(
    ("actor", "user_id", "status"),
    [
        pytest.param(MANAGER, "mmanager", 200, id="for oneself"),
        pytest.param(MANAGER, "scarter", 403, id="for somebody else"),
        pytest.param(ADMIN, "anybody", 200, id="an administrator for anybody"),
        pytest.param(STRANGER, "bjensen", 404, id="not a candidate"),
        pytest.param(MANAGER, None, 400, id="for nobody"),
        pytest.param(MANAGER, "", 400, id="for an empty name"),
        pytest.param(ADMIN, 5, 400, id="for a number"),
        pytest.param(ADMIN, "x" * 256, 400, id="for too long a name"),
    ],
)
async def test_claiming(database: Database, actor: Caller, user_id: Any, status: int) -> None:
    task = await a_task(database, definition_key="open")
    if status != 200:
        with pytest.raises(ReconError) as error:
            await claim(database, task, actor, user_id)
        assert error.value.status == status
        return
    assert (await claim(database, task, actor, user_id)).assignee == user_id
    assert (await claim(database, task, actor, user_id)).assignee == user_id


async def test_an_assigned_task_cannot_be_claimed_by_another(database: Database) -> None:
    task = await a_task(database)
    with pytest.raises(AlreadyClaimed, match=r"already claimed by async\.admin") as error:
        await claim(database, task, ADMIN, "openidm-admin")
    assert error.value.status == 409


async def assign(
    database: Database, task: int, actor: Caller, content: dict[str, Any], **more: Any
) -> records.Task:
    async with database.write() as tx:
        return await assignment.assign(tx, task, actor, content, NOW, **more)


async def test_the_assignee_hands_a_task_on(database: Database) -> None:
    task = await a_task(database)
    row = await assign(
        database, task, APPROVER, {"assignee": "scarter", "description": "please"}, revision="1"
    )
    assert (row.assignee, row.description, row.rev) == ("scarter", "please", 2)
    with pytest.raises(UnknownTask):
        await assign(database, task, APPROVER, {"assignee": "async.admin"})
    assert (await assign(database, task, ADMIN, {"assignee": None})).assignee is None


async def test_a_put_that_changes_nothing_writes_nothing(database: Database) -> None:
    task = await a_task(database)
    assert (await assign(database, task, APPROVER, {"assignee": "async.admin"})).rev == 1


async def test_a_stale_revision_is_refused(database: Database) -> None:
    task = await a_task(database)
    await assign(database, task, APPROVER, {"description": "x"}, revision='"1"')
    with pytest.raises(PreconditionFailed):
        await assign(database, task, APPROVER, {"description": "y"}, revision="1")
    await assign(database, task, APPROVER, {"description": "y"}, revision="*")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"priority": 100}, "'priority' of a task cannot be changed"),
        ({"nosuch": 1}, "'nosuch' of a task cannot be changed"),
        ({"name": ""}, "needs a name"),
        ({"name": None}, "needs a name"),
        ({"owner": 5}, "'owner' must be a text"),
        ({"assignee": "x" * 256}, "255 characters at most"),
        ({"description": "a\x00"}, "no control characters"),
    ],
)
async def test_what_a_put_may_not_change(database: Database, content: dict[str, Any], message: str) -> None:
    task = await a_task(database)
    with pytest.raises(BadRequest) as error:
        await assign(database, task, ADMIN, content)
    assert message in error.value.message


async def test_members_sent_back_unchanged_do_no_harm(database: Database) -> None:
    task = await a_task(database)
    whole = {"_id": str(task), "priority": 50, "assignee": "scarter"}
    assert (await assign(database, task, ADMIN, whole, unchanged={"_id": str(task), "priority": 50})).rev == 2


async def test_a_candidate_takes_a_free_task_by_put_but_gives_it_to_nobody(database: Database) -> None:
    task = await a_task(database, definition_key="open")
    with pytest.raises(NotEntitled):
        await assign(database, task, MANAGER, {"assignee": "scarter"})
    assert (await assign(database, task, MANAGER, {"assignee": "mmanager"})).assignee == "mmanager"
