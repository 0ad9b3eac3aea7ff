"""Ending processes: at the end of their procedure, because they are pointless, or because somebody says so."""

from collections.abc import Mapping, Sequence

from approvals import records
from approvals.errors import UnknownInstance
from approvals.events import Audit, process_event, unaudited
from approvals.states import Outcome, TaskStatus
from conf.database import Transaction
from conf.errors import Conflict


async def close_process(
    tx: Transaction, process: int, outcome: Outcome, now: int, reason: str | None = None
) -> bool:
    """End a process that ran to its end; False when it had ended before."""
    changed = await tx.run(
        "update process_instance set open = 0, ended_at = ?, end_activity = 'end', outcome = ?, delete_reason = ?"
        " where seq = ? and open = 1",
        (now, outcome, reason, process),
    )
    return changed == 1


async def close_decided(tx: Transaction, processes: Sequence[int], outcome: Outcome, now: int) -> None:
    """End processes whose procedure is nothing but the decision that was taken."""
    await tx.run_many(
        "update process_instance set open = 0, ended_at = ?, end_activity = 'end', outcome = ? where seq = ?"
        " and open = 1",
        [(now, outcome, process) for process in processes],
    )


async def close_many(
    tx: Transaction, reasons: Mapping[int, str], now: int, outcome: Outcome = Outcome.SUPERSEDED
) -> None:
    """End processes early, each for its own reason, and cancel their open tasks."""
    await tx.run_many(
        "update task_instance set status = ?, ended_at = ?, delete_reason = ?, rev = rev + 1"
        " where process = ? and coalesce(status, '') = 'OPEN'",
        [(TaskStatus.CANCELLED, now, reason, process) for process, reason in reasons.items()],
    )
    await tx.run_many(
        "update process_instance set open = 0, ended_at = ?, outcome = ?, delete_reason = ?"
        " where seq = ? and open = 1",
        [(now, outcome, reason, process) for process, reason in reasons.items()],
    )


async def delete_process(
    tx: Transaction, id: str | int, by: str, now: int, *, audit: Audit = unaudited
) -> records.Process:
    """End a process because an administrator says so; answers it as it was."""
    found = await records.process(tx, id)
    if not found.open:
        raise UnknownInstance(found.id)
    if await tx.fetch(
        "select 1 from intent where process = ? and state in ('READY', 'CLAIMED')", (found.seq,)
    ):
        raise Conflict(
            f"Process instance {found.id} was approved and is being carried out, can not be deleted"
        )
    await close_many(tx, {found.seq: f"Deleted by {by}"}, now, Outcome.DELETED)
    await audit(
        tx, [process_event("delete_process", found.seq, "DELETE", f"Process deleted by {by}", by, now)]
    )
    return found
