"""Opening processes: set-wise, at most one per request, with the memory of rejections."""

import asyncio
from dataclasses import replace

import pytest

from approvals import catalogue, closing, decisions, inbox, records
from approvals.errors import UnknownProcess
from approvals.requests import Opening
from conf.database import Database
from conf.errors import Conflict, NotFound
from tests.approvals.conftest import (
    APPROVAL,
    APPROVER,
    MAPPING,
    NOW,
    OPEN_TO_MANAGERS,
    count,
    opened,
    request_for,
)

NEVER = 0


async def decide(database: Database, task: int | None, answer: str, now: int = NOW) -> None:
    async with database.write() as tx:
        await decisions.complete(tx, task or NEVER, APPROVER, {"requestApproved": answer}, now)


async def test_each_request_gets_a_process_with_its_first_task(database: Database) -> None:
    answers = await opened(database, request_for("bjensen"), request_for("scarter"))
    assert [answer.opening for answer in answers] == [Opening.OPENED, Opening.OPENED]
    async with database.read() as tx:
        task = await records.task(tx, answers[0].task or NEVER)
        process = await records.process(tx, answers[0].process or NEVER)
    assert (task.name, task.assignee, task.task_key) == ("Evaluate request", "async.admin", "evaluateRequest")
    assert process.business_key == "sourceId: bjensen, targetId: undefined, reconId: run-1"
    assert process.variables == {
        "sourceId": "bjensen",
        "mapping": MAPPING,
        "situation": "ABSENT",
        "action": "CREATE",
        "linkQualifier": "default",
        "reconId": "run-1",
        "ambiguousTargetIds": None,
        "_action": "performAction",
    }


async def test_a_second_run_finds_the_open_task(database: Database) -> None:
    first = await opened(database, request_for("bjensen"))
    second = await opened(database, request_for("bjensen", recon_id="run-2"))
    assert (second[0].opening, second[0].task) == (Opening.ALREADY_OPEN, first[0].task)
    assert await count(database, "task_instance") == 1


async def test_two_requests_of_one_call_share_a_task(database: Database) -> None:
    answers = await opened(database, request_for("bjensen"), request_for("bjensen"))
    assert [answer.opening for answer in answers] == [Opening.OPENED, Opening.ALREADY_OPEN]
    assert answers[0].task == answers[1].task


async def test_runs_at_the_same_moment_never_double_a_task(database: Database) -> None:
    names = [f"u{number:03}" for number in range(50)]
    await asyncio.gather(
        *(opened(database, *(request_for(name, recon_id=f"run-{run}") for name in names)) for run in range(5))
    )
    assert await count(database, "process_instance") == 50
    assert await count(database, "task_instance") == 50


@pytest.mark.parametrize("different", [{"qualifier": "other"}, {"mapping": "other"}, {"side": "target"}])
async def test_another_qualifier_mapping_or_side_is_another_request(
    database: Database, different: dict[str, str]
) -> None:
    answers = await opened(database, request_for("bjensen"), request_for("bjensen", **different))
    assert [answer.opening for answer in answers] == [Opening.OPENED, Opening.OPENED]


async def test_a_changed_situation_supersedes_the_old_task(database: Database) -> None:
    (old,) = await opened(database, request_for("bjensen"))
    (new,) = await opened(database, request_for("bjensen", situation="FOUND", action="LINK"))
    assert (new.opening, new.superseded) == (Opening.OPENED, old.task)
    async with database.read() as tx:
        closed = await records.process(tx, old.process or NEVER)
        task = await records.task(tx, old.task or NEVER)
    assert (closed.open, closed.outcome, task.status) == (False, "superseded", "CANCELLED")
    assert "the situation is FOUND now (action LINK), it was ABSENT" in (closed.delete_reason or "")


async def test_what_is_approved_already_is_not_superseded(database: Database) -> None:
    (old,) = await opened(database, request_for("bjensen"))
    await decide(database, old.task, "true")
    (new,) = await opened(database, request_for("bjensen", situation="FOUND", action="LINK"))
    assert new.superseded is None
    (same,) = await opened(database, request_for("bjensen"))
    assert (same.opening, same.process, same.task) == (Opening.ALREADY_OPEN, old.process, None)


async def test_a_rejection_is_remembered_while_nothing_changes(database: Database) -> None:
    (first,) = await opened(database, request_for("bjensen"))
    await decide(database, first.task, "false")
    (again,) = await opened(database, request_for("bjensen", recon_id="run-2"))
    assert again.opening is Opening.REMEMBERED
    assert again.message == "rejected by async.admin on 2023-11-14, unchanged"
    assert await count(database, "task_instance") == 1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"source_digest": "another"}, id="the source has changed"),
        pytest.param({"source_digest": None}, id="nobody knows whether it has"),
        pytest.param({"after_rejection": "ask"}, id="the mapping says ask"),
        pytest.param({"situation": "FOUND"}, id="another situation"),
    ],
)
async def test_a_rejection_is_forgotten_when(database: Database, changes: dict[str, str | None]) -> None:
    (first,) = await opened(database, request_for("bjensen"))
    await decide(database, first.task, "false")
    (again,) = await opened(database, request_for("bjensen", **changes))
    assert again.opening is Opening.OPENED


async def test_an_approval_after_the_rejection_ends_its_memory(database: Database) -> None:
    (first,) = await opened(database, request_for("bjensen"))
    await decide(database, first.task, "false")
    (second,) = await opened(database, request_for("bjensen", after_rejection="ask"))
    async with database.write() as tx:
        await closing.delete_process(tx, second.process or NEVER, "openidm-admin", NOW)
    (third,) = await opened(database, request_for("bjensen"))
    assert third.opening is Opening.OPENED


async def test_an_unknown_process_fails_its_requests_alone(database: Database) -> None:
    wrong, right = await opened(
        database, request_for("bjensen", definition_key="nosuch"), request_for("scarter")
    )
    assert (wrong.opening, right.opening) == (Opening.FAILED, Opening.OPENED)
    assert isinstance(wrong.error, UnknownProcess)
    async with database.write() as tx:
        with pytest.raises(UnknownProcess, match="No process is deployed with key 'nosuch'"):
            await inbox.open_one(tx, request_for("bjensen", definition_key="nosuch"), NOW)


async def test_open_processes_are_found_by_object(database: Database) -> None:
    answers = await opened(database, request_for("bjensen"), request_for("scarter"))
    async with database.read() as tx:
        found = await inbox.open_for(tx, MAPPING, ["bjensen", "nobody"])
        every = await inbox.open_for(tx, MAPPING)
    assert [(each.process, each.task) for each in found["bjensen"]] == [(answers[0].process, answers[0].task)]
    assert found.keys() == {"bjensen"}
    assert every.keys() == {"bjensen", "scarter"}


async def test_pointless_processes_are_closed_with_their_reason(database: Database) -> None:
    waiting, approved = await opened(database, request_for("bjensen"), request_for("scarter"))
    await decide(database, approved.task, "true")
    reasons = {answer.process or NEVER: "the source is gone" for answer in (waiting, approved)}
    async with database.write() as tx:
        assert await inbox.supersede(tx, reasons, NOW) == 1
        assert await inbox.supersede(tx, reasons, NOW) == 0
        closed = await records.process(tx, waiting.process or NEVER)
    assert (closed.outcome, closed.delete_reason) == ("superseded", "superseded: the source is gone")


async def test_an_administrator_ends_a_process_unless_it_is_being_carried_out(database: Database) -> None:
    waiting, approved = await opened(database, request_for("bjensen"), request_for("scarter"))
    await decide(database, approved.task, "true")
    async with database.write() as tx:
        assert (await closing.delete_process(tx, str(waiting.process), "openidm-admin", NOW)).open
        with pytest.raises(NotFound):
            await closing.delete_process(tx, str(waiting.process), "openidm-admin", NOW)
        with pytest.raises(Conflict, match="is being carried out"):
            await closing.delete_process(tx, approved.process or NEVER, "openidm-admin", NOW)
    assert await count(database, "task_instance where status = 'CANCELLED'") == 1


async def test_processes_without_a_mapping_are_all_different(database: Database) -> None:
    by_hand = request_for("", mapping=None, variables={"x": 1})
    answers = await opened(database, by_hand, by_hand)
    assert [answer.opening for answer in answers] == [Opening.OPENED, Opening.OPENED]
    assert answers[0].process != answers[1].process


async def test_texts_of_a_task_are_filled_from_the_request(database: Database) -> None:
    (answer,) = await opened(database, request_for("bjensen", definition_key="open"))
    async with database.read() as tx:
        task = await records.task(tx, answer.task or NEVER)
    assert (task.name, task.assignee) == ("Choose for bjensen", None)
    assert (task.candidate_users, task.candidate_groups) == (("scarter",), ("openidm-tasks-manager",))


async def test_a_changed_declaration_is_the_next_version_and_old_processes_keep_theirs(
    database: Database,
) -> None:
    (old,) = await opened(database, request_for("bjensen"))
    changed = replace(APPROVAL, name="Another name")
    async with database.write() as tx:
        await catalogue.publish(tx, [changed, OPEN_TO_MANAGERS], NOW)
        await catalogue.publish(tx, [changed, OPEN_TO_MANAGERS], NOW)
        versions = [each.id.rpartition(":")[0] for each in await catalogue.everything(tx)]
    assert versions == ["managedUserApproval:1", "open:1", "managedUserApproval:2"]
    (new,) = await opened(database, request_for("scarter"))
    async with database.read() as tx:
        tasks = [(await records.task(tx, each.task or NEVER)).definition_id for each in (old, new)]
    assert [id.split(":")[1] for id in tasks] == ["1", "2"]


async def test_a_definition_whose_file_is_gone_starts_nothing_and_keeps_its_history(
    database: Database,
) -> None:
    await opened(database, request_for("bjensen"))
    async with database.write() as tx:
        await catalogue.publish(tx, [OPEN_TO_MANAGERS], NOW)
        assert [each.key for each in await catalogue.everything(tx)] == ["open"]
        gone = (await catalogue.everything(tx, withdrawn=True))[0]
        with pytest.raises(Conflict, match="running instances"):
            await catalogue.remove(tx, gone.id)
    (wrong,) = await opened(database, request_for("scarter"))
    assert wrong.opening is Opening.FAILED
    async with database.write() as tx:
        await catalogue.publish(tx, [APPROVAL, OPEN_TO_MANAGERS], NOW)
        assert len(await catalogue.everything(tx, withdrawn=True)) == 2
    (right,) = await opened(database, request_for("scarter"))
    assert right.opening is Opening.OPENED


async def test_a_definition_without_history_can_be_deleted(database: Database) -> None:
    async with database.write() as tx:
        (found,) = [each for each in await catalogue.everything(tx) if each.key == "open"]
        await catalogue.remove(tx, found.id)
        with pytest.raises(NotFound, match="No deployed process definition found with id"):
            await catalogue.by_id(tx, found.id)
