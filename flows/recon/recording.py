"""What a page leaves behind beside its effects: counters, audit entries, association entries, approvals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from conf.terms import Action, Phase, Situation
from flows.engine.entry import Entry
from flows.recon.requests import open_requests
from flows.recon.superseding import supersede_pointless
from flows.store import audit, entries
from flows.store.audit_recon import COLUMNS, ReconAudit, row_of
from flows.store.entries import Entry as Association

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from conf.transaction import Transaction
    from flows.call import Call
    from flows.perform import Asked
    from flows.recon.run import Run
    from flows.recon.source_page import Outcome


async def record(run: Run, transaction: Transaction, outcome: Outcome) -> None:
    """Open the approvals that were asked for, then count and write down every entry of a page."""
    now = run.call.now()
    with run.statistics.measure("auditLog"):
        await open_requests(run.call, transaction, outcome.requests, run.row.user_id)
        if not run.row.is_analysis:
            await supersede_pointless(run, transaction, outcome, now)
        for entry in outcome.entries:
            run.statistics.count(entry)
        run.statistics.count_unchanged(len(outcome.unchanged), performed=not run.row.is_analysis)
        rows = [row_of(_audit(run, entry, now)) for entry in outcome.entries if entry.reported]
        await transaction.insert("audit_recon", COLUMNS, rows)
        await _record_unchanged(run, transaction, outcome.unchanged, now)
        if run.row.persist_associations:
            await _associations(run, transaction, outcome)


def _audit(run: Run, entry: Entry, now: int) -> ReconAudit:
    return entry_audit(run.mapping, entry, run.id, run.row.user_id, now)


def entry_audit(
    mapping: ObjectMapping, entry: Entry, recon_id: str | None, user_id: str, now: int
) -> ReconAudit:
    """An entry as the audit keeps it."""
    return ReconAudit(
        recon_id=recon_id,
        entry_type="entry",
        at=now,
        mapping=mapping.name,
        user_id=user_id,
        phase=entry.phase.value,
        situation=None if entry.situation is None else entry.situation.value,
        action=None if entry.action is None else entry.action.value,
        status=entry.status.value,
        qualifier=entry.qualifier,
        source_id=entry.source_id,
        target_id=entry.target_id,
        source_container=mapping.source,
        target_container=mapping.target,
        ambiguous=", ".join(entry.ambiguous) if entry.phase is Phase.SOURCE else None,
        message=entry.message,
        detail=entry.detail,
    )


async def _record_unchanged(
    run: Run, transaction: Transaction, unchanged: Iterable[tuple[str, str, str]], now: int
) -> None:
    """Rows of confirmed pairs, without an object each and without the columns that stay empty: there may be a million."""
    own = ("qualifier", "source_id", "target_id")
    sample = zip(
        COLUMNS, row_of(entry_audit(run.mapping, CONFIRMED, run.id, run.row.user_id, now)), strict=True
    )
    same = {name: value for name, value in sample if value is not None and name not in own}
    head = tuple(same.values())
    await transaction.insert("audit_recon", (*same, *own), [(*head, *found) for found in unchanged])


CONFIRMED = Entry(Phase.SOURCE, "default", situation=Situation.CONFIRMED, action=Action.UPDATE)


async def _associations(run: Run, transaction: Transaction, outcome: Outcome) -> None:
    first = await entries.last_seq(transaction, run.row.seq) + 1
    rows = [
        _association(seq, entry)
        for seq, entry in enumerate((*outcome.entries, *map(_unchanged_entry, outcome.unchanged)), first)
    ]
    await entries.append(transaction, run.row.seq, rows)


def _unchanged_entry(found: tuple[str, str, str]) -> Entry:
    qualifier, source_id, target_id = found
    return Entry(
        Phase.SOURCE,
        qualifier,
        source_id=source_id,
        target_id=target_id,
        situation=Situation.CONFIRMED,
        action=Action.UPDATE,
    )


def _association(seq: int, entry: Entry) -> Association:
    return Association(
        seq=seq,
        phase=entry.phase.value,
        situation=None if entry.situation is None else entry.situation.value,
        action=None if entry.action is None else entry.action.value,
        status=entry.status.value,
        qualifier=entry.qualifier,
        source_id=entry.source_id,
        target_id=entry.target_id,
        ambiguous=list(entry.ambiguous) or None,
        message=entry.message,
        detail=_kept(entry),
        changed=entry.effect is not None and entry.effect != "unchanged",
    )


def _kept(entry: Entry) -> Any:
    """The detail, with what a responder keeps of the entry."""
    if entry.facts is None:
        return entry.detail
    detail = entry.detail if isinstance(entry.detail, dict) else {}
    return {**detail, "reconciliation": entry.facts}


async def record_performed(call: Call, mapping: ObjectMapping, entry: Entry, asked: Asked) -> None:
    """Audit what performAction did under the id of the run it belongs to."""
    async with call.write() as transaction:
        row = entry_audit(mapping, entry, asked.recon_id, call.caller.id, call.now())
        row.transaction_id = call.transaction_id
        row.task_id, row.approver = asked.task_id, asked.approver
        await audit.append_recon(transaction, [row])
