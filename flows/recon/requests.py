"""Requests for approval: from an entry that asked for a process to the inbox, and back to the entry's message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approvals import inbox
from approvals.requests import ApprovalRequest, Opened
from conf.terms import EntryStatus
from flows.engine.entry import Entry
from flows.engine.failures import EntryFailed
from flows.engine.world import ProcessRequest
from flows.recon.fingerprints import source_digest
from flows.workflow_audit import activity_audit

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from conf.transaction import Transaction
    from flows.call import Call


def approval_request(request: ProcessRequest, user_id: str) -> ApprovalRequest:
    """The request as the inbox takes it."""
    variables = request.variables
    on_target = "target" in variables
    source_id, target_id = variables.get("sourceId"), variables.get("targetId")
    object_id = target_id if on_target else source_id
    return ApprovalRequest(
        definition_key=request.trigger.workflow_name,
        mapping=str(variables["mapping"]),
        qualifier=str(variables["linkQualifier"]),
        side="target" if on_target else "source",
        object_id=str(object_id or ""),
        situation=str(variables["situation"]),
        action=str(variables["action"]),
        recon_id=variables.get("reconId"),
        source_id=source_id,
        target_id=target_id,
        ambiguous=tuple(variables.get("ambiguousTargetIds") or ()),
        source_digest=source_digest(request.subject),
        variables={"target": "true"} if on_target else {},
        start_user=user_id,
        after_rejection="ask" if request.trigger.ask_again else "remember",
    )


async def open_requests(
    call: Call, transaction: Transaction, requests: Sequence[tuple[Entry, ProcessRequest]], user_id: str
) -> None:
    """Open what a page asked for, set-wise; each entry is told what became of its request."""
    if not requests:
        return
    asked = [approval_request(request, user_id) for _, request in requests]
    opened = await inbox.open_many(transaction, asked, call.now(), audit=activity_audit(call))
    for (entry, _), answer in zip(requests, opened, strict=True):
        entry.message = message(answer)
        if answer.error is not None:
            entry.status = EntryStatus.FAILURE


async def open_request(
    call: Call, mapping: ObjectMapping, request: ProcessRequest, run_id: str | None
) -> str | None:
    """Open one request at once; raises EntryFailed when there is no such process."""
    async with call.write() as transaction:
        opened = await inbox.open_many(transaction, [approval_request(request, call.caller.id)], call.now())
    if opened[0].error is not None:
        raise EntryFailed(message(opened[0]) or f"The approval of {mapping.name} could not be opened")
    return message(opened[0])


def message(opened: Opened) -> str | None:
    """What an entry says about its request; nothing when a task was opened or waits already."""
    if opened.error is not None:
        return opened.error.message
    return opened.message
