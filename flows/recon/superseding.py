"""Approvals that a run shows to be pointless: the object has another situation now, or its source is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from approvals import inbox
from conf.terms import Phase
from flows.workflow_audit import activity_audit

if TYPE_CHECKING:
    from conf.transaction import Transaction
    from flows.recon.run import Run
    from flows.recon.source_page import Outcome


async def supersede_pointless(run: Run, transaction: Transaction, outcome: Outcome, now: int) -> None:
    """Close open processes of objects that this page assessed with another situation."""
    if run.open_processes is None:
        run.open_processes = await inbox.any_open(transaction, run.mapping.name)
    if not run.open_processes:
        run.open_processes = bool(outcome.requests) or None
        return
    found: dict[tuple[str, str, str], str] = {}
    for entry in outcome.entries:
        side = "source" if entry.phase is Phase.SOURCE else "target"
        object_id = entry.source_id if side == "source" else entry.target_id
        if entry.situation is not None and object_id is not None:
            found[side, object_id, entry.qualifier] = str(entry.situation)
    for qualifier, source_id, _ in outcome.unchanged:
        found["source", source_id, qualifier] = "CONFIRMED"
    if not found:
        return
    waiting = await inbox.open_for(transaction, run.mapping.name, {id for _, id, _ in found})
    pointless: dict[int, str] = {}
    for processes in waiting.values():
        for process in processes:
            key = process.key
            now_found = found.get((key.side, key.object_id, key.qualifier))
            if now_found is not None and now_found != key.situation and process.task is not None:
                pointless[process.process] = f"The situation is {now_found} now, it was {key.situation}"
    await inbox.supersede(transaction, pointless, now, audit=activity_audit(run.call))


async def supersede_gone(run: Run, transaction: Transaction, now: int) -> None:
    """Close open processes of sources that a complete, unfiltered enumeration did not show."""
    waiting = await inbox.open_for(transaction, run.mapping.name)
    pointless = {
        process.process: "The source is gone"
        for id, processes in waiting.items()
        if id not in run.seen
        for process in processes
        if process.key.side == "source" and process.task is not None
    }
    await inbox.supersede(transaction, pointless, now, audit=activity_audit(run.call))
