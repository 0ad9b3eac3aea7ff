"""The audit: appended in bulk, answered and queried by the names of the wire."""

from typing import Any

import pytest

from conf.database import Database
from conf.errors import BadRequest
from conf.filters.parse import parse
from flows.store import audit, retention
from flows.store.audit import AuditEvent, ReconAudit

AT = 1_700_000_000_123
M = "systemCsvfileAccounts_managedUser"


def entry(source: str | None, situation: str = "ABSENT", **more: Any) -> ReconAudit:
    values: dict[str, Any] = {
        "recon_id": "r1", "entry_type": "entry", "at": AT, "mapping": M, "user_id": "openidm-admin",
        "phase": "source", "situation": situation, "action": "ASYNC", "status": "SUCCESS",
        "qualifier": "default", "source_id": source, "source_container": "system/csvfile/account",
        "target_container": "managed/user", "ambiguous": "",
    }  # fmt: skip
    return ReconAudit(**(values | more))


async def some(database: Database) -> None:
    async with database.write() as tx:
        await audit.append_recon(
            tx,
            [
                ReconAudit("r1", "start", AT, M, "openidm-admin", recon_action="recon",
                           message="Reconciliation initiated by openidm-admin"),
                entry("bjensen"),
                entry("scarter", "AMBIGUOUS", ambiguous="a, b", status="FAILURE", at=AT + 1, message="two of them",
                      detail={"code": 409, "message": "two"}),
                entry(None, "UNASSIGNED", phase="target", ambiguous=None, target_id="x", source_container=None),
                entry("bjensen", action="CREATE", target_id="bjensen", recon_id=None, transaction_id="t-9",
                      task_id="38", approver="async.admin"),
                ReconAudit("r1", "summary", AT + 5, M, "openidm-admin", recon_action="recon", status="SUCCESS",
                           detail={"_id": "r1", "state": "SUCCESS"}),
            ],
        )  # fmt: skip


async def test_a_start_and_an_entry_have_the_members_of_the_wire(database: Database) -> None:
    await some(database)
    async with database.read() as tx:
        start, first, *_ = (await audit.query(tx, "recon", parse("true"))).documents
    assert start == {
        "_id": start["_id"], "_rev": "1", "transactionId": "r1", "timestamp": "2023-11-14T22:13:20.123Z",
        "eventName": "recon", "userId": "openidm-admin", "exception": None, "linkQualifier": None, "mapping": M,
        "message": "Reconciliation initiated by openidm-admin", "sourceObjectId": None, "targetObjectId": None,
        "reconciling": None, "ambiguousTargetObjectIds": None, "reconAction": "recon", "entryType": "start",
        "reconId": "r1",
    }  # fmt: skip
    assert first == {
        "_id": first["_id"], "_rev": "1", "transactionId": "r1", "timestamp": "2023-11-14T22:13:20.123Z",
        "eventName": "recon", "userId": "openidm-admin", "action": "ASYNC", "exception": None,
        "linkQualifier": "default", "mapping": M, "message": None, "situation": "ABSENT",
        "sourceObjectId": "system/csvfile/account/bjensen", "status": "SUCCESS", "targetObjectId": None,
        "reconciling": "source", "ambiguousTargetObjectIds": "", "entryType": "entry", "reconId": "r1",
    }  # fmt: skip


async def test_a_summary_carries_the_run_and_an_approved_create_its_task(database: Database) -> None:
    await some(database)
    async with database.read() as tx:
        *_, created, summary = (await audit.query(tx, "recon", parse("true"))).documents
        assert summary["messageDetail"] == {"_id": "r1", "state": "SUCCESS"}
        assert (summary["status"], summary["reconAction"]) == ("SUCCESS", "recon")
        assert (created["taskId"], created["approver"], created["reconId"]) == ("38", "async.admin", None)
        assert (created["transactionId"], created["targetObjectId"]) == ("t-9", "managed/user/bjensen")
        assert await audit.summary(tx, "r1") == {"_id": "r1", "state": "SUCCESS"}
        assert await audit.summary(tx, "nobody") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('/reconId eq "r1" and /entryType eq "entry"', [1, 2, 3]),
        ('reconId eq "r1" and situation eq "ABSENT"', [1]),
        ('sourceObjectId eq "system/csvfile/account/bjensen"', [1, 4]),
        ('sourceObjectId co "csvfile" and !(reconId pr)', [4]),
        ('targetObjectId sw "managed/user/"', [3, 4]),
        ('transactionId eq "t-9" or transactionId eq "r1" and reconAction pr', [0, 4, 5]),
        ('timestamp gt "2023-11-14T22:13:20.123Z"', [2, 5]),
        ('timestamp le "2023-11-14T22:13:20.123Z"', [0, 1, 3, 4]),
        ('timestamp ge "2023-11-14T22:13:20.124"', [2, 5]),
        ('timestamp sw "2023-11-14"', [0, 1, 2, 3, 4, 5]),
        ('timestamp eq "2023-99-99T22:13:20.124Z"', []),
        ('eventName eq "recon" and _rev eq "1" and status eq "FAILURE"', [2]),
        ('eventName eq "sync"', []),
        ("ambiguousTargetObjectIds pr", [1, 2, 4]),
        ('messageDetail/code eq 409 or messageDetail/state eq "SUCCESS"', [2, 5]),
        ("messageDetail pr", [2, 5]),
        ('reconciling eq "target" or approver eq "async.admin" or taskId eq "38"', [3, 4]),
        (
            'linkQualifier eq "default" and userId eq "openidm-admin" and mapping co "Csv" and action eq "CREATE"',
            [4],
        ),
        ('nothing pr or situation/deeper eq "x"', []),
    ],
)
async def test_entries_are_found_by_the_names_of_the_wire(
    database: Database, text: str, found: list[int]
) -> None:
    await some(database)
    async with database.read() as tx:
        every = (await audit.query(tx, "recon", parse("true"))).documents
        page = await audit.query(tx, "recon", parse(text), count=True)
    assert [every.index(document) for document in page.documents] == found
    assert page.total == len(found)


async def test_entries_come_sorted_and_in_pages(database: Database) -> None:
    await some(database)
    async with database.read() as tx:
        page = await audit.query(
            tx,
            "recon",
            parse('reconId eq "r1"'),
            sort_keys=("-timestamp", "situation"),
            page_size=2,
            offset=1,
            count=True,
        )
        assert [(each["entryType"], each.get("situation")) for each in page.documents] == [
            ("entry", "AMBIGUOUS"),
            ("start", None),
        ]
        assert page.total == 5


async def test_an_event_is_read_by_its_id(database: Database) -> None:
    await some(database)
    async with database.read() as tx:
        for document in (await audit.query(tx, "recon", parse("true"))).documents:
            assert await audit.read(tx, "recon", document["_id"]) == document
            found = await audit.query(tx, "recon", parse(f'_id eq "{document["_id"]}"'))
            assert found.documents == [document]
        for id in ("", "r1", "r1-", "r2-1", "r1-99999999999999999999", "r1-x"):
            assert await audit.read(tx, "recon", id) is None


async def test_events_of_other_topics_keep_their_own_members(database: Database) -> None:
    async with database.write() as tx:
        body = {
            "operation": "CREATE",
            "objectId": "managed/user/x",
            "after": {"tags": ["a", "b"]},
            "_id": "mine",
        }
        await audit.append_events(tx, "activity", [AuditEvent(AT, "openidm-admin", "t-1", body)])
        await audit.append_events(
            tx, "access", [AuditEvent(AT, "", None, {"status": "SUCCESSFUL", "eventName": "login"})]
        )
    async with database.read() as tx:
        page = await audit.query(
            tx, "activity", parse('after/tags eq "b" and objectId sw "managed/"'), count=True
        )
        (document,) = page.documents
        assert document == {
            "_id": document["_id"], "_rev": "1", "transactionId": "t-1", "timestamp": "2023-11-14T22:13:20.123Z",
            "eventName": "activity", "userId": "openidm-admin", "operation": "CREATE",
            "objectId": "managed/user/x", "after": {"tags": ["a", "b"]},
        }  # fmt: skip
        assert page.total == 1
        (login,) = (await audit.query(tx, "access", parse('eventName eq "login"'))).documents
        assert await audit.read(tx, "access", login["_id"]) == login
        assert await audit.read(tx, "activity", login["_id"]) is None


async def test_what_cannot_be_kept_to_the_letter_is_still_recorded(database: Database) -> None:
    async with database.write() as tx:
        await audit.append_recon(tx, [entry("x\0y", message="a\0b")])
        await audit.append_events(tx, "sync", [AuditEvent(AT, "u\0", None, {"a": ["\0x"]})])
    async with database.read() as tx:
        (first,) = (await audit.query(tx, "recon", parse("true"))).documents
        (second,) = (await audit.query(tx, "sync", parse("true"))).documents
    assert (first["sourceObjectId"], first["message"]) == ("system/csvfile/account/xy", "ab")
    assert (second["userId"], second["a"]) == ("u", ["x"])


async def test_old_rows_go_when_they_are_told_to(database: Database) -> None:
    await some(database)
    async with database.write() as tx:
        await audit.append_events(tx, "activity", [AuditEvent(AT, "u", None, {})])
        await audit.append_events(tx, "sync", [AuditEvent(AT, "u", None, {})])
        assert await retention.trim_topic(tx, "recon", AT) == 0
        assert await retention.trim_topic(tx, "recon", AT + 2, most=2) == 2
        assert await retention.trim_topic(tx, "recon", AT + 2) == 3
        assert await retention.trim_topic(tx, "activity", AT + 1) == 1
        assert len((await audit.query(tx, "sync", parse("true"))).documents) == 1


async def test_names_with_quotes_cannot_be_searched(database: Database) -> None:
    async with database.read() as tx:
        with pytest.raises(BadRequest):
            await audit.query(tx, "activity", parse('a%22b eq "x"'))
