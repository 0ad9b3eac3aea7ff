"""Queries on two-way runs and their results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from conf.filters.ast import Filter, Literal
from conf.transaction import Transaction
from flows.store.filter_sql import condition, order_by
from flows.store.json_sql import Condition, all_of
from flows.store.two_way_members import RESULT_MEMBERS, RUN_MEMBERS
from flows.store.two_way_rows import (
    RESULT_COLUMNS,
    RUN_COLUMNS,
    Counts,
    TwoWayResult,
    TwoWayRun,
    result_of,
    result_row,
    run_of,
    run_row,
    run_value,
)

__all__ = ["TwoWayResult", "TwoWayRun"]

ALL: Final = Literal(value=True)
_RUNS: Final = f"select {', '.join(RUN_COLUMNS)} from two_way_run"
_RESULTS: Final = f"select {', '.join(RESULT_COLUMNS)} from two_way_result"


async def add_run(tx: Transaction, run: TwoWayRun) -> None:
    """Add a run; raises Duplicate while another one of its configuration has not ended."""
    await tx.insert("two_way_run", RUN_COLUMNS, [run_row(run)])


async def update_run(tx: Transaction, id: str, **columns: Any) -> bool:
    """Change columns of a run, by the names of TwoWayRun; False when there is no such run."""
    if unknown := set(columns) - set(RUN_COLUMNS):
        raise ValueError(f"not a column of a two-way run: {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = ?" for name in columns)
    values = [run_value(name, value) for name, value in columns.items()]
    return await tx.run(f"update two_way_run set {assignments} where id = ?", (*values, id)) == 1


async def read_run(tx: Transaction, id: str) -> TwoWayRun | None:
    rows = await tx.fetch(f"{_RUNS} where id = ?", (id,))
    return run_of(rows[0]) if rows else None


async def latest(tx: Transaction, name: str) -> TwoWayRun | None:
    """The run of a configuration that was started last."""
    rows = await tx.fetch(f"{_RUNS} where name = ? order by started desc, id desc limit 1", (name,))
    return run_of(rows[0]) if rows else None


async def active(tx: Transaction, name: str | None = None) -> list[TwoWayRun]:
    """Runs that have not ended, of one configuration or of all; oldest first."""
    where, given = (" and name = ?", (name,)) if name is not None else ("", ())
    return [
        run_of(row) for row in await tx.fetch(f"{_RUNS} where ended is null{where} order by started", given)
    ]


async def to_notify(tx: Transaction, now: int, limit: int = 100) -> list[str]:
    """Ids of the runs that have ended and whose notification is due."""
    rows = await tx.fetch(
        "select id from two_way_run where mail_due is not null and mail_due <= ? and ended is not null "
        "order by mail_due limit ?",
        (now, limit),
    )
    return [row[0] for row in rows]


async def claim_notification(tx: Transaction, id: str, now: int, until: int) -> TwoWayRun | None:
    """Take the notification of a run until a moment; None when it is not due, or another has it."""
    rows = await tx.fetch(
        "update two_way_run set mail_due = ? where id = ? and ended is not null and mail_due is not null "
        f"and mail_due <= ? returning {', '.join(RUN_COLUMNS)}",
        (until, id, now),
    )
    return run_of(rows[0]) if rows else None


async def list_runs(
    tx: Transaction,
    name: str | None = None,
    filter: Filter = ALL,
    *,
    sort_keys: Sequence[str] = (),
    page_size: int = 0,
    offset: int = 0,
    count: bool = False,
) -> tuple[list[TwoWayRun], int]:
    """Runs that match a filter on wire names, newest first unless sorted, and how many there are (-1 uncounted)."""
    where = condition(filter, RUN_MEMBERS, tx.dialect)
    if name is not None:
        where = all_of((Condition("name = ?", (name,)), where))
    order = order_by(sort_keys, RUN_MEMBERS, tx.dialect, "started desc, id desc")
    rows = await tx.fetch(
        f"{_RUNS} where {where.sql} order by {order} limit ? offset ?",
        (*where.parameters, page_size or 2**62, offset),
    )
    return [run_of(row) for row in rows], await _total(tx, "two_way_run", where) if count else -1


async def add_results(tx: Transaction, run: str, results: Iterable[TwoWayResult]) -> None:
    """Add results to a run, as many at once as there are."""
    columns = ("run", *RESULT_COLUMNS)
    await tx.insert("two_way_result", columns, [result_row(run, result) for result in results])


async def results(
    tx: Transaction,
    run: str,
    filter: Filter = ALL,
    *,
    sort_keys: Sequence[str] = (),
    page_size: int = 0,
    offset: int = 0,
) -> list[TwoWayResult]:
    """Results of a run that match a filter on wire names, in their order unless sorted."""
    where = _of(tx, run, filter)
    order = order_by(sort_keys, RESULT_MEMBERS, tx.dialect, "seq")
    rows = await tx.fetch(
        f"{_RESULTS} where {where.sql} order by {order} limit ? offset ?",
        (*where.parameters, page_size or 2**62, offset),
    )
    return [result_of(row) for row in rows]


async def results_after(
    tx: Transaction, run: str, seq: int, limit: int, *, category: str | None = None, filter: Filter = ALL
) -> list[TwoWayResult]:
    """The next results behind a number: what a reader of all of them asks for, page by page."""
    where = _of(tx, run, filter)
    if category is not None:
        where = all_of((Condition("category = ?", (category,)), where))
    rows = await tx.fetch(
        f"{_RESULTS} where {where.sql} and seq > ? order by seq limit ?", (*where.parameters, seq, limit)
    )
    return [result_of(row) for row in rows]


async def read_result(tx: Transaction, run: str, seq: int) -> TwoWayResult | None:
    rows = await tx.fetch(f"{_RESULTS} where run = ? and seq = ?", (run, seq))
    return result_of(rows[0]) if rows else None


async def count_results(tx: Transaction, run: str, filter: Filter = ALL) -> int:
    return await _total(tx, "two_way_result", _of(tx, run, filter))


async def last_seq(tx: Transaction, run: str) -> int:
    """The highest number given in a run; 0 when there is none."""
    rows = await tx.fetch("select max(seq) from two_way_result where run = ?", (run,))
    return int(rows[0][0] or 0)


async def totals(tx: Transaction, run: str) -> Counts:
    """How many results of a run have each situation, response and status."""
    found: Counts = {}
    rows = await tx.fetch(
        "select situation, response, status, count(*) from two_way_result where run = ? "
        "group by situation, response, status order by situation, response, status",
        (run,),
    )
    for situation, response, status, number in rows:
        found.setdefault(situation, {}).setdefault(response, {})[status] = int(number)
    return found


async def categories(tx: Transaction, run: str, filter: Filter = ALL) -> dict[str, int]:
    """How many results of a run each category has."""
    where = _of(tx, run, filter)
    rows = await tx.fetch(
        f"select category, count(*) from two_way_result where {where.sql} group by category", where.parameters
    )
    return {category: int(number) for category, number in rows}


async def delete_run(tx: Transaction, id: str) -> bool:
    """Delete an ended run with its results; False when there is none."""
    gone = await tx.run("delete from two_way_run where id = ? and ended is not null", (id,))
    if gone:
        await tx.run("delete from two_way_result where run = ?", (id,))
    return bool(gone)


def _of(tx: Transaction, run: str, filter: Filter) -> Condition:
    return all_of((Condition("run = ?", (run,)), condition(filter, RESULT_MEMBERS, tx.dialect)))


async def _total(tx: Transaction, table: str, where: Condition) -> int:
    rows = await tx.fetch(f"select count(*) from {table} where {where.sql}", where.parameters)
    return int(rows[0][0])
