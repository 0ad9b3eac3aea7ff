"""Entries, schedules, sessions, workers and sync tokens."""

from conf.database import Database
from conf.filters.parse import parse
from flows.store import entries, schedules, sessions, sync_tokens, workers
from flows.store.entries import Entry
from flows.store.schedules import Slot
from flows.store.sessions import LoginSession
from flows.store.workers import WorkerRow


async def test_entries_of_a_run_come_back_and_are_counted(database: Database) -> None:
    rows = [
        Entry(1, "source", "SUCCESS", "ABSENT", "CREATE", "default", "a", "1", changed=True),
        Entry(
            2,
            "source",
            "FAILURE",
            "AMBIGUOUS",
            "EXCEPTION",
            "default",
            "b",
            None,
            ["1", "2"],
            "two",
            {"code": 409},
        ),
        Entry(2**33, "target", "SUCCESS", "UNASSIGNED", "IGNORE", "default", None, "3"),
    ]
    async with database.write() as tx:
        await entries.append(tx, 5, rows)
        await entries.append(tx, 6, rows[:1])
        found, total = await entries.query(tx, 5, parse("true"), count=True)
        assert (found, total) == (rows, 3)
        page, _ = await entries.query(tx, 5, parse("true"), sort_keys=("-situation",), page_size=1, offset=1)
        assert page == [rows[1]]
        hits, _ = await entries.query(
            tx, 5, parse('ambiguousTargetObjectIds eq "2" and messageDetail/code eq 409')
        )
        assert hits == [rows[1]]
        hits, _ = await entries.query(tx, 5, parse('sourceObjectId eq "a" or targetObjectId eq "3"'))
        assert hits == [rows[0], rows[2]]
        assert await entries.last_seq(tx, 5) == 2**33
        assert await entries.last_seq(tx, 7) == 0
        assert await entries.counts(tx, 6) == {("ABSENT", "CREATE", "SUCCESS"): 1}


async def test_a_slot_is_taken_once(database: Database) -> None:
    async with database.write() as tx:
        assert await schedules.take_slot(tx, Slot("nightly", 1000, "STARTED", "r1"))
        assert not await schedules.take_slot(tx, Slot("nightly", 1000, "STARTED", "r2"))
        assert await schedules.take_slot(tx, Slot("nightly", 2000, "SKIPPED", None, "r1 is still at work"))
        assert [slot.outcome for slot in await schedules.slots(tx, "nightly")] == ["SKIPPED", "STARTED"]
        assert await schedules.last_slot(tx, "nightly") == 2000
        assert await schedules.last_slot(tx, "other") is None
        assert await schedules.trim_slots(tx, 2000) == 1


async def test_a_job_keeps_its_history_when_its_body_changes(database: Database) -> None:
    async with database.write() as tx:
        assert await schedules.put_job(tx, "nightly", {"schedule": "0 0 2 * * ?"}, "file")
        assert await schedules.set_job(tx, "nightly", {"paused": True, "previous_run_at": 7, "digest": "d"})
        assert not await schedules.put_job(tx, "nightly", {"schedule": "0 0 3 * * ?"}, "file")
        job = await schedules.read_job(tx, "nightly")
        assert job is not None
        assert (job.body, job.origin, job.paused) == ({"schedule": "0 0 3 * * ?"}, "file", True)
        assert (job.previous_run_at, job.previous_outcome, job.digest) == (7, None, "d")
        await schedules.put_job(tx, "a", {})
        await schedules.take_slot(tx, Slot("nightly", 1, "STARTED"))
        assert [each.id for each in await schedules.list_jobs(tx)] == ["a", "nightly"]
        assert await schedules.delete_job(tx, "nightly")
        assert not await schedules.delete_job(tx, "nightly")
        assert await schedules.slots(tx, "nightly") == []
        assert await schedules.read_job(tx, "nightly") is None


async def test_sessions_end_by_logout_age_idleness_and_account(database: Database) -> None:
    def login(digest: str, user: str, created: int, used: int) -> LoginSession:
        return LoginSession(digest, user, "managed/user", created, used)

    async with database.write() as tx:
        for each in (
            login("a", "x", 1, 90),
            login("b", "x", 50, 60),
            login("c", "y", 50, 90),
            login("d", "x", 50, 90),
        ):
            await sessions.insert(tx, each)
        assert await sessions.read(tx, "a") == login("a", "x", 1, 90)
        assert await sessions.touch(tx, "d", 95)
        assert not await sessions.touch(tx, "nobody", 95)
        assert await sessions.delete_stale(tx, 10, 70) == 2
        assert await sessions.delete_of_user(tx, "managed/user", "x") == 1
        assert await sessions.delete(tx, "c")
        assert not await sessions.delete(tx, "c")


async def test_workers_are_seen_and_forgotten(database: Database) -> None:
    async with database.write() as tx:
        await workers.seen(tx, WorkerRow("w1", 10, 10, "host", 42, "embedded"))
        await workers.seen(tx, WorkerRow("w1", 99, 20, "host", 42, "embedded", "ok"))
        await workers.seen(tx, WorkerRow("w2", 5, 5))
        assert await workers.list_all(tx, since=6) == [WorkerRow("w1", 10, 20, "host", 42, "embedded", "ok")]
        assert [each.id for each in await workers.list_all(tx)] == ["w2", "w1"]
        assert await workers.trim(tx, 6) == 1
        assert await workers.delete(tx, "w1")
        assert not await workers.delete(tx, "w1")


async def test_tokens_are_any_json(database: Database) -> None:
    async with database.write() as tx:
        assert await sync_tokens.read(tx, "system/csvfile/account") is None
        await sync_tokens.write(tx, "system/csvfile/account", {"line": 3}, 1)
        await sync_tokens.write(tx, "system/csvfile/account", "later", 2)
        assert await sync_tokens.read(tx, "system/csvfile/account") == "later"
        assert await sync_tokens.delete(tx, "system/csvfile/account")
        assert not await sync_tokens.delete(tx, "system/csvfile/account")
