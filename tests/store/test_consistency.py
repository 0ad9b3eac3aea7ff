"""What `recon doctor --fsck` finds: each check its own violation, and nothing in a sound store."""

from typing import Any

import pytest

from conf.database import Database
from conf.mapping import load_mappings
from flows.consistency import CHECKS, violations

NOW = 1_700_000_000_000
LONG_AGO = NOW - 3_600_000
MAPPINGS = load_mappings(
    {"sync": {"mappings": [{"name": "m", "source": "system/a/b", "target": "managed/user"}]}}
)

#: an approved and carried out request, a rejected one, an open one, and the run they came from
SOUND: dict[str, list[dict[str, Any]]] = {
    "process_instance": [
        {"seq": 1, "open": 0, "mapping": "m", "object_id": "a", "outcome": "approved", "ended_at": NOW},
        {"seq": 2, "open": 0, "mapping": "m", "object_id": "b", "outcome": "rejected", "ended_at": NOW},
        {"seq": 3, "open": 1, "mapping": "m", "object_id": "c"},
    ],
    "task_instance": [
        {"seq": 1, "process": 1, "status": "COMPLETED", "ended_at": NOW},
        {"seq": 2, "process": 2, "status": "COMPLETED", "ended_at": NOW},
        {"seq": 3, "process": 3, "status": "OPEN"},
    ],
    "decision": [
        {"task": 1, "verdict": "approved", "at": NOW},
        {"task": 2, "verdict": "rejected", "at": NOW},
    ],
    "intent": [
        {"seq": 1, "task": 1, "process": 1, "state": "APPLIED", "created_at": NOW, "finished_at": NOW}
    ],
    "managed_object": [{"seq": 1, "type": "user", "id": "a", "body": "{}", "unique_key": "a"}],
    "link": [{"seq": 1, "link_type": "m", "qualifier": "default", "first_id": "a", "second_id": "a"}],
    "audit_recon": [
        {"seq": 1, "recon_id": "r", "entry_type": "start", "at": NOW, "mapping": "m"},
        {"seq": 2, "recon_id": "r", "entry_type": "entry", "at": NOW, "mapping": "m", "phase": "source"},
        {"seq": 3, "recon_id": "r", "entry_type": "summary", "at": NOW, "mapping": "m"},
        {
            **{"seq": 4, "recon_id": "r", "entry_type": "entry", "at": NOW, "mapping": "m", "task_id": "1"},
            **{"action": "CREATE", "status": "SUCCESS", "target_id": "a", "qualifier": "default"},
        },
    ],
    "audit_event": [
        {"topic": "activity", "at": NOW, "body": f'{{"objectId":"workflow/taskinstance/{task}"}}'}
        for task in (1, 2)
    ],
    "recon_run": [
        {
            **{
                "seq": 1,
                "id": "r",
                "mapping": "m",
                "recon_action": "recon",
                "is_analysis": False,
                "user_id": "x",
            },
            **{"persist_associations": False, "state": "SUCCESS", "stage": "COMPLETED_SUCCESS", "working": 0},
            **{"cancel_requested": False, "trigger": "rest", "request": "{}", "parameters": "{}", "token": 1},
            **{
                "configuration": "{}",
                "checkpoint": "{}",
                "created_at": NOW,
                "started_at": NOW,
                "ended_at": NOW,
            },
            "statistics": '{"source":[1,1],"target":[0,0],"effects":{},"links":[0,0,0],'
            '"situations":{"ABSENT":1},"statuses":{"SUCCESS":1},"durations":{}}',
        }
    ],
}
ORDER = "insert into intent (seq, task, process, state, created_at, not_before, finished_at) values "
AUDIT = (
    "insert into audit_recon (seq, recon_id, entry_type, at, mapping, phase, action, status, task_id, target_id) "
    "values "
)

PLANTED = [
    ("I1", "task 3", ["update task_instance set status = 'COMPLETED', ended_at = 1 where seq = 3"]),
    ("I1", "task 1", ["update task_instance set status = 'CANCELLED' where seq = 1"]),
    ("I2", "order 9", [f"{ORDER} (9, 3, 3, 'FAILED', {NOW}, 0, {NOW})"]),
    ("I2", "task 1", ["delete from intent"]),
    ("I3", "task 1", [f"{AUDIT} (9, 'r', 'entry', {NOW}, 'm', 'source', 'CREATE', 'SUCCESS', '1', null)"]),
    ("I4", "task 3", [f"{AUDIT} (9, 'x', 'entry', {NOW}, 'm', 'source', 'UPDATE', 'SUCCESS', '3', null)"]),
    ("I4", "task 1", [f"update decision set at = {NOW + 1} where task = 1"]),
    (
        "I5",
        "order 1 READY",
        [f"update intent set state = 'READY', created_at = {LONG_AGO}, not_before = 0, finished_at = null"],
    ),
    ("I6", "order 1", ["delete from audit_recon where task_id = '1'"]),
    (
        "I7",
        "m default a",
        ["insert into link (link_type, qualifier, first_id, second_id) values ('m', 'default', 'a', 'z')"],
    ),
    ("I8", "user/a", ["insert into managed_object (type, id, unique_key) values ('user', 'a', 'z')"]),
    ("I8", "managed/user/a of order 1", ["delete from link"]),
    ("I9", "m c", ["insert into process_instance (seq, open, mapping, object_id) values (9, 1, 'm', 'c')"]),
    ("I10", "task 2", [f"{ORDER} (9, 2, 2, 'FAILED', {NOW}, 0, {NOW})"]),
    ("I11", "task 9", ["insert into task_instance (seq, process, status) values (9, 2, 'OPEN')"]),
    ("I11", "order 1 STALE", ["update intent set state = 'STALE'"]),
    (
        "I12",
        "run r: 2 entries, 1 counted",
        [f"{AUDIT} (9, 'r', 'entry', {NOW}, 'm', 'source', 'REPORT', 'SUCCESS', null, null)"],
    ),
    ("I12", "run r: 2 kept, 1 counted", ["insert into recon_entry (run, seq) values (1, 1), (1, 2)"]),
    (
        "I12",
        "run r: 2 situations, 1 entries",
        ["""update recon_run set statistics = replace(statistics, '"ABSENT":1', '"ABSENT":2')"""],
    ),
    ("I13", "task 2", ["update task_instance set ended_at = null where seq = 2"]),
    ("I13", "process 2", ["update process_instance set outcome = null where seq = 2"]),
    ("I13", "order 1", ["update intent set finished_at = null"]),
    ("I13", "run r", ["update recon_run set stage = 'ACTIVE_RECONCILING_SOURCE'"]),
    (
        "I14",
        "run r",
        [f"update recon_run set state = 'ACTIVE', working = 1, lease_until = {LONG_AGO}, ended_at = null"],
    ),
    (
        "I15",
        "run r: 1 removed",
        [
            f"{AUDIT} (9, 'r', 'entry', {NOW}, 'm', 'target', 'DELETE', 'SUCCESS', null, 'q')",
            """update recon_run set statistics = replace(replace(statistics, '"source":[1,1]', '"source":[0,0]'),
               '"SUCCESS":1', '"SUCCESS":2')""",
        ],
    ),
    ("I16", "task 2", ["delete from audit_event where body like '%/2\"%'"]),
    ("I16", "run r: summary", [f"{AUDIT} (9, 'r', 'summary', {NOW}, 'm', null, null, null, null, null)"]),
    (
        "I18",
        "r",
        [
            "insert into schedule_slot (job, slot_at, outcome, run_id) "
            "values ('j', 1, 'STARTED', 'r'), ('j', 2, 'STARTED', 'r')"
        ],
    ),
]


@pytest.fixture
async def store(database: Database) -> Database:
    """A sound store whose tables have lost their constraints, so that anything can be planted."""
    async with database.write() as tx:
        for table in (*SOUND, "recon_entry", "schedule_slot"):
            await tx.run(f"create table bare as select * from {table}")
            await tx.run(f"drop table {table}")
            await tx.run(f"alter table bare rename to {table}")
        for table, rows in SOUND.items():
            for row in rows:
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" * len(row))
                await tx.run(f"insert into {table} ({names}) values ({marks})", tuple(row.values()))
    return database


async def found(store: Database) -> list[tuple[str, str]]:
    async with store.read() as tx:
        return [(one.invariant, one.row) for one in await violations(tx, NOW, MAPPINGS)]


async def test_a_sound_store_breaks_no_promise(store: Database) -> None:
    assert await found(store) == []


@pytest.mark.parametrize(("invariant", "row", "statements"), PLANTED)
async def test_each_check_catches_its_own(
    store: Database, invariant: str, row: str, statements: list[str]
) -> None:
    async with store.write() as tx:
        for statement in statements:
            await tx.run(statement)
    assert (invariant, row) in await found(store)


def test_every_check_has_a_planted_violation() -> None:
    assert {check.invariant for check in CHECKS} <= {invariant for invariant, *_ in PLANTED}


async def test_a_target_that_was_unlinked_later_is_no_violation(store: Database) -> None:
    async with store.write() as tx:
        await tx.run("delete from link")
        await tx.run(f"{AUDIT} (9, 'y', 'entry', {NOW}, 'm', 'target', 'UNLINK', 'SUCCESS', null, 'a')")
    assert await found(store) == []
