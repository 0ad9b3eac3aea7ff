"""Audit rows of reconciliation and their form on the wire."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

from conf.transaction import Row
from flows.store.json_text import dump_told, load_optional, plain


@dataclass(slots=True)
class ReconAudit:
    """One row to append; `entry_type` is `start`, `entry` or `summary`."""

    recon_id: str | None
    entry_type: str
    at: int
    mapping: str
    user_id: str = ""
    transaction_id: str | None = None
    """None where it is the run's id."""
    recon_action: str | None = None
    phase: str | None = None
    """`source` or `target`, on entries."""
    situation: str | None = None
    action: str | None = None
    status: str | None = None
    qualifier: str | None = None
    source_id: str | None = None
    """Bare; the container goes before it on the wire."""
    target_id: str | None = None
    source_container: str | None = None
    target_container: str | None = None
    ambiguous: str | None = None
    """`""` or `a, b` in the source phase, None in the target phase."""
    message: str | None = None
    detail: Any = None
    """JSON: the run's document in a summary, the error's body in an entry that failed."""
    exception: str | None = None
    task_id: str | None = None
    approver: str | None = None


COLUMNS: Final = tuple(field.name for field in fields(ReconAudit))
DETAIL: Final = COLUMNS.index("detail")
_VALUES: Final = attrgetter(*COLUMNS)
#: what others wrote: ids and texts; the rest are words of ours
_FOREIGN: Final = ("user_id", "source_id", "target_id", "ambiguous", "message", "exception", "approver")
_FOREIGN_TEXTS: Final = attrgetter(*_FOREIGN)


def row_of(audit: ReconAudit) -> Row:
    """The row in the order of COLUMNS."""
    if any(text and "\0" in text for text in _FOREIGN_TEXTS(audit)):
        audit = replace(audit)
        for name in _FOREIGN:
            setattr(audit, name, plain(getattr(audit, name)))
    if audit.detail is not None:
        audit = replace(audit, detail=dump_told(audit.detail))
    row: Row = _VALUES(audit)
    return row


def timestamp(at: int) -> str:
    """Epoch milliseconds as the wire has them."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def audit_id(recon_id: str | None, seq: int) -> str:
    return f"{recon_id or 'audit'}-{seq}"


def document(seq: int, audit: ReconAudit) -> dict[str, Any]:
    """The row as `audit/recon` answers it."""
    found: dict[str, Any] = {
        "_id": audit_id(audit.recon_id, seq),
        "_rev": "1",
        "transactionId": audit.transaction_id or audit.recon_id,
        "timestamp": timestamp(audit.at),
        "eventName": "recon",
        "userId": audit.user_id,
        "entryType": audit.entry_type,
        "reconId": audit.recon_id,
        "mapping": audit.mapping,
        "reconciling": audit.phase,
        "linkQualifier": audit.qualifier,
        "sourceObjectId": _qualified(audit.source_container, audit.source_id),
        "targetObjectId": _qualified(audit.target_container, audit.target_id),
        "ambiguousTargetObjectIds": audit.ambiguous,
        "message": audit.message,
        "exception": audit.exception,
    }
    if audit.entry_type == "entry":
        found |= {"situation": audit.situation, "action": audit.action, "status": audit.status}
    else:
        found["reconAction"] = audit.recon_action
    if audit.entry_type == "summary":
        found["status"] = audit.status
    optional = {"messageDetail": audit.detail, "taskId": audit.task_id, "approver": audit.approver}
    return found | {name: value for name, value in optional.items() if value is not None}


def _qualified(container: str | None, id: str | None) -> str | None:
    if id is None:
        return None
    return f"{container}/{id}" if container else id


def document_of(row: Row) -> dict[str, Any]:
    """The wire form of a database row: seq, then COLUMNS."""
    seq, *values = row
    values[DETAIL] = load_optional(values[DETAIL])
    return document(seq, ReconAudit(*values))
