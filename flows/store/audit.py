"""The audit: appended to, queried by the names of the wire, never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from conf.filters.ast import Comparison, Filter
from conf.transaction import Row, Transaction
from flows.store import audit_events, audit_recon
from flows.store.audit_events import AuditEvent
from flows.store.audit_recon import ReconAudit
from flows.store.filter_sql import Columns, Constant, JsonMember, TextColumn, TimeColumn, condition, order_by
from flows.store.json_sql import Condition, JsonSql, all_of

__all__ = ["AuditEvent", "ReconAudit"]

TOPICS: Final = frozenset({"access", "activity", "authentication", "config", "recon", "sync"})


class AuditIdColumn(TextColumn):
    """`_id`: the number behind its last dash finds the row."""

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        plain = super().compare(words, comparison)
        if comparison.operator != "eq" or not isinstance(comparison.value, str):
            return plain
        seq = _seq(comparison.value)
        return plain if seq is None else all_of((Condition("seq = ?", (seq,)), plain))


def _path(container: str, id: str) -> TextColumn:
    return TextColumn(f"(coalesce({container} || '/', '') || {id})")


RECON: Final = Columns(
    {
        "_id": AuditIdColumn("(coalesce(recon_id, 'audit') || '-' || cast(seq as text))"),
        "_rev": Constant("1"),
        "transactionId": TextColumn("coalesce(transaction_id, recon_id)"),
        "timestamp": TimeColumn("at"),
        "eventName": Constant("recon"),
        "userId": TextColumn("user_id"),
        "entryType": TextColumn("entry_type"),
        "reconId": TextColumn("recon_id"),
        "reconAction": TextColumn("recon_action"),
        "mapping": TextColumn("mapping"),
        "reconciling": TextColumn("phase"),
        "linkQualifier": TextColumn("qualifier"),
        "situation": TextColumn("situation"),
        "action": TextColumn("action"),
        "status": TextColumn("status"),
        "sourceObjectId": _path("source_container", "source_id"),
        "targetObjectId": _path("target_container", "target_id"),
        "ambiguousTargetObjectIds": TextColumn("ambiguous"),
        "message": TextColumn("message"),
        "messageDetail": JsonMember("detail", ()),
        "exception": TextColumn("exception"),
        "taskId": TextColumn("task_id"),
        "approver": TextColumn("approver"),
    }
)

EVENT: Final = Columns(
    {
        "_id": AuditIdColumn("('audit-' || cast(seq as text))"),
        "_rev": Constant("1"),
        "transactionId": TextColumn("transaction_id"),
        "timestamp": TimeColumn("at"),
        "userId": TextColumn("user_id"),
    },
    "body",
)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events as the wire has them."""

    documents: list[dict[str, Any]]
    total: int = -1
    """Of all pages; -1 when it was not asked for."""


async def append_recon(tx: Transaction, rows: Iterable[ReconAudit]) -> None:
    """Append entries of reconciliation, in their order."""
    await tx.insert("audit_recon", audit_recon.COLUMNS, [audit_recon.row_of(row) for row in rows])


async def append_events(tx: Transaction, topic: str, rows: Iterable[AuditEvent]) -> None:
    """Append events of another topic, in their order."""
    await tx.insert("audit_event", audit_events.COLUMNS, [audit_events.row_of(topic, row) for row in rows])


async def query(
    tx: Transaction,
    topic: str,
    filter: Filter,
    *,
    sort_keys: Sequence[str] = (),
    page_size: int = 0,
    offset: int = 0,
    count: bool = False,
) -> AuditPage:
    """Events that match a filter on wire names, oldest first unless sorted otherwise."""
    table, columns, members, document = _table(topic)
    where = condition(filter, members, tx.dialect)
    if topic != "recon":
        where = all_of((Condition("topic = ?", (topic,)), where))
    total = -1
    if count:
        total = (await tx.fetch(f"select count(*) from {table} where {where.sql}", where.parameters))[0][0]
    order = order_by(sort_keys, members, tx.dialect, "seq")
    rows = await tx.fetch(
        f"select {columns} from {table} where {where.sql} order by {order} limit ? offset ?",
        (*where.parameters, page_size or 2**62, offset),
    )
    return AuditPage([document(row) for row in rows], total)


async def read(tx: Transaction, topic: str, id: str) -> dict[str, Any] | None:
    """The event with this `_id`."""
    seq = _seq(id)
    if seq is None:
        return None
    table, columns, _, document = _table(topic)
    rows = await tx.fetch(f"select {columns} from {table} where seq = ?", (seq,))
    found = [document(row) for row in rows if topic == "recon" or row[1] == topic]
    return found[0] if found and found[0]["_id"] == id else None


async def summary(tx: Transaction, recon_id: str) -> dict[str, Any] | None:
    """The run's document as its summary kept it, for a run whose own row is gone."""
    rows = await tx.fetch(
        f"select {_table('recon')[1]} from audit_recon where recon_id = ? and entry_type = 'summary' "
        "order by seq desc limit 1",
        (recon_id,),
    )
    detail = audit_recon.document_of(rows[0]).get("messageDetail") if rows else None
    return detail if isinstance(detail, dict) else None


def _table(topic: str) -> tuple[str, str, Columns, Callable[[Row], dict[str, Any]]]:
    if topic == "recon":
        return "audit_recon", ", ".join(("seq", *audit_recon.COLUMNS)), RECON, audit_recon.document_of
    return "audit_event", ", ".join(("seq", *audit_events.COLUMNS)), EVENT, audit_events.document_of


def _seq(id: str) -> int | None:
    number = id.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None
