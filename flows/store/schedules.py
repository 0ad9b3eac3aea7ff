"""Jobs of the schedule, and their slots: each slot has one outcome, however often it is delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from conf.transaction import Row, Transaction
from flows.store.json_text import dump, load

COLUMNS: Final = "id, body, origin, paused, previous_run_at, previous_outcome, deployment_id, digest"
CHANGEABLE: Final = frozenset({"paused", "previous_run_at", "previous_outcome", "deployment_id", "digest"})


@dataclass(frozen=True, slots=True)
class Job:
    """A job and what became of it last."""

    id: str
    body: dict[str, Any]
    origin: str = "rest"
    """`rest`, or `file` for one of the project folder."""
    paused: bool = False
    previous_run_at: int | None = None
    previous_outcome: str | None = None
    deployment_id: str | None = None
    digest: str | None = None
    """Of the schedule that Prefect was told."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What became of one slot."""

    job: str
    slot_at: int
    outcome: str
    """`STARTED`, `SKIPPED` or `MISFIRED`."""
    run_id: str | None = None
    reason: str | None = None


async def put_job(tx: Transaction, id: str, body: Mapping[str, Any], origin: str = "rest") -> bool:
    """Add a job or give it another body; its history and pause stay. True when it is new."""
    text = dump(dict(body))
    if await tx.run("update schedule_job set body = ?, origin = ? where id = ?", (text, origin, id)):
        return False
    await tx.run(
        "insert into schedule_job (id, body, origin, paused) values (?, ?, ?, ?)", (id, text, origin, False)
    )
    return True


async def read_job(tx: Transaction, id: str) -> Job | None:
    rows = await tx.fetch(f"select {COLUMNS} from schedule_job where id = ?", (id,))
    return _job(rows[0]) if rows else None


async def list_jobs(tx: Transaction) -> list[Job]:
    """All jobs, by id."""
    found = [_job(row) for row in await tx.fetch(f"select {COLUMNS} from schedule_job")]
    return sorted(found, key=lambda job: job.id)


async def set_job(tx: Transaction, id: str, values: Mapping[str, Any]) -> bool:
    """Change any of paused, previous_run_at, previous_outcome, deployment_id, digest; False without such a job."""
    if unknown := set(values) - CHANGEABLE:
        raise ValueError(f"not a state of a job: {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = ?" for name in values)
    return await tx.run(f"update schedule_job set {assignments} where id = ?", (*values.values(), id)) == 1


async def delete_job(tx: Transaction, id: str) -> bool:
    """Delete a job and its slots; False without such a job."""
    await tx.run("delete from schedule_slot where job = ?", (id,))
    return await tx.run("delete from schedule_job where id = ?", (id,)) == 1


async def take_slot(tx: Transaction, slot: Slot) -> bool:
    """Record the outcome of a slot; False when it has one already, and then nothing may be started for it."""
    changed = await tx.run(
        "insert into schedule_slot (job, slot_at, outcome, run_id, reason) values (?, ?, ?, ?, ?) "
        "on conflict do nothing",
        (slot.job, slot.slot_at, slot.outcome, slot.run_id, slot.reason),
    )
    return changed == 1


async def slots(tx: Transaction, job: str, *, newest: int = 100) -> list[Slot]:
    """The last slots of a job, newest first."""
    rows = await tx.fetch(
        "select job, slot_at, outcome, run_id, reason from schedule_slot where job = ? "
        "order by slot_at desc limit ?",
        (job, newest),
    )
    return [Slot(*row) for row in rows]


async def last_slot(tx: Transaction, job: str) -> int | None:
    """The latest slot that has an outcome."""
    rows = await tx.fetch("select max(slot_at) from schedule_slot where job = ?", (job,))
    return None if rows[0][0] is None else int(rows[0][0])


async def trim_slots(tx: Transaction, before: int) -> int:
    """Forget slots older than a moment."""
    return await tx.run("delete from schedule_slot where slot_at < ?", (before,))


def _job(row: Row) -> Job:
    id_, body, origin, paused, *rest = row
    return Job(id_, load(body), origin, bool(paused), *rest)
