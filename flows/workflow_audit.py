"""Writing what happens to tasks and processes into the audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approvals.events import Audit, Event
from conf.errors import ReconError
from conf.terms import EntryStatus
from flows.store import audit
from flows.store.audit import AuditEvent, ReconAudit

if TYPE_CHECKING:
    from approvals.intents import Intent
    from approvals.records import Task
    from conf.database import Transaction
    from flows.call import Call


def activity_audit(call: Call) -> Audit:
    """Writes events as activity, under the id of this call."""

    async def write(tx: Transaction, events: Sequence[Event], /) -> None:
        await audit.append_events(
            tx,
            "activity",
            [AuditEvent(event.at, event.user_id, call.transaction_id, _body(event)) for event in events],
        )

    return write


async def audit_refusal(call: Call, tx: Transaction, order: Intent, task: Task, error: ReconError) -> None:
    """Note an approved action that was refused under its run's id, unless whoever refused has done so."""
    if task.recon_id is None or task.mapping is None:
        return
    noted = await tx.fetch(
        "select 1 from audit_recon where recon_id = ? and entry_type = 'entry' and task_id = ? limit 1",
        (task.recon_id, task.id),
    )
    if noted:
        return
    mapping = next((each for each in call.runtime.project.all_mappings if each.name == task.mapping), None)
    await audit.append_recon(
        tx,
        [
            ReconAudit(
                task.recon_id,
                "entry",
                call.now(),
                task.mapping,
                user_id=call.caller.id,
                transaction_id=call.transaction_id,
                phase=task.side,
                situation=task.situation or None,
                action=task.action or None,
                status=EntryStatus.FAILURE,
                qualifier=task.qualifier,
                source_id=task.variables.get("sourceId"),
                target_id=task.variables.get("targetId"),
                source_container=None if mapping is None else mapping.source,
                target_container=None if mapping is None else mapping.target,
                message=error.message,
                detail=error.body(),
                task_id=task.id,
                approver=order.approver,
            )
        ],
    )


def _body(event: Event) -> dict[str, object]:
    return {
        "eventName": event.name,
        "runAs": event.user_id,
        "operation": event.operation,
        "before": None,
        "after": None,
        "changedFields": [],
        "revision": None,
        "message": event.message,
        "objectId": event.object_id,
        "passwordChanged": False,
        "status": "SUCCESS",
        **event.more,
    }
