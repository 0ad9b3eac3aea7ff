"""Workers that are, or lately were, alive."""

from __future__ import annotations

from dataclasses import dataclass

from conf.transaction import Transaction


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker process."""

    id: str
    started_at: int
    seen_at: int
    host: str = ""
    pid: int = 0
    executor: str = ""
    prefect: str = ""
    """What it last saw of the Prefect server: `ok`, `away`, or empty without one."""


async def seen(tx: Transaction, worker: WorkerRow) -> None:
    """Add the worker, or note that it lives."""
    await tx.run(
        "insert into worker (id, started_at, seen_at, host, pid, executor, prefect) values (?, ?, ?, ?, ?, ?, ?) "
        "on conflict (id) do update set seen_at = excluded.seen_at, prefect = excluded.prefect",
        (
            worker.id,
            worker.started_at,
            worker.seen_at,
            worker.host,
            worker.pid,
            worker.executor,
            worker.prefect,
        ),
    )


async def list_all(tx: Transaction, *, since: int = 0) -> list[WorkerRow]:
    """Workers seen at that moment or later, oldest first."""
    rows = await tx.fetch(
        "select id, started_at, seen_at, host, pid, executor, prefect from worker where seen_at >= ? "
        "order by started_at, id",
        (since,),
    )
    return [WorkerRow(*row) for row in rows]


async def delete(tx: Transaction, id: str) -> bool:
    """Forget a worker that has stopped; False when it was not known."""
    return await tx.run("delete from worker where id = ?", (id,)) == 1


async def trim(tx: Transaction, before: int) -> int:
    """Forget workers not seen since a moment."""
    return await tx.run("delete from worker where seen_at < ?", (before,))
