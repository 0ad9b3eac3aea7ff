"""Figures of the store: counted by state, age and verdict."""

import pytest

from conf.database import Database
from flows.store import figures, two_way
from flows.store.two_way import TwoWayRun

NOW = 1_700_000_000_000
HOUR = figures.HOUR_MS


async def test_an_empty_store_has_figures_too(database: Database) -> None:
    async with database.read() as tx:
        found = await figures.read(tx, NOW, 30_000)
    assert (found.runs, found.workers, found.prefect, found.untold) == ({}, 0, {}, 0)
    assert found.open_tasks == {"1h": 0, "1d": 0, "7d": 0, "older": 0}
    assert (found.oldest_task_seconds, found.oldest_order_seconds) == (0, 0)


async def test_tasks_orders_runs_and_workers_are_counted(database: Database) -> None:
    async with database.write() as tx:
        for seq, age in enumerate((0, 2 * HOUR, 3 * HOUR, 30 * HOUR, 200 * HOUR), 1):
            await tx.run(
                "insert into task_instance (seq, process, definition_key, definition_id, task_key, name, candidate_users,"
                " candidate_groups, priority, status, rev, created_at) values (?, ?, 'k', 'k:1:1', 't', 'n', '[]', '[]',"
                " 50, 'OPEN', 1, ?)",
                (seq, seq, NOW - age),
            )
        for seq, state in enumerate(("READY", "APPLIED", "APPLIED"), 1):
            await tx.run(
                "insert into intent (seq, task, process, state, approver, created_at, not_before, attempts, token)"
                " values (?, ?, ?, ?, 'a', ?, 0, 0, 0)",
                (seq, seq, seq, state, NOW - 5000),
            )
        for id, seen in (("w1", NOW - 1000), ("w2", NOW - 90_000)):
            await tx.run(
                "insert into worker (id, host, pid, started_at, seen_at, executor, prefect)"
                " values (?, 'h', 1, ?, ?, 'prefect', 'ok')",
                (id, NOW, seen),
            )
    async with database.read() as tx:
        found = await figures.read(tx, NOW, 30_000)
    assert found.open_tasks == {"1h": 1, "1d": 2, "7d": 1, "older": 1}
    assert found.oldest_task_seconds == 200 * 3600
    assert found.orders == {"READY": 1, "APPLIED": 2}
    assert found.oldest_order_seconds == 5
    assert (found.workers, found.prefect) == (1, {"ok": 1})


async def test_runs_that_nobody_was_told_of_are_counted(database: Database) -> None:
    async with database.write() as tx:
        for id, ended, due in (("a", 2, 5), ("b", None, 0), ("c", 2, None)):
            await two_way.add_run(tx, TwoWayRun(id, id, 1, ended=ended, mail_due=due))
    async with database.read() as tx:
        assert (await figures.read(tx, NOW, 30_000)).untold == 1


def test_rows_per_second_of_a_run_that_took_no_time_is_nothing() -> None:
    assert figures.RunFigures("m", "SUCCESS", 10, 0, {}).rows_per_second == 0
    assert figures.RunFigures("m", "SUCCESS", 10, 4, {}).rows_per_second == pytest.approx(2.5)
